"""The clauses and the readings."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from procedures.admin.rows import DraftAdmin
from procedures.models import Clause


@admin.register(Clause)
class ClauseAdmin(DraftAdmin):
    list_display: ClassVar = ["code", "text", "chapter", "what_it_takes", "meaning"]
    list_filter: ClassVar = ["procedure", "chapter"]
    search_fields: ClassVar = ["code", "text", "meaning"]

    @admin.display(description="kind")
    def what_it_takes(self, clause: Clause) -> str:
        return " + ".join(clause.kinds)
