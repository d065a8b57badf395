"""An override: somebody else, or nobody, holds the rota for a while."""

from __future__ import annotations

from typing import ClassVar

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from deadlines.standing import noted
from rotations.enums import OverrideKind
from rotations.models.rota import Rota
from rotations.models.swap import Swap
from rotations.rules.overrides import LONGEST_OVERRIDE


@pghistory.track()
class Override(models.Model):
    """From `starts_at` until just before `ends_at` this person holds the rota; the latest made wins.

    Without a person the rota is vacant, on record.
    """

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="overrides")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="overrides",
    )
    kind = models.CharField(
        max_length=10,
        choices=[(kind.value, kind.value) for kind in OverrideKind],
        default=OverrideKind.OVERRIDE.value,
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    swap = models.ForeignKey(
        Swap, on_delete=models.SET_NULL, null=True, blank=True, related_name="overrides"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="made_overrides",
    )
    created_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["-starts_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["rota", "ends_at"], name="override_of_rota"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="override_starts_before_it_ends",
                condition=Q(starts_at__lt=F("ends_at")),
                violation_error_message="An override must end after it starts.",
            ),
            models.CheckConstraint(
                name="override_not_over_a_year",
                condition=Q(ends_at__lte=F("starts_at") + LONGEST_OVERRIDE),
                violation_error_message="An override lasts a year at most; change the rota instead.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or 'nobody'} for {self.rota}"
