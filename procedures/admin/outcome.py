"""The ledger, to read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from deadlines.extension import contributions
from procedures.admin.rows import ReadOnly
from procedures.models import Outcome


@admin.register(Outcome)
class OutcomeAdmin(ReadOnly):
    """Rooms above hide what a reader may not see, by the point `outcome.visible`."""

    list_display: ClassVar = ["clause", "result", "subject_label", "at", "version"]
    list_filter: ClassVar = ["result", "subject_type"]
    list_select_related: ClassVar = ["version__procedure"]
    search_fields: ClassVar = ["=clause", "subject_label"]
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        outcomes: QuerySet[Any] = super().get_queryset(request)
        for _, narrow in contributions("outcome.visible"):
            outcomes = narrow(request.user, outcomes)
        return outcomes
