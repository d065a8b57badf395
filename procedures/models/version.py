"""Published versions: what rules read, and what nothing can change."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models

from deadlines.standing import noted
from procedures.models.procedure import Procedure


class ProcedureVersion(models.Model):
    """One published version: the whole document, its hash, who, when and what changed."""

    procedure = models.ForeignKey(Procedure, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    sha256 = models.CharField(max_length=64, help_text="Of the document as canonical JSON.")
    published_at = models.DateTimeField()
    published_by_id = models.BigIntegerField(null=True, blank=True)
    published_by_label = models.CharField(max_length=200)
    changes = models.JSONField(default=list, help_text="What changed, a line each.")
    note = models.TextField(blank=True, default="")
    must_read = models.BooleanField(
        default=False, help_text="Everybody on the rota has to read this version."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "number"], name="version_number_once"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(
                name="version_is_final", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            noted(),
        ]

    def __str__(self) -> str:
        return f"{self.procedure} version {self.number}"
