"""Escalation paths with their steps."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from procedures.admin.rows import DraftAdmin, StackedRows
from procedures.models import EscalationPath, EscalationStep, RepeatExtra


class StepRows(StackedRows):
    model = EscalationStep
    fields: ClassVar = [
        "position",
        ("key", "label"),
        ("who", "when"),
        "takes_over",
        ("clause", "also_clauses"),
    ]


class RepeatRows(StackedRows):
    model = RepeatExtra
    verbose_name = "addition to the repeats"
    verbose_name_plural = "additions to the repeats"
    fields: ClassVar = ["position", ("key", "label"), ("round", "who"), ("clause", "also_clauses")]


@admin.register(EscalationPath)
class EscalationPathAdmin(DraftAdmin):
    list_display: ClassVar = [
        "name",
        "procedure",
        "kind",
        "for_severities",
        "repeat_every",
        "clause",
    ]
    list_filter: ClassVar = ["procedure", "kind"]
    search_fields: ClassVar = ["name", "slug", "steps__label"]
    inlines: ClassVar = [StepRows, RepeatRows]
    fieldsets: ClassVar = [
        (
            None,
            {
                "fields": [
                    "procedure",
                    ("name", "slug", "kind"),
                    ("severities", "with_standard"),
                    ("clause", "also_clauses"),
                    "position",
                ]
            },
        ),
        (
            "While nobody acknowledges",
            {"fields": [("repeat_every", "repeat_clause"), "repeat_severities"]},
        ),
    ]

    @admin.display(description="severities")
    def for_severities(self, path: EscalationPath) -> str:
        return ", ".join(path.severities)
