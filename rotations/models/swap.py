"""A swap: a stretch of a rota that a colleague is asked to take."""

from __future__ import annotations

from typing import ClassVar

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from rotations.enums import SwapState
from rotations.models.rota import Rota


@pghistory.track()
class Swap(models.Model):
    """`colleague` takes the rota from `giver` between the instants; in exchange, where a stretch back is
    named, `giver` takes that of `back_rota` from `colleague`. The overrides it made name it."""

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="swaps")
    giver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="given_swaps"
    )
    colleague = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="asked_swaps"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    back_rota = models.ForeignKey(
        Rota, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    back_starts_at = models.DateTimeField(null=True, blank=True)
    back_ends_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in SwapState],
        default=SwapState.ASKED.value,
    )
    note = models.CharField(max_length=300, blank=True)
    answer = models.CharField(max_length=300, blank=True)
    waiver_reason = models.CharField(max_length=300, blank=True)
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="swap_starts_before_it_ends",
                condition=Q(starts_at__lt=F("ends_at")),
                violation_error_message="A swap must end after it starts.",
            ),
            models.CheckConstraint(
                name="swap_between_two_people",
                condition=~Q(giver=F("colleague")),
                violation_error_message="A swap needs two people.",
            ),
            models.CheckConstraint(
                name="swap_back_whole",
                condition=Q(
                    back_rota__isnull=True, back_starts_at__isnull=True, back_ends_at__isnull=True
                )
                | Q(
                    back_rota__isnull=False,
                    back_starts_at__isnull=False,
                    back_ends_at__isnull=False,
                    back_starts_at__lt=F("back_ends_at"),
                ),
                violation_error_message="The stretch back needs a rota, a start and a later end.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.colleague} for {self.giver}"
