"""A rota: its turns, its order, and who is next."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from directory.admin.dialogs import leave_for
from directory.admin.scoped import TeamScopedAdmin, TeamScopedInline, person
from directory.permissions import actor_of
from directory.queries import names_of
from rotations import permissions, services
from rotations.models import Rota, RotaMember
from rotations.queries import facts_of, overrides_of, with_members
from rotations.rules import resolver

SHOWN = 8
LOOKED_AHEAD = timedelta(days=400)


class RotaMemberInline(TeamScopedInline):
    """Who takes turns, in order; drag to change it."""

    model = RotaMember
    related = ("user", "rota")
    autocomplete_fields: ClassVar[list[str]] = ["user"]
    ordering_field = "position"
    hide_ordering_field = True


@admin.register(Rota)
class RotaAdmin(TeamScopedAdmin):
    """Edited by the team's manager and admins; everybody else in the admin looks."""

    inlines: ClassVar[list[Any]] = [RotaMemberInline]
    list_display = ("name", "team", "level", "turns", "zone", "people", "active")
    list_filter = ("team", "level", "active")
    list_select_related = ("team", "derived_from")
    search_fields = ("name", "slug", "team__name")
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    readonly_fields = ("upcoming",)
    team_lookups: ClassVar[dict[str, str]] = {"team": "pk__in", "derived_from": "team_id__in"}
    actions_detail = ("take_over",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "team", "level", "active", "upcoming")}),
        (
            "Turns",
            {
                "fields": (
                    ("length", "unit"),
                    ("handoff_weekday", "handoff_time"),
                    "zone",
                    "starts_on",
                )
            },
        ),
        ("Derived", {"fields": ("derived_from", "offset")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rota]:
        members = RotaMember.objects.select_related("user").order_by("position", "id")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch("members", queryset=members),
                Prefetch("derived_from__members", queryset=members),
            )
        )

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Rota | None = None
    ) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    @display(description="turns")
    def turns(self, rota: Rota) -> str:
        if rota.derived_from:
            return f"{rota.offset} behind {rota.derived_from}"
        length = rota.unit if rota.length == 1 else f"{rota.length} {rota.unit}s"
        day = f"{rota.get_handoff_weekday_display()} " if rota.unit == "week" else ""
        return f"a {length}, {day}{rota.handoff_time:%H:%M}"

    @display(description="order")
    def people(self, rota: Rota) -> str:
        turns = rota.derived_from or rota
        return ", ".join(str(member.user) for member in turns.members.all())

    @display(description="who is next")
    def upcoming(self, rota: Rota) -> SafeString | str:
        """The next stretches as the rota stands now, on its own wall clock."""
        if rota.pk is None:
            return "Shown once the rota is saved."
        now = timezone.now()
        end = now + LOOKED_AHEAD
        (row,) = with_members(Rota.objects.filter(pk=rota.pk))
        overrides = overrides_of([row], start=now, end=end)
        found = list(islice(resolver.holdings(facts_of(row), overrides, start=now, end=end), SHOWN))
        if not found:
            return "Nobody: the rota has no members, or too few to have one behind the other."
        names, zone = names_of(holding.user_id for holding in found), ZoneInfo(row.zone)
        lines = format_html_join(
            "",
            "<li>{} – {}: {}{}</li>",
            (
                (
                    f"{holding.starts_at.astimezone(zone):%a %d %b %Y %H:%M}",
                    f"{holding.ends_at.astimezone(zone):%a %d %b %Y %H:%M %Z}",
                    names[holding.user_id],
                    " (override)" if holding.why == "override" else "",
                )
                for holding in found
            ),
        )
        return format_html("<ol>{}</ol>", lines)

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
