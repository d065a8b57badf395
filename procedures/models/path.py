"""Escalation paths: whom, when, under which clause."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from procedures.models.fields import SpanField
from procedures.models.procedure import Procedure
from procedures.models.rows import Clausal, clause_field, name_field, slug_field, words
from procedures.rules.notation import BadNotation, parse_target, parse_trigger

WHO = "One per line: rota primary · role engineering-manager · team all-hands · lead service smes"
WHEN = (
    "One per line: at once · unacknowledged · unacknowledged 10m · unresolved 30m · on demand · "
    "flag major. Whichever comes first sets the step off."
)


def validate_who(lines: list[str]) -> None:
    """Refuses a line that names nobody."""
    _validate_each(lines, parse_target)


def validate_when(lines: list[str]) -> None:
    """Refuses a line that is no trigger."""
    _validate_each(lines, parse_trigger)


def _validate_each(lines: list[str], parse: Callable[[str], object]) -> None:
    for line in lines:
        try:
            parse(line)
        except BadNotation as error:
            raise ValidationError(str(error)) from error


class EscalationPath(Clausal):
    """An ordered path for some severities of one kind of incident."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="paths")
    slug = slug_field()
    name = name_field()
    kind = models.CharField(
        max_length=10,
        choices=[("standard", "Standard"), ("security", "Security")],
        default="standard",
    )
    severities = words("The severities it is for, one per line.")
    with_standard = words("Security only: where the standard path runs too (X18), one per line.")
    repeat_every = SpanField(
        help_text="While unacknowledged, the reached steps repeat this often (X17)."
    )
    repeat_severities = words("The severities at which they repeat, one per line.")
    repeat_clause = clause_field()

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "slug"], name="path_slug_once"),
        ]

    def __str__(self) -> str:
        return self.name


class EscalationStep(Clausal):
    """One rung of a path."""

    path = models.ForeignKey(EscalationPath, models.CASCADE, related_name="steps")
    key = slug_field()
    label = models.CharField(max_length=200)
    who = words(WHO, validate_who)
    when = words(WHEN, validate_when)
    takes_over = models.BooleanField(
        default=False, help_text="Unacknowledged, whom it reaches takes the incident over."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["path", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["path", "key"], name="step_key_once"),
        ]

    def __str__(self) -> str:
        return self.label


class RepeatExtra(Clausal):
    """Whom the repeats of an unacknowledged incident add, from which repeat on."""

    path = models.ForeignKey(EscalationPath, models.CASCADE, related_name="repeat_extras")
    key = slug_field()
    label = models.CharField(max_length=200)
    round = models.PositiveSmallIntegerField(help_text="1 is the first repeat.")
    who = words(WHO, validate_who)

    class Meta:
        ordering: ClassVar[list[str]] = ["path", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["path", "key"], name="repeat_key_once"),
        ]

    def __str__(self) -> str:
        return self.label
