"""The timeline, to read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from incidents.models import IncidentRole, TimelineEntry
from incidents.permissions import visible_to


class NothingChanges:
    """A record: nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TimelineRows(NothingChanges, TabularInline):
    """The timeline inside its incident."""

    model = TimelineEntry
    fields: ClassVar = ["number", "at", "kind", "actor_label", "text", "clause"]
    extra = 0
    per_page = 50
    tab = True


class RoleRows(NothingChanges, TabularInline):
    """Who is what on the incident."""

    model = IncidentRole
    fields: ClassVar = ["role", "user", "since"]
    extra = 0
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("user")


@admin.register(TimelineEntry)
class TimelineEntryAdmin(NothingChanges, ModelAdmin):
    """Every entry of the incidents one may see."""

    list_display: ClassVar = [
        "incident_ref",
        "number",
        "at",
        "kind",
        "actor_label",
        "text",
        "clause",
    ]
    list_filter: ClassVar = ["kind"]
    list_select_related: ClassVar = ["incident"]
    search_fields: ClassVar = ["=incident__ref", "text", "=clause"]
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(incident__in=visible_to(request.user))

    @admin.display(description="incident", ordering="incident")
    def incident_ref(self, entry: TimelineEntry) -> str:
        return entry.incident.ref
