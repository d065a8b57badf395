"""Single numbers, times and words that rules read by key."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from procedures.models.procedure import Procedure
from procedures.models.rows import Clausal, slug_field, text_field
from procedures.rules.document import SETTING_TYPES
from procedures.rules.faults import setting_fault


class Setting(Clausal):
    """One value. A rule reads it by its key from a published version."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="settings")
    key = slug_field("Chapter and name, like postmortem.due_within.")
    kind = models.CharField(
        max_length=6,
        choices=[
            ("span", "Length of time"),
            ("text", "Text"),
            ("words", "List of words"),
            ("number", "Number"),
            ("flag", "Yes or no"),
            ("time", "Time of day"),
        ],
    )
    value = models.JSONField(help_text='As JSON: "48h", 3, true, ["a", "b"], "02:00".')
    about = text_field("What the value means.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "key"], name="setting_key_once"),
        ]

    def __str__(self) -> str:
        return self.key

    def clean(self) -> None:
        """Refuses a value that is none of its kind."""
        if self.kind in SETTING_TYPES and (why := setting_fault(self.kind, self.value)):
            raise ValidationError({"value": why})
