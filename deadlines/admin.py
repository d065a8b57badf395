"""The promises in the admin: to look at, never to edit."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from deadlines.extension import contributions
from deadlines.models import Deadline, Outage, Pulse


class ReadOnly(ModelAdmin):
    """A record: it can be read here and changed nowhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Deadline)
class DeadlineAdmin(ReadOnly):
    """The raw table, less the promises that a room above hides from the reader (restricted incidents)."""

    list_display: ClassVar = [
        "kind",
        "clause",
        "due_at",
        "state",
        "nature",
        "owed_by",
        "settled_at",
        "tries",
    ]
    list_filter: ClassVar = ["state", "nature", "kind"]
    search_fields: ClassVar = ["key", "clause", "owed_by"]
    date_hierarchy = "due_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        for _, narrow in contributions("deadline.visible"):
            rows = narrow(request.user, rows)
        return rows


@admin.register(Pulse)
class PulseAdmin(ReadOnly):
    list_display: ClassVar = ["name", "role", "ticked_at", "lag", "skew", "handled"]


@admin.register(Outage)
class OutageAdmin(ReadOnly):
    list_display: ClassVar = ["began_at", "ended_at"]
