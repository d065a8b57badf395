"""The ledger: what became of a clause in each case."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models

from procedures.enums import Result
from procedures.models.version import ProcedureVersion


class Outcome(models.Model):
    """A clause was met, missed, waived or did not apply, in one case. Never edited, never deleted."""

    key = models.CharField(
        max_length=240, blank=True, default="", help_text="The same case is recorded once per key."
    )
    clause = models.CharField(max_length=8)
    subject_type = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    subject_label = models.CharField(max_length=200, blank=True, default="")
    result = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Result])
    at = models.DateTimeField()
    evidence = models.JSONField(default=dict, blank=True)
    version = models.ForeignKey(ProcedureVersion, models.PROTECT, null=True, blank=True)
    team_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["clause", "at"], name="outcome_clause"),
            models.Index(fields=["subject_type", "subject_id"], name="outcome_subject"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["key", "clause"], condition=~models.Q(key=""), name="outcome_once"
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(
                name="outcome_is_final", operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clause} {self.result}: {self.subject_label}"
