"""A rota: people who take turns, on one zone's wall clock."""

from __future__ import annotations

from datetime import time
from typing import ClassVar

import pghistory
import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from deadlines.standing import noted
from directory.models import Team
from directory.models.fields import validate_zone
from directory.models.team import WEEKDAYS
from rotations.enums import Level, Unit


@pghistory.track()
class Rota(models.Model):
    """Turns of one length, handed over at one hour of the wall clock; or the next in order of another rota."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rotas")
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    level = models.CharField(
        max_length=10,
        choices=[(level.value, level.value) for level in Level],
        default=Level.PRIMARY.value,
    )
    unit = models.CharField(
        max_length=5, choices=[(unit.value, unit.value) for unit in Unit], default=Unit.WEEK.value
    )
    length = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(52)],
        help_text="Days or weeks of one shift.",
    )
    handoff_weekday = models.PositiveSmallIntegerField(
        default=0, choices=list(enumerate(WEEKDAYS)), help_text="Counts for weekly shifts only."
    )
    handoff_time = models.TimeField(default=time(9), help_text="On the rota's wall clock.")
    zone = models.CharField("time zone", max_length=64, default="UTC", validators=[validate_zone])
    starts_on = models.DateField(help_text="The shift that holds this day is the first member's.")
    derived_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="derived",
        help_text="Take the people and the boundaries of this rota, but the next in order.",
    )  # fmt: skip
    offset = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="How many places further, in a derived rota.",
    )
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["team_id", "level", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="rota_length_positive",
                condition=Q(length__gte=1),
                violation_error_message="A shift needs a length of at least one.",
            ),
            models.CheckConstraint(
                name="rota_handoff_weekday",
                condition=Q(handoff_weekday__lte=6),
            ),
            models.CheckConstraint(
                name="rota_offset_positive",
                condition=Q(offset__gte=1),
            ),
            models.CheckConstraint(
                name="rota_not_derived_from_itself",
                condition=Q(derived_from__isnull=True) | ~Q(derived_from=F("id")),
                violation_error_message="A rota cannot be derived from itself.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        base = self.derived_from
        if base is None:
            return
        if base.derived_from_id is not None:
            raise ValidationError({"derived_from": "That rota is itself derived; name its origin."})
        if self.pk and self.derived.exists():
            raise ValidationError({"derived_from": "Other rotas are derived from this one."})
        if base.team_id != self.team_id:
            raise ValidationError({"derived_from": "That rota is another team's."})


@pghistory.track()
class RotaMember(models.Model):
    """A person's place in a rota's order."""

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rota_places"
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rota", "user"],
                name="rota_member_once",
                violation_error_message="This person is in the rota already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.rota}"
