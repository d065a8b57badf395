"""The shifts as they were and as they will be: the past frozen, the future redrawn by the rules."""

from __future__ import annotations

import uuid
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from directory.models import Team
from rotations.enums import Level, Why
from rotations.models.override import Override
from rotations.models.rota import Rota


class TstzRange(Func):
    function = "tstzrange"
    output_field = DateTimeRangeField()


class Shift(models.Model):
    """One stretch in which one person holds a rota, from `starts_at` until just before `ends_at` (UTC)."""

    rota = models.ForeignKey(Rota, on_delete=models.PROTECT, related_name="shifts")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="shifts")
    level = models.CharField(max_length=10, choices=[(level.value, level.value) for level in Level])
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="shifts"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    why = models.CharField(max_length=10, choices=[(why.value, why.value) for why in Why])
    override = models.ForeignKey(
        Override, on_delete=models.SET_NULL, null=True, blank=True, related_name="shifts"
    )
    frozen = models.BooleanField(default=False)
    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    sequence = models.PositiveIntegerField(
        default=0, help_text="Grows with each change (RFC 5545)."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["starts_at", "rota_id"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(
                name="frozen_shift_stays",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__frozen=True),
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["rota", "ends_at"], name="shift_of_rota"),
            models.Index(fields=["user", "ends_at"], name="shift_of_user"),
            models.Index(fields=["team", "ends_at"], name="shift_of_team"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="shift_starts_before_it_ends", condition=Q(starts_at__lt=F("ends_at"))
            ),
            ExclusionConstraint(
                name="shift_one_person_in_a_slot",
                expressions=[
                    (F("rota"), RangeOperators.EQUAL),
                    (TstzRange("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="shift_nobody_is_their_own_backup",
                expressions=[
                    (F("team"), RangeOperators.EQUAL),
                    (F("user"), RangeOperators.EQUAL),
                    (F("level"), RangeOperators.NOT_EQUAL),
                    (TstzRange("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                ],
                condition=Q(level__in=["primary", "secondary"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} holds {self.rota}"
