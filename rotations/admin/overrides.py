"""Overrides in the admin: made and taken back, never edited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from directory.admin.scoped import TeamScopedAdmin, person
from directory.permissions import actor_of
from rotations import services
from rotations.admin.history import EventHistory
from rotations.admin.refusing import RefusableForm, Refusing
from rotations.models import Override
from rotations.rules.overrides import fault_of


class OverrideForm(RefusableForm):
    """Who holds which rota instead, from when until when. Nobody chosen leaves it vacant, for a reason."""

    class Meta:
        model = Override
        fields = ("rota", "user", "starts_at", "ends_at", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        fault = starts_at and ends_at and fault_of(starts_at, ends_at, now=timezone.now())
        if fault:
            raise forms.ValidationError(fault.message, code=fault.code)
        if (user := cleaned.get("user")) and not user.is_active:
            raise forms.ValidationError({"user": "This person is not active."})
        return cleaned


@admin.register(Override)
class OverrideAdmin(Refusing, EventHistory, TeamScopedAdmin):
    """The team's manager puts somebody on the rota; taking one back that runs ends it now."""

    form = OverrideForm
    fields = ("rota", "user", "starts_at", "ends_at", "reason")
    list_display = ("rota", "user", "kind", "begins", "ends", "reason", "created_by")
    list_filter = ("rota__team", "rota", "kind")
    list_select_related = ("rota__team", "user", "created_by")
    search_fields = ("user__name", "user__email", "reason", "rota__name")
    date_hierarchy = "starts_at"
    actions: ClassVar[list[str]] = []
    autocomplete_fields: ClassVar[list[str]] = ["user"]
    team_lookups: ClassVar[dict[str, str]] = {"rota": "team_id__in"}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Taken back one by one: each may be refused."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_change_permission(self, request: HttpRequest, obj: Override | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Override | None = None) -> Any:
        if obj is None:
            return (*self.fields, "waive")
        return ("rota", "user", "begins", "ends", "reason", "kind", "created_by", "created_at")

    def history_of(self, row: Override) -> Iterable[Model]:
        return [row]

    def save_model(self, request: HttpRequest, obj: Override, form: Any, change: bool) -> None:
        made = services.add_override(
            obj.rota_id,
            user_id=obj.user_id,
            starts_at=obj.starts_at,
            ends_at=obj.ends_at,
            reason=obj.reason,
            actor=actor_of(person(request)),
            now=timezone.now(),
            waiver_reason=form.cleaned_data.get("waive", "").strip(),
        )
        obj.__dict__.update(made.__dict__)

    def take_back(self, request: HttpRequest, row: Override, waiver_reason: str) -> None:
        services.remove_override(
            row.pk,
            actor=actor_of(person(request)),
            now=timezone.now(),
            waiver_reason=waiver_reason,
        )
