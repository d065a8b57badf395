"""A rota: its turns, its order, and who is next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from directory.admin.dialogs import leave_for
from directory.admin.scoped import TeamScopedAdmin, person
from directory.permissions import actor_of
from rotations import permissions, services
from rotations.models import Rota

SHOWN = 8
LOOKED_AHEAD = timedelta(days=400)


@admin.register(Rota)
class RotaAdmin(TeamScopedAdmin):
    """Edited by the team's manager and admins; everybody else in the admin looks."""

    list_display = ("name", "team", "level", "active")
    list_filter = ("team", "level", "active")
    list_select_related = ("team",)
    search_fields = ("name", "slug", "team__name")
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    team_lookups: ClassVar[dict[str, str]] = {"team": "pk__in"}
    actions_detail = ("take_over",)
    fields = ("name", "slug", "team", "level", "active")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Rota | None = None
    ) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def has_take_over_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        rota = self.get_object(request, str(object_id))
        return rota is not None and permissions.may_take_over(person(request), rota)

    @action(
        description="Take over",
        url_path="take-over",
        permissions=["take_over"],
        dialog={
            "title": "Take this rota over?",
            "description": "You are on call from now until the holder's shift ends.",
            "form_submit_text": "Take over",
        },
    )
    def take_over(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        try:
            override = services.take_over(
                int(object_id), actor=actor_of(person(request)), now=timezone.now()
            )
        except services.RotaRefused as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(
                request, "You are on call." if override else "You are on call already."
            )
        return leave_for(request, reverse("admin:rotations_rota_change", args=[object_id]))
