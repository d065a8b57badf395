"""Roles, rotas' rules and chat channels: who may be reached where, never who they are."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models

from procedures.enums import Level
from procedures.models.procedure import Procedure
from procedures.models.rows import (
    WEEKDAYS,
    Clausal,
    Placed,
    name_field,
    slug_field,
    text_field,
    words,
)

_LEVELS = [(level.value, level.value.capitalize()) for level in Level]


class Role(Clausal):
    """A role of the contact table. Its holders are kept per team."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="roles")
    slug = slug_field()
    name = name_field()
    from_rota = models.CharField(
        max_length=10,
        blank=True,
        default="",
        choices=_LEVELS[:3],
        help_text="Held by whoever is on call at this level; empty means named per team.",
    )
    tertiary = models.BooleanField(
        default=False, help_text="The tertiary escalation (C12): for the worst severity only (C13)."
    )
    backup_required = models.BooleanField(default=False)
    backup_role = models.CharField(
        max_length=80, blank=True, default="", help_text="The role that backs it up (X13)."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="role_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class RoleMethod(Placed):
    """By which kinds of contact method a role may be reached at one severity."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="methods")
    severity = models.CharField(max_length=80)
    by = words("One per line: pager, phone, mail, chat, webhook.")

    class Meta:
        ordering: ClassVar[list[str]] = ["role", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["role", "severity"], name="role_method_once"),
        ]

    def __str__(self) -> str:
        return f"{self.severity}: {', '.join(self.by)}"


class RotaRule(Clausal):
    """How a level of the pager rotates."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="rota_rules")
    level = models.CharField(max_length=10, choices=_LEVELS)
    name = name_field()
    unit = models.CharField(
        max_length=4, choices=[("day", "Day"), ("week", "Week")], default="week"
    )
    length = models.PositiveSmallIntegerField(default=1)
    handoff_weekday = models.CharField(max_length=9, choices=WEEKDAYS, default="monday")
    handoff_time = models.TimeField(default=dt.time(9), help_text="On the rota's wall clock.")
    coverage = text_field()
    participants = text_field()
    derived_from = models.CharField(max_length=10, blank=True, default="", choices=_LEVELS[:2])
    offset = models.PositiveSmallIntegerField(
        default=0, help_text="How many places after the rota it is derived from."
    )
    minimum_people = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "level"], name="rota_rule_level_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ChatChannel(Clausal):
    """A chat channel by its key; each team says which real channel it is."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="chat_channels")
    key = slug_field()
    name = name_field()
    purpose = text_field()
    routes = words("What is posted here, one per line: alert P2 · incident P1 (X5)")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "key"], name="chat_channel_key_once"),
        ]

    def __str__(self) -> str:
        return self.name
