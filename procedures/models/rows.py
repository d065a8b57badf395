"""What every row of a draft has: its procedure or parent, its place, its clauses."""

from __future__ import annotations

from collections.abc import Callable

from django.db import models

from procedures.models.fields import SpanField, WordsField

COMPARISONS = [(sign, sign) for sign in (">", ">=", "<", "<=", "=")]
WEEKDAYS = [
    (day, day.capitalize())
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
]
CADENCES = [(word, word.capitalize()) for word in ("weekly", "monthly", "quarterly", "yearly")]
CLOCKS = [("elapsed", "All hours"), ("business", "Business hours")]


def slug_field(
    help_text: str = "Short name, kept when the wording changes.",
) -> models.CharField[str, str]:
    return models.CharField(max_length=80, help_text=help_text)


def name_field() -> models.CharField[str, str]:
    return models.CharField(max_length=200)


def clause_field(
    about: str = "The clause this stands under, like C27.",
) -> models.CharField[str, str]:
    return models.CharField(max_length=8, blank=True, default="", help_text=about)


def words(help_text: str = "One per line.", *validators: Callable[[list[str]], None]) -> WordsField:
    return WordsField(help_text=help_text, validators=list(validators))


def text_field(help_text: str = "") -> models.TextField[str, str]:
    return models.TextField(blank=True, default="", help_text=help_text)


class Placed(models.Model):
    """A row with a place among its like."""

    position = models.PositiveIntegerField(default=0, help_text="Smaller comes first.")

    class Meta:
        abstract = True


class Clausal(Placed):
    """A row that stands under a clause, and maybe others."""

    clause = clause_field()
    also_clauses = words("Further clauses and readings, one per line.")

    class Meta:
        abstract = True


class Measured(Clausal):
    """A row that may carry a number to compare with."""

    measure = models.CharField(
        max_length=80, blank=True, default="", help_text="What is measured, like users_affected."
    )
    comparison = models.CharField(max_length=2, blank=True, default="", choices=COMPARISONS)
    threshold = models.FloatField(null=True, blank=True)
    unit = models.CharField(max_length=20, blank=True, default="")

    class Meta:
        abstract = True


class Line(Measured):
    """One line to tick, to read or to copy. Commands are shown, never run by the portal."""

    key = slug_field()
    text = models.TextField()
    command = text_field("To be copied; the portal never runs it.")
    link = text_field("An address or a file's path.")
    lasts = SpanField(help_text='How long it takes at least, like "15m".')
    severities = words("Only at these severities, one per line; empty means at all.")
    ticked_by = models.CharField(
        max_length=80, blank=True, default="", help_text="The event that ticks it by itself."
    )
    opens = models.CharField(
        max_length=80, blank=True, default="", help_text="What ticking it opens, like decision."
    )
    gate = models.BooleanField(default=False, help_text="The next state is refused without it.")
    optional = models.BooleanField(default=False)
    destructive = models.BooleanField(default=False, help_text="Asks a second, typed confirmation.")
    unavailable = text_field("Why it cannot be done yet.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.text
