"""What a team's roster must keep, edited by its manager."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from directory.admin.scoped import TeamScopedAdmin, person
from directory.permissions import actor_of
from rotations.admin.history import EventHistory
from rotations.models import RosterRules
from rotations.services import plans


@admin.register(RosterRules)
class RosterRulesAdmin(EventHistory, TeamScopedAdmin):
    """One row for each team. A stricter rule refuses nothing: what no longer keeps it is found and told."""

    list_display = (
        "team", "cover_always", "two_people", "min_rest_hours", "most_weeks_in_row",
        "swaps_need_manager", "horizon_weeks",
    )  # fmt: skip
    list_select_related = ("team",)
    search_fields = ("team__name",)
    compressed_fields = True
    fieldsets = (
        (None, {"fields": ("team",)}),
        ("What blocks", {"fields": ("cover_always", "two_people")}),
        ("What warns", {"fields": (("min_rest_hours", "most_weeks_in_row"),)}),
        ("Swaps", {"fields": ("swaps_need_manager",)}),
        ("Shifts", {"fields": ("horizon_weeks", ("night_from", "night_until"))}),
    )  # fmt: skip
    readonly_fields = ("team",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A team has its row from its first rota on."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RosterRules, form: Any, change: bool) -> None:
        kept = plans.set_rules(
            obj.team_id,
            actor=actor_of(person(request)),
            now=timezone.now(),
            **{name: getattr(obj, name) for name in plans.RULES},
        )
        obj.__dict__.update(kept.__dict__)
