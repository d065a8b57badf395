"""A procedure: the head of the document, and where its draft and versions hang."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar

from django.db import models

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

from procedures.models.fields import WordsField
from procedures.models.rows import CADENCES, text_field, words

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}


def _working_days() -> list[str]:
    return ["monday", "tuesday", "wednesday", "thursday", "friday"]


class Procedure(models.Model):
    """A written on-call procedure, for one or many teams. Its rows are a draft; rules read versions."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    platform = models.CharField(max_length=200, help_text="The platform it is for (C1).")
    scope = text_field("What the document covers.")
    document_version = models.CharField(
        max_length=40, blank=True, default="", help_text="The document's own number (C260)."
    )
    last_updated = models.DateField(help_text="The document's own date (C2).")
    review_every = models.CharField(
        max_length=10, blank=True, default="", choices=CADENCES, help_text="C3"
    )
    next_review = models.DateField(null=True, blank=True, help_text="As the document says (C261).")
    zone = models.CharField(max_length=64, default="UTC", help_text="A new team's time zone (X10).")
    workdays = WordsField(default=_working_days, help_text="One weekday per line.")
    opens = models.TimeField(default=dt.time(9), help_text="When business hours begin.")
    closes = models.TimeField(default=dt.time(17), help_text="When business hours end.")
    holiday_country = models.CharField(
        max_length=8, default="US", blank=True, help_text="Whose holidays a new team keeps."
    )
    holiday_subdivision = models.CharField(max_length=16, default="", blank=True)
    incident_channel_pattern = models.CharField(
        max_length=80,
        default="incident-{date}-{description}",
        help_text="How an incident's channel is named (C129): {date}, {description}, {ref}.",
    )
    incident_channel_example = models.CharField(max_length=80, blank=True, default="")
    also_clauses = words("The clauses of the document's head, one per line.")
    preface = text_field("The comment at the top of the file.")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        permissions: ClassVar[list[tuple[str, StrOrPromise]]] = [
            ("publish_procedure", "Can publish a version of a procedure"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="procedure_opens_before_it_closes",
                condition=models.Q(closes__gt=models.F("opens")),
                violation_error_message="Business hours must end after they begin.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def review_due_on(self) -> dt.date | None:
        """The earlier of the named date and the last update plus the review's interval (X8)."""
        dates = [self.next_review] if self.next_review else []
        if self.review_every == "weekly":
            dates.append(self.last_updated + dt.timedelta(days=7))
        elif months := _MONTHS.get(self.review_every):
            dates.append(_months_later(self.last_updated, months))
        return min(dates, default=None)


def _months_later(day: dt.date, months: int) -> dt.date:
    years, month = divmod(day.month - 1 + months, 12)
    first = dt.date(day.year + years, month + 1, 1)
    last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return first.replace(day=min(day.day, last.day))
