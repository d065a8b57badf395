"""A plan: how a rota's turns go, from one instant on. Drafts are edited; what is published stays as it was."""

from __future__ import annotations

from datetime import date, time
from typing import ClassVar

import pghistory
import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from deadlines.standing import noted
from directory.models.fields import validate_zone
from directory.models.team import WEEKDAYS
from rotations.enums import PlanState, Unit
from rotations.models.rota import Rota
from rotations.rules import hours
from rotations.rules.overrides import LAST_YEAR

FIRST_DAY, LAST_DAY = date(2015, 1, 1), date(LAST_YEAR, 12, 31)
"""Between them lie the days of a plan: beyond, there are instants that no clock can tell."""


def validate_hours(text: str) -> None:
    try:
        hours.parse(text)
    except hours.BadHours as error:
        raise ValidationError(str(error), code="bad_hours") from error


@pghistory.track()
class Plan(models.Model):
    """People who take turns on one zone's wall clock; or the next in order behind another rota.

    Of a rota's published plans the one in force is the latest whose `effective_at` has come; a first plan
    without one holds since its first shift.
    """

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="plans")
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in PlanState],
        default=PlanState.DRAFT.value,
    )
    unit = models.CharField(
        max_length=5, choices=[(unit.value, unit.value) for unit in Unit], default=Unit.WEEK.value
    )
    length = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(52)],
        help_text="Hours, days, weeks or months of one shift.",
    )
    handoff_weekday = models.PositiveSmallIntegerField(
        default=0, choices=list(enumerate(WEEKDAYS)), help_text="Counts for weekly shifts only."
    )
    handoff_time = models.TimeField(default=time(9), help_text="On the rota's wall clock.")
    zone = models.CharField("time zone", max_length=64, default="UTC", validators=[validate_zone])
    starts_on = models.DateField(help_text="The shift that holds this day is the first member's.")
    ends_on = models.DateField(
        null=True, blank=True, help_text="Nobody holds the rota from this day's handoff time on."
    )
    hours = models.CharField(
        "active hours", max_length=300, blank=True, validators=[validate_hours],
        help_text="Empty: always. Else such as Mon-Fri 09:00-17:00; Sat 10:00-14:00, on the rota's wall clock."
        " Outside them another rota of this level must hold the team.",
    )  # fmt: skip
    derived_from = models.ForeignKey(
        Rota, on_delete=models.PROTECT, null=True, blank=True, related_name="derived_plans",
        help_text="Take the people and the boundaries of this rota, but the next in order.",
    )  # fmt: skip
    offset = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="How many places further, in a derived rota.",
    )
    effective_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    waiver_reason = models.CharField(max_length=300, blank=True)
    based_on = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+",
        help_text="The rota's newest plan when the draft was begun, or last compared with.",
    )  # fmt: skip
    edit = models.PositiveIntegerField(default=1, help_text="Counts the draft's changes.")
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    edited_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["rota_id", "-effective_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rota"], condition=Q(state="draft"), name="plan_one_draft",
                violation_error_message="This rota has a draft already.",
            ),
            models.UniqueConstraint(
                fields=["rota", "effective_at"], condition=Q(state="published"),
                name="plan_one_at_an_instant",
                violation_error_message="Another plan of this rota begins at this instant.",
            ),
            models.UniqueConstraint(
                fields=["rota"], condition=Q(state="published", effective_at__isnull=True),
                name="plan_one_since_ever",
            ),
            models.CheckConstraint(
                name="plan_length_positive",
                condition=Q(length__gte=1),
                violation_error_message="A shift needs a length of at least one.",
            ),
            models.CheckConstraint(
                name="plan_handoff_weekday", condition=Q(handoff_weekday__lte=6)
            ),
            models.CheckConstraint(name="plan_offset_positive", condition=Q(offset__gte=1)),
            models.CheckConstraint(
                name="plan_not_derived_from_itself",
                condition=Q(derived_from__isnull=True) | ~Q(derived_from=F("rota")),
                violation_error_message="A rota cannot be derived from itself.",
            ),
            models.CheckConstraint(
                name="plan_ends_after_it_starts",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                violation_error_message="A rota must end after it starts.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.rota}, {self.state}"

    def clean(self) -> None:
        far = {
            name: f"Choose a day between {FIRST_DAY.year} and {LAST_DAY.year}."
            for name in ("starts_on", "ends_on")
            if (day := getattr(self, name)) and not FIRST_DAY <= day <= LAST_DAY
        }
        if far:
            raise ValidationError(far)
        base = self.derived_from
        if base is None or self.rota_id is None:
            return
        if (
            base.plans.exclude(state=PlanState.WITHDRAWN)
            .filter(derived_from__isnull=False)
            .exists()
        ):
            raise ValidationError({"derived_from": "That rota is itself derived; name its origin."})
        if self.rota.derived_plans.exclude(state=PlanState.WITHDRAWN).exists():
            raise ValidationError({"derived_from": "Other rotas are derived from this one."})
        if base.team_id != self.rota.team_id:
            raise ValidationError({"derived_from": "That rota is another team's."})


@pghistory.track()
class PlanMember(models.Model):
    """A person's place in a plan's order."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rota_places"
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["plan", "user"],
                name="plan_member_once",
                violation_error_message="This person is in the rota already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.plan}"
