"""What a team's roster must keep, as data."""

from __future__ import annotations

from datetime import time

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from directory.models import Team


@pghistory.track()
class RosterRules(models.Model):
    """One row for each team; the defaults are the procedure's."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="roster_rules")
    cover_always = models.BooleanField(
        "cover 24/7", default=True, help_text="A minute without a primary is a breach (C6)."
    )
    two_people = models.BooleanField(
        "two people at every minute", default=True,
        help_text="A minute with fewer than two people on call is a breach (C11).",
    )  # fmt: skip
    min_rest_hours = models.PositiveSmallIntegerField(
        "rest between shifts", default=8, validators=[MaxValueValidator(336)],
        help_text="Hours from the end of a person's shift to their next; less is a warning.",
    )  # fmt: skip
    most_weeks_in_row = models.PositiveSmallIntegerField(
        "weeks in a row", default=2, validators=[MinValueValidator(1), MaxValueValidator(52)],
        help_text="More weeks on call without a break are a warning.",
    )  # fmt: skip
    night_from = models.TimeField(default=time(22), help_text="Where a night begins, for fairness.")
    night_until = models.TimeField(default=time(6), help_text="Where it ends.")
    swaps_need_manager = models.BooleanField(
        default=False, help_text="A swap the colleague accepted waits for the manager as well."
    )
    horizon_weeks = models.PositiveSmallIntegerField(
        default=26, validators=[MinValueValidator(4), MaxValueValidator(104)],
        help_text="How far ahead shifts are drawn and proved.",
    )  # fmt: skip

    class Meta:
        verbose_name = verbose_name_plural = "roster rules"

    def __str__(self) -> str:
        return f"Roster rules of {self.team}"
