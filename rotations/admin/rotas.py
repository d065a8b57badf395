"""A rota: who holds it, by which plan, what comes, and the way to its draft."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from directory.admin.dialogs import leave_for
from directory.admin.scoped import TeamScopedAdmin, edits_some_team, person
from directory.permissions import actor_of, may_edit_team
from rotations import permissions, services
from rotations.admin.asking import WaiverForm, ask
from rotations.admin.history import EventHistory
from rotations.admin.told import instant, names_of, span, turns_of
from rotations.admin.transfer import export_view, import_view
from rotations.enums import PlanState
from rotations.models import Breach, Plan, Rota
from rotations.queries import who_is_on_call
from rotations.queries.facts import PlanRow, plan_rows
from rotations.services import RotaRefused, plans

MOST_NAMES = 6


@dataclass(slots=True)
class Standing:
    """How a rota stands: its plan in force in words, its people, who holds it, what is wrong."""

    turns: str = ""
    people: str = ""
    now: str = ""
    blocking: int = 0
    warnings: int = 0
    waived: int = 0


def standing_of(rotas: Sequence[Rota], now: datetime) -> dict[int, Standing]:
    """How each of the rotas stands. Four queries and what who_is_on_call asks, however many there are."""
    teams = {rota.team_id for rota in rotas}
    in_force: dict[int, PlanRow] = {}
    for row in plan_rows(teams):
        if row.effective_at is None or row.effective_at <= now:
            in_force[row.rota_id] = row
    held: dict[int, int] = {
        one.rota_id: one.user_id for one in who_is_on_call(at=now, team_ids=teams)
    }
    people = names_of(
        {user_id for row in in_force.values() for user_id in row.members} | set(held.values())
    )
    bases = dict(Rota.objects.filter(team_id__in=teams).values_list("pk", "name"))
    found: dict[int, list[Breach]] = defaultdict(list)
    open_ones = Breach.objects.filter(team_id__in=teams, gone_at=None)
    for breach in open_ones.exclude(kind="holiday").only(
        "team_id", "rota_id", "level", "blocking", "waived_at"
    ):
        for rota in rotas:
            if breach.rota_id == rota.pk or (
                breach.rota_id is None
                and breach.team_id == rota.team_id
                and breach.level in ("", rota.level)
            ):
                found[rota.pk].append(breach)
    told = {}
    for rota in rotas:
        plan = in_force.get(rota.pk)
        base = in_force.get(plan.derived_from_id) if plan and plan.derived_from_id else plan
        members = [people.get(user_id, "?") for user_id in (base.members if base else ())]
        more = f" and {len(members) - MOST_NAMES} more" if len(members) > MOST_NAMES else ""
        told[rota.pk] = Standing(
            turns=turns_of(plan, bases.get(plan.derived_from_id or 0, "")) if plan else "",
            people=", ".join(members[:MOST_NAMES]) + more,
            now=people.get(held[rota.pk], "?") if rota.pk in held else "",
            blocking=sum(b.blocking and b.waived_at is None for b in found[rota.pk]),
            warnings=sum(not b.blocking and b.waived_at is None for b in found[rota.pk]),
            waived=sum(b.waived_at is not None for b in found[rota.pk]),
        )
    return told


class RotaForm(forms.ModelForm[Rota]):
    """What a rota is called and where it stands; how its turns go stands in its plans."""

    class Meta:
        model = Rota
        fields = ("name", "slug", "team", "level")


@admin.register(Rota)
class RotaAdmin(EventHistory, TeamScopedAdmin):
    """Edited by the team's manager and admins; everybody else in the admin looks. Never deleted: retired."""

    form = RotaForm
    list_display = ("name", "team", "level", "people", "turns", "now", "verdict")
    list_filter = ("team", "level", "active")
    list_select_related = ("team",)
    search_fields = ("name", "slug", "team__name")
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    team_lookups: ClassVar[dict[str, str]] = {"team": "pk__in"}
    actions = ("publish_drafts", "export_chosen")
    actions_list = ("export_all", "import_all")
    actions_detail = ("take_over",)
    fields = ("name", "slug", "team", "level")
    change_form_outer_before_template = "admin/rotations/standing.html"

    # --- the list ------------------------------------------------------------------------------

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        page = super().get_changelist_instance(request)
        rotas = list(page.result_list)
        told = standing_of(rotas, timezone.now())
        for rota in rotas:
            rota.standing = told[rota.pk]
        page.result_list = rotas
        return page

    @display(description="people, in order")
    def people(self, rota: Any) -> str:
        return rota.standing.people or "–"

    @display(description="turns")
    def turns(self, rota: Any) -> str:
        if not rota.active:
            return "retired"
        return rota.standing.turns or "no plan in force"

    @display(description="now")
    def now(self, rota: Any) -> str:
        return rota.standing.now or ("–" if not rota.active else "nobody")

    @display(
        description="roster", label={"ok": "success", "blocked": "danger", "warned": "warning"}
    )
    def verdict(self, rota: Any) -> tuple[str, str]:
        return verdict_of(rota.standing)

    # --- the form ------------------------------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: Rota | None = None) -> bool:
        return False

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Rota | None = None
    ) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Rota | None = None) -> Any:
        if obj is None:
            return ()
        held = obj.plans.exclude(state=PlanState.DRAFT).exists()
        return ("slug", "team", "level") if held else ("slug", "team")

    def save_model(self, request: HttpRequest, obj: Rota, form: Any, change: bool) -> None:
        actor, now = actor_of(person(request)), timezone.now()
        if change:
            made = plans.edit_rota(obj.pk, name=obj.name, level=obj.level, actor=actor)
        else:
            made = plans.make_rota(
                obj.team, slug=obj.slug, name=obj.name, level=obj.level, actor=actor, now=now
            )
        obj.__dict__.update(made.__dict__)

    def response_add(
        self, request: HttpRequest, obj: Rota, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(request, f"{obj} is made. Nobody holds it until its first plan binds.")
        draft = obj.plans.get(state=PlanState.DRAFT)
        return HttpResponseRedirect(reverse("admin:rotations_plan_change", args=[draft.pk]))

    def history_of(self, row: Rota) -> Iterable[Model]:
        return [row, *row.plans.all()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        rota = self.get_object(request, object_id) if object_id else None
        context = dict(extra_context or {})
        if rota is not None:
            context |= self._standing(request, rota)
        return super().changeform_view(request, object_id, form_url, context)

    def _standing(self, request: HttpRequest, rota: Rota) -> dict[str, Any]:
        """What stands above the form: who holds it, by which plan, what comes, what can be done."""
        now = timezone.now()
        mine = Plan.objects.filter(rota=rota).select_related("edited_by", "published_by")
        coming = mine.filter(state=PlanState.PUBLISHED, effective_at__gt=now)
        zone = rota.team.zone
        breaches = Breach.objects.filter(team_id=rota.team_id, gone_at=None).exclude(kind="holiday")
        breaches = breaches.filter(Q(rota=rota) | Q(rota=None, level__in=("", rota.level)))
        shown = list(breaches[:10])
        names = names_of({user_id for breach in shown for user_id in breach.user_ids})
        return {
            "rota": rota,
            "standing": standing_of([rota], now)[rota.pk],
            "verdict": verdict_of(standing_of([rota], now)[rota.pk]),
            "draft": mine.filter(state=PlanState.DRAFT).first(),
            "coming": [
                {
                    "plan": plan,
                    "begins": instant(plan.effective_at, plan.zone) if plan.effective_at else "",
                    "turns": turns_of(plan, plan.derived_from.name if plan.derived_from else ""),
                }
                for plan in coming.select_related("derived_from").order_by("effective_at")
            ],
            "breaches": [
                {
                    "row": breach,
                    "when": span(breach.starts_at, breach.ends_at, zone),
                    "who": ", ".join(names.get(user_id, "?") for user_id in breach.user_ids),
                }
                for breach in shown
            ],
            "may_edit": may_edit_team(person(request), rota.team_id),
        }

    # --- buttons -------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def named(name: str, route: str, view: Any) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"rotations_rota_{name}")

        own = [
            named("draft", "<int:object_id>/draft/", require_POST(self.draft_view)),
            named("retire", "<int:object_id>/retire/", self.retire_view),
            named("revive", "<int:object_id>/revive/", self.revive_view),
            named("together", "publish-together/", self.together_view),
        ]
        urls: list[URLPattern] = own + super().get_urls()
        return urls

    def draft_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rota = self._editable(request, object_id)
        draft = plans.open_draft(rota.pk, actor=actor_of(person(request)), now=timezone.now())
        return HttpResponseRedirect(reverse("admin:rotations_plan_change", args=[draft.pk]))

    def retire_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rota = self._editable(request, object_id)
        return ask(
            request,
            title=f"Retire {rota}?",
            says="Nobody is on call by it from now on. Who would have been is told. Its past stays.",
            button="Retire",
            form_class=WaiverForm,
            do=lambda given: plans.retire(rota.pk, **self._who(request), **given),
            back=reverse("admin:rotations_rota_change", args=[rota.pk]),
            opts=self.opts,
            row=rota,
            dangerous=True,
        )

    def revive_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rota = self._editable(request, object_id)
        return ask(
            request,
            title=f"Put {rota} back to use?",
            says="Its plan in force counts again from now on. Who will be on call is told.",
            button="Put back",
            form_class=WaiverForm,
            do=lambda given: plans.revive(rota.pk, **self._who(request), **given),
            back=reverse("admin:rotations_rota_change", args=[rota.pk]),
            opts=self.opts,
            row=rota,
        )

    @admin.action(description="Publish their drafts together…", permissions=["change"])
    def publish_drafts(self, request: HttpRequest, queryset: QuerySet[Rota]) -> HttpResponse:
        chosen = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
        return HttpResponseRedirect(f"{reverse('admin:rotations_rota_together')}?rotas={chosen}")

    @admin.action(description="Export as CSV", permissions=["view"])
    def export_chosen(self, request: HttpRequest, queryset: QuerySet[Rota]) -> HttpResponse:
        return export_view(request, queryset.order_by("team_id", "level", "id"))

    @action(description="Export all as CSV", url_path="export", permissions=["view"])
    def export_all(self, request: HttpRequest) -> HttpResponse:
        return export_view(request, self.get_queryset(request).order_by("team_id", "level", "id"))

    @action(description="Import from CSV…", url_path="import", permissions=["import"])
    def import_all(self, request: HttpRequest) -> HttpResponse:
        return import_view(request, self.opts)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return edits_some_team(request)

    def together_view(self, request: HttpRequest) -> HttpResponse:
        chosen = [int(pk) for pk in request.GET.get("rotas", "").split(",") if pk.isdecimal()]
        drafts: Any = self.admin_site.get_model_admin(Plan)
        return drafts.publish_together_view(request, chosen)

    def _editable(self, request: HttpRequest, object_id: int) -> Rota:
        rota = self.get_object(request, str(object_id))
        if rota is None:
            raise Http404
        if not self.has_change_permission(request, rota):
            raise PermissionDenied
        return rota

    def _who(self, request: HttpRequest) -> dict[str, Any]:
        return {"actor": actor_of(person(request)), "now": timezone.now()}

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
        except RotaRefused as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(
                request, "You are on call." if override else "You are on call already."
            )
        return leave_for(request, reverse("admin:rotations_rota_change", args=[object_id]))


def verdict_of(standing: Standing) -> tuple[str, str]:
    """The proof's verdict: a key for its colour, and words that say the same."""
    waived = f", {standing.waived} waived" if standing.waived else ""
    if standing.blocking:
        return "blocked", f"{_counted(standing.blocking, 'breach', 'breaches')}{waived}"
    if standing.warnings:
        return "warned", f"{_counted(standing.warnings, 'warning', 'warnings')}{waived}"
    return "ok", f"in order{waived}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
