"""A team: its procedure, its working hours, its people, its chat channels."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, ClassVar

import pghistory
import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from deadlines.standing import noted
from directory.models.fields import (
    LowerEmailField,
    holiday_calendars,
    validate_country,
    validate_zone,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def monday_to_friday() -> list[int]:
    return [0, 1, 2, 3, 4]


@pghistory.track()
class Team(models.Model):
    """People who answer together for some services, under one procedure."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120, unique=True)
    procedure = models.ForeignKey(
        "procedures.Procedure", on_delete=models.PROTECT, related_name="teams"
    )
    zone = models.CharField("time zone", max_length=64, default="UTC", validators=[validate_zone])
    workdays = ArrayField(
        models.PositiveSmallIntegerField(validators=[MaxValueValidator(6)]),
        default=monday_to_friday, help_text="0 is Monday, 6 is Sunday.",
    )  # fmt: skip
    opens = models.TimeField(
        default=time(9), help_text="Business hours begin, on the team's wall clock."
    )
    closes = models.TimeField(
        default=time(17), help_text="Business hours end, on the team's wall clock."
    )
    holiday_country = models.CharField(
        max_length=8, default="US", blank=True, validators=[validate_country],
        help_text="Whose public holidays are no business days, such as US or DE; empty: none.",
    )  # fmt: skip
    holiday_subdivision = models.CharField(
        max_length=12, blank=True, help_text="A state or province of it, such as BE for Berlin."
    )
    extra_holidays = ArrayField(
        models.DateField(),
        default=list,
        blank=True,
        help_text="Further days off, as 2026-12-24, with commas.",
    )
    stakeholders = ArrayField(
        LowerEmailField(), default=list, blank=True,
        help_text="Who is told of this team's incidents and reviews, by mail; with commas.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["name"]
        permissions: ClassVar[list[tuple[str, StrOrPromise]]] = [
            ("manage_team", "Manages the team"),
            ("respond_for_team", "Answers the team's incidents"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="team_opens_before_it_closes",
                condition=Q(opens__lt=F("closes")),
                violation_error_message="Business hours must begin before they end.",
            ),
            models.CheckConstraint(
                name="team_works_some_day",
                condition=Q(workdays__len__gt=0) & Q(workdays__contained_by=[0, 1, 2, 3, 4, 5, 6]),
                violation_error_message="A team needs at least one working day.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        known = holiday_calendars().get(self.holiday_country, [])
        if self.holiday_subdivision and self.holiday_subdivision not in known:
            raise ValidationError({"holiday_subdivision": f"Unknown in {self.holiday_country}."})


@pghistory.track()
class Membership(models.Model):
    """A person of the team, in the team's order."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["team", "user"],
                name="membership_once",
                violation_error_message="This person is in the team already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} of {self.team}"


@pghistory.track()
class RoleHolder(models.Model):
    """Who holds a role of the procedure for this team, and who stands in.

    A role such as the security team may have several holders, one row each.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="role_holders")
    role = models.SlugField(
        max_length=60, help_text="The role's name in the procedure, such as engineering-manager."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="held_roles",
        verbose_name="holder",
    )
    backup = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="backed_roles",
        null=True,
        blank=True,
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["role", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["team", "role", "user"],
                name="role_holder_once",
                violation_error_message="This person holds the role already.",
            ),
            models.CheckConstraint(
                name="role_backup_is_another",
                condition=Q(backup__isnull=True) | ~Q(backup=F("user")),
                violation_error_message="The backup must be another person than the holder.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.user}"


@pghistory.track()
class TeamChannel(models.Model):
    """Where a channel that the procedure names, such as #incidents, really is for this team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="channels")
    channel = models.CharField(
        max_length=80, help_text="The channel's name in the procedure, such as incidents."
    )
    address = models.CharField(
        max_length=300, help_text="The address there: a chat channel's id, or a mail address."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["channel"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["team", "channel"],
                name="team_channel_once",
                violation_error_message="This channel has an address already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} → {self.address}"
