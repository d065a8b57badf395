"""How many alerts an incident has gathered."""

from __future__ import annotations

from django.db import models

from incidents.models.incident import Incident


class AlertTally(models.Model):
    """A counter of its own row, so that a storm never waits for the incident's lock."""

    incident = models.OneToOneField(
        Incident, on_delete=models.PROTECT, primary_key=True, related_name="alert_tally"
    )
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "alert tally"

    def __str__(self) -> str:
        return f"{self.count} alerts"
