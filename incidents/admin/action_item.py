"""Action items: owner, due date and done are edited here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import ForeignKey, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from directory.models import Team
from directory.permissions import is_admin, managed_team_ids, responding_team_ids, visible_teams
from incidents.models import ActionItem
from incidents.permissions import visible_to


@admin.register(ActionItem)
class ActionItemAdmin(ModelAdmin):
    """What is left to do, of the incidents and teams one may see; edited by the team's own people."""

    list_display: ClassVar = ["title", "team", "owner", "due_on", "done_at", "incident", "clause"]
    list_filter: ClassVar = ["team", "source", ("done_at", admin.EmptyFieldListFilter)]
    list_select_related: ClassVar = ["team", "owner", "incident"]
    search_fields: ClassVar = ["title"]
    date_hierarchy = "due_on"
    fields: ClassVar = [
        "title",
        "team",
        "incident",
        "owner",
        "due_on",
        "done_at",
        "clause",
        "source",
        "created_at",
    ]
    readonly_fields: ClassVar = ["clause", "source", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(
            Q(incident__in=visible_to(request.user))
            | Q(incident__isnull=True, team__in=visible_teams(request.user))
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.team_id in _own_teams(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An item is done or stays; it is never made to disappear."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = list(super().get_readonly_fields(request, obj))
        return [*fields, "team", "incident"] if obj is not None else fields

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "incident":
            kwargs["queryset"] = visible_to(request.user).filter(team__in=_own_teams(request))
        if db_field.name == "team":
            kwargs["queryset"] = Team.objects.filter(pk__in=_own_teams(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
            obj.source = "person"
        super().save_model(request, obj, form, change)


def _own_teams(request: HttpRequest) -> frozenset[int]:
    if is_admin(request.user):
        return frozenset(Team.objects.values_list("pk", flat=True))
    return managed_team_ids(request.user) | responding_team_ids(request.user)
