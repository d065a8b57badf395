"""Overrides in the admin: made and taken back, never edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from directory.admin.scoped import TeamScopedAdmin, person
from directory.permissions import actor_of
from rotations import services
from rotations.models import Override
from rotations.rules.overrides import fault_of


class OverrideForm(forms.ModelForm[Override]):
    """Who holds which rota instead, from when until when."""

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
class OverrideAdmin(TeamScopedAdmin):
    """The team's manager puts somebody on the rota; deleting one that runs ends it now."""

    form = OverrideForm
    fields = ("rota", "user", "starts_at", "ends_at", "reason")
    list_display = ("rota", "user", "starts_at", "ends_at", "reason", "created_by")
    list_filter = ("rota__team", "rota")
    list_select_related = ("rota__team", "user", "created_by")
    search_fields = ("user__name", "user__email", "reason", "rota__name")
    date_hierarchy = "starts_at"
    autocomplete_fields: ClassVar[list[str]] = ["user"]
    team_lookups: ClassVar[dict[str, str]] = {"rota": "team_id__in"}

    def has_change_permission(self, request: HttpRequest, obj: Override | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Override | None = None) -> Any:
        return (*self.fields, "created_by", "created_at") if obj else self.fields

    def save_model(self, request: HttpRequest, obj: Override, form: Any, change: bool) -> None:
        made = services.add_override(
            obj.rota_id,
            user_id=obj.user_id,
            starts_at=obj.starts_at,
            ends_at=obj.ends_at,
            reason=obj.reason,
            actor=actor_of(person(request)),
            now=timezone.now(),
        )
        obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: Override) -> None:
        services.remove_override(obj.pk, actor=actor_of(person(request)), now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Override]) -> None:
        for override in queryset:
            self.delete_model(request, override)
