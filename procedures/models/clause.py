"""The clauses of the document and the readings of its holes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from procedures.models.procedure import Procedure
from procedures.models.rows import Placed, name_field, text_field, words


class Clause(Placed):
    """One enforceable sentence of a procedure (C27), or how one of its holes is read (X6)."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="clauses")
    code = models.CharField(max_length=8, help_text="Like C27.")
    chapter = name_field()
    text = models.TextField()
    kinds = words(
        "One per line: data, gate, timer, recurring, checklist, permission, action, link, text, "
        "reading."
    )
    meaning = text_field("What enforcing it means.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "code"], name="clause_code_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.text}"
