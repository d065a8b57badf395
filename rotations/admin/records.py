"""Shifts, swaps and breaches, to read; a breach is let stand with a reason."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from directory.admin.scoped import TeamScopedAdmin, person
from directory.permissions import actor_of, may_edit_team
from rotations.admin.asking import ReasonForm, ask
from rotations.admin.history import EventHistory
from rotations.admin.told import names_of, span
from rotations.models import Breach, Shift, Swap
from rotations.services.waivers import waive_breach


class OnlyRead(TeamScopedAdmin):
    """Rows that follow from others: nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Shift)
class ShiftAdmin(OnlyRead):
    """The shifts as drawn: those that are over stay as they were, those to come follow the plans."""

    list_display = ("rota", "user", "starts_at", "ends_at", "why", "frozen")
    list_filter = ("rota__team", "level", "why", "frozen")
    list_select_related = ("rota", "user")
    search_fields = ("user__name", "user__email", "rota__name")
    date_hierarchy = "starts_at"


@admin.register(Swap)
class SwapAdmin(EventHistory, OnlyRead):
    """Who asked whom to take what, and what became of it."""

    list_display = ("rota", "giver", "colleague", "starts_at", "ends_at", "state", "filed_by")
    list_filter = ("rota__team", "state")
    list_select_related = ("rota", "giver", "colleague", "filed_by")
    search_fields = ("giver__name", "colleague__name", "rota__name")
    date_hierarchy = "starts_at"


class StandingFilter(admin.SimpleListFilter):
    """Those that stand, unless one asks for the others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waived", "waived"), ("gone", "gone"), ("all", "all")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield choice | ({"display": "standing"} if choice["display"] == "All" else {})

    def queryset(self, request: HttpRequest, queryset: QuerySet[Breach]) -> QuerySet[Breach]:
        match self.value():
            case "waived":
                return queryset.filter(waived_at__isnull=False, gone_at=None)
            case "gone":
                return queryset.filter(gone_at__isnull=False)
            case "all":
                return queryset
            case _:
                return queryset.filter(gone_at=None)


@admin.register(Breach)
class BreachAdmin(OnlyRead):
    """What the roster proof found, with clause, minutes and people."""

    list_display = ("said", "clause", "team", "rota", "when", "people", "blocking", "state")
    list_filter = (StandingFilter, "team", "kind", "blocking")
    list_select_related = ("team", "rota", "waived_by")
    search_fields = ("said", "=clause", "team__name")
    actions_detail = ("waive",)
    fields = (
        "said", "clause", "kind", "team", "rota", "when", "people", "blocking", "found_at", "told_at",
        "gone_at", "waived_by", "waived_at", "waived_until", "waived_reason",
    )  # fmt: skip
    readonly_fields = ("when", "people")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        page = super().get_changelist_instance(request)
        rows = list(page.result_list)
        names = names_of({user_id for row in rows for user_id in row.user_ids})
        for row in rows:
            row.names = ", ".join(names.get(user_id, "?") for user_id in row.user_ids)
        page.result_list = rows
        return page

    @display(description="when")
    def when(self, breach: Breach) -> str:
        return span(breach.starts_at, breach.ends_at, breach.team.zone)

    @display(description="people")
    def people(self, breach: Any) -> str:
        told = getattr(breach, "names", None)
        return told if told is not None else ", ".join(names_of(breach.user_ids).values()) or "–"

    @display(
        description="state",
        label={"stands": "danger", "warns": "warning", "waived": "info", "gone": "success"},
    )
    def state(self, breach: Breach) -> str:
        if breach.gone_at:
            return "gone"
        if breach.waived_at:
            return "waived"
        return "stands" if breach.blocking else "warns"

    def has_waive_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        breach = self.get_object(request, str(object_id))
        return (
            breach is not None
            and breach.gone_at is None
            and may_edit_team(person(request), breach.team_id)
        )

    @action(description="Waive…", url_path="waive", permissions=["waive"])
    def waive(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        breach = self.get_object(request, str(object_id))
        if breach is None:
            raise Http404

        def do(given: dict[str, Any]) -> None:
            waive_breach(
                breach.pk,
                reason=given["reason"],
                actor=actor_of(person(request)),
                now=timezone.now(),
            )
            messages.success(request, "Waived, with your name and reason on record.")

        return ask(
            request,
            title="Let this breach stand?",
            says=f"{breach.said} ({breach.clause}): {self.when(breach)}",
            button="Waive",
            form_class=ReasonForm,
            do=do,
            back=reverse("admin:rotations_breach_change", args=[breach.pk]),
            opts=self.opts,
            row=breach,
        )
