"""A heartbeat: something that must be heard from, again and again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from alerts.enums import BeatState
from alerts.models.integration import Integration


class HeartbeatMonitor(models.Model):
    """How often an integration of kind heartbeat must be heard from, and when it last was."""

    integration = models.OneToOneField(
        Integration, on_delete=models.CASCADE, related_name="heartbeat"
    )
    interval_seconds = models.PositiveIntegerField(
        "beats every (seconds)", default=300, validators=[MinValueValidator(1)]
    )
    grace_seconds = models.PositiveIntegerField("may be late by (seconds)", default=60)
    severity = models.CharField(
        max_length=16, default="P2", help_text="Of the alert that silence opens."
    )
    state = models.CharField(
        max_length=10,
        choices=[(s.value, s.value) for s in BeatState],
        default=BeatState.WAITING.value,
        editable=False,
    )
    watched_since = models.DateTimeField(
        editable=False, help_text="The silence before the first beat counts from here."
    )
    last_beat_at = models.DateTimeField(null=True, blank=True, editable=False)
    beats = models.PositiveBigIntegerField(default=0, editable=False)
    round = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="heartbeat_beats", condition=Q(interval_seconds__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.integration.name}: every {self.interval_seconds} s"

    @property
    def silent_at(self) -> datetime:
        """The instant from which its silence is an alert, as things stand."""
        heard = max(self.last_beat_at or self.watched_since, self.watched_since)
        return heard + timedelta(seconds=self.interval_seconds + self.grace_seconds)
