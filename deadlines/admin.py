"""The promises and beat's schedule in the admin: to look at, never to edit."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.decorators import display

from deadlines.extension import contributions
from deadlines.models import Deadline, Outage, Pulse, ScheduleRepair


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


@admin.register(ScheduleRepair)
class ScheduleRepairAdmin(ReadOnly):
    list_display: ClassVar = ["at", "name", "what"]
    list_filter: ClassVar = ["name", "what"]


# Their own admin edits them; here the settings say what beat sends.
admin.site.unregister(
    [PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule]
)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ReadOnly):
    """What beat sends, and when it last did. A row that is not as the settings say is restored."""

    list_display: ClassVar = ["name", "task", "when", "enabled", "last_run_at", "total_run_count"]
    fields: ClassVar = [
        "name",
        "task",
        "when",
        "enabled",
        "expire_seconds",
        "last_run_at",
        "total_run_count",
        "date_changed",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("interval", "crontab", "solar", "clocked")

    @display(description="when")
    def when(self, row: PeriodicTask) -> str:
        return str(row.interval or row.crontab or row.solar or row.clocked)
