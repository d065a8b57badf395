"""Time off in the admin: a manager plans that of the own teams' people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from directory.admin.scoped import person
from directory.permissions import actor_of
from rotations import services
from rotations.admin.history import EventHistory
from rotations.admin.refusing import RefusableForm, Refusing
from rotations.models import TimeOff
from rotations.permissions import may_plan_time_off, visible_time_off


class TimeOffForm(RefusableForm):
    """Who is away, from when until when."""

    class Meta:
        model = TimeOff
        fields = ("user", "starts_at", "ends_at", "reason")


@admin.register(TimeOff)
class TimeOffAdmin(Refusing, EventHistory, ModelAdmin):
    """One's own, and that of the people one manages; who is on call then is handed over first."""

    form = TimeOffForm
    fields = ("user", "starts_at", "ends_at", "reason")
    list_display = ("user", "begins", "ends", "created_by")
    list_filter = ("user__memberships__team",)
    list_select_related = ("user", "created_by")
    search_fields = ("user__name", "user__email")
    date_hierarchy = "starts_at"
    autocomplete_fields: ClassVar[list[str]] = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TimeOff]:
        rows: QuerySet[TimeOff] = super().get_queryset(request)
        return rows.filter(pk__in=visible_time_off(request.user).values("pk"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Taken back one by one: each may be refused."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_change_permission(self, request: HttpRequest, obj: TimeOff | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: TimeOff | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may(request, obj)

    def _may(self, request: HttpRequest, obj: TimeOff | None) -> bool:
        return obj is None or may_plan_time_off(person(request), obj.user_id)

    def get_readonly_fields(self, request: HttpRequest, obj: TimeOff | None = None) -> Any:
        return ("user", "waiver_reason", "created_by", "created_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: TimeOff | None = None) -> Any:
        if obj is None:
            return (*self.fields, "waive")
        kept = ("waiver_reason", "created_by", "created_at")
        if self.has_change_permission(request, obj):
            return (*self.fields, *kept, "waive")
        shown = ("user", "begins", "ends", "reason", *kept)
        hidden = (
            () if self._may(request, obj) else ("reason", "waiver_reason")
        )  # others' own business
        return tuple(name for name in shown if name not in hidden)

    def history_view(self, request: HttpRequest, object_id: str, *args: Any, **given: Any) -> Any:
        if not self._may(request, self.get_object(request, object_id)):
            raise PermissionDenied
        return super().history_view(request, object_id, *args, **given)

    def history_of(self, row: TimeOff) -> Iterable[Model]:
        return [row]

    def save_model(self, request: HttpRequest, obj: TimeOff, form: Any, change: bool) -> None:
        given: dict[str, Any] = {
            "starts_at": obj.starts_at,
            "ends_at": obj.ends_at,
            "reason": obj.reason,
            "actor": actor_of(person(request)),
            "now": timezone.now(),
            "waiver_reason": form.cleaned_data.get("waive", "").strip(),
        }
        if change:
            obj.__dict__.update(services.change_time_off(obj.pk, **given).__dict__)
        else:
            obj.__dict__.update(services.add_time_off(obj.user_id, **given).__dict__)

    def take_back(self, request: HttpRequest, row: TimeOff, waiver_reason: str) -> None:
        services.remove_time_off(row.pk, actor=actor_of(person(request)), now=timezone.now())
