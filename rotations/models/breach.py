"""A breach: what the roster proof found in the published roster, since when, and who let it stand."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from directory.models import Team
from rotations.enums import BreachKind
from rotations.models.rota import Rota


class Breach(models.Model):
    """One finding of the proof, kept from the look that found it to the look that no longer did."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="breaches")
    rota = models.ForeignKey(
        Rota, on_delete=models.CASCADE, null=True, blank=True, related_name="breaches"
    )
    key = models.CharField(max_length=200, help_text="The same finding in the next look.")
    kind = models.CharField(
        max_length=16, choices=[(kind.value, kind.value) for kind in BreachKind]
    )
    clause = models.CharField(max_length=8, blank=True)
    level = models.CharField(max_length=10, blank=True)
    user_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    blocking = models.BooleanField()
    said = models.CharField(max_length=500)
    found_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    woke_at = models.DateTimeField(null=True, blank=True)
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    waived_at = models.DateTimeField(null=True, blank=True)
    waived_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when it went when it was let stand."
    )
    waived_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "breaches"
        ordering: ClassVar[list[str]] = ["starts_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["team", "key"], condition=Q(gone_at__isnull=True), name="breach_open_once"
            ),
        ]

    def __str__(self) -> str:
        return self.said
