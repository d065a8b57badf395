"""A draft in the admin: its turns, its people, and what it would do before it does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
)

from directory.admin.scoped import TeamScopedAdmin, TeamScopedInline, person
from directory.permissions import actor_of, may_edit_team
from rotations.admin.asking import NothingAsked, WaiverForm, ask
from rotations.admin.history import EventHistory
from rotations.admin.told import instant, names_of, panel, turns_of
from rotations.enums import PlanState
from rotations.models import Plan, PlanMember, Rota
from rotations.models.plan import LAST_DAY
from rotations.queries.foresight import (
    foresee,
    foresee_together,
    newest_plan,
    next_handoff,
    row_of,
    superseded_by,
)
from rotations.services import RotaRefused, plans

FOLLOWS_BASE = (
    "Leave the list empty in a plan that follows another rota: it takes that one's people."
)


class WhenForm(forms.Form):
    """From when a draft binds, and why it may although the roster breaks. `clock` is the zone that is said."""

    clock: ClassVar[str] = ""
    when = forms.ChoiceField(
        choices=[
            ("handoff", "at the next handoff"),
            ("now", "now, in the middle of the shift"),
            ("at", "at this instant"),
        ],
        initial="handoff",
        widget=UnfoldAdminRadioSelectWidget,
        label="In force",
    )
    at = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget, label="Instant"
    )
    waive = forms.CharField(
        required=False, max_length=300, label="If a breach blocks: why let it stand",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Kept with your name, on the plan and on each breach.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget: Any = self.fields["at"].widget
        for part, label in zip(widget.widgets, ("Day", "Time"), strict=True):
            part.attrs["aria-label"] = label
        self.read_on(self.clock)

    def read_on(self, zone: str) -> None:
        """Says on which clock the instant is read."""
        self.fields["at"].help_text = f"On the rota's clock, {zone}."

    def effective(self, cleaned: dict[str, Any], zone: str) -> plans.Effective:
        """What `publish` calls it. An instant without a zone is read on the rota's wall clock."""
        at: datetime | None = cleaned.get("at")
        match cleaned.get("when"):
            case "at" if at is not None:
                return at.replace(tzinfo=ZoneInfo(zone))
            case "now":
                return "now"
            case _:
                return "handoff"


class DraftForm(forms.ModelForm[Plan], WhenForm):
    """The draft's turns, with the counter of the draft that was seen.

    `shown` is set where it is only to be looked at, `refusal` where the service refused: then the form comes
    back as it was posted.
    """

    shown: ClassVar[bool] = False
    refusal: ClassVar[RotaRefused | None] = None
    seen = forms.IntegerField(widget=forms.HiddenInput)
    newest = forms.IntegerField(widget=forms.HiddenInput, required=False)
    draft = forms.IntegerField(widget=forms.HiddenInput, required=False)
    of_rota = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Plan
        fields = plans.TURNS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plan = self.instance
        newest = newest_plan(plan.rota_id)
        self.fields["seen"].initial = plan.edit
        self.fields["newest"].initial = newest.pk if newest else None
        self.fields["draft"].initial = plan.pk
        self.fields["of_rota"].initial = plan.rota_id
        self.read_on(str(self["zone"].value() or "") if "zone" in self.fields else plan.zone)

    def when_fields(self) -> list[forms.BoundField]:
        """The fields of publishing, which the page shows apart."""
        return [self[name] for name in WhenForm.base_fields]

    def is_valid(self) -> bool:
        return super().is_valid() and not self.shown

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refusal is not None:
            self.add_error(None, self.refusal.message)
        if cleaned.get("when") == "at" and not cleaned.get("at") and "at" not in self.errors:
            self.add_error("at", "Say from which day and time.")
        return cleaned


class PlaceForm(forms.ModelForm[PlanMember]):
    """A place in the order. One without a number is the last; what is kept twice, the list itself tells."""

    position = forms.IntegerField(
        required=False, min_value=0, label="number", widget=UnfoldAdminIntegerFieldWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        whose = f" of {self.instance.user}" if self.instance.pk else ""
        self.fields["position"].widget.attrs["aria-label"] = f"Number{whose}"

    def has_changed(self) -> bool:
        """Sorting by drag numbers the row that waits for a person as well: that makes it none."""
        waits = self.instance.pk is None and not self.data.get(self.add_prefix("user"))
        return not waits and super().has_changed()

    def validate_unique(self) -> None:
        """The whole list is written at once: a row is not held against the rows there were."""

    def validate_constraints(self) -> None:
        """The same."""


class PlaceInline(TeamScopedInline):
    """The people in order, sorted by drag or by number."""

    model = PlanMember
    form = PlaceForm
    verbose_name = "person"
    verbose_name_plural = "people, in order: the first holds the shift of the first day"
    fields = ("user", "position")
    related = ("user", "plan__rota")
    autocomplete_fields: ClassVar[list[str]] = ["user"]
    ordering_field = "position"
    show_title = False
    extra = 1

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        found: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "user" and hasattr(found.widget, "can_add_related"):
            found.widget.can_add_related = found.widget.can_change_related = False
            found.widget.can_view_related = False
        return found


@admin.register(Plan)
class PlanAdmin(EventHistory, TeamScopedAdmin):
    """Drafts are edited by the team's manager; what was published stays as it was, and everybody may look."""

    form = DraftForm
    inlines: ClassVar[list[Any]] = [PlaceInline]
    change_form_template = "admin/rotations/plan.html"
    list_display = ("rota", "state", "turns", "effective_at", "published_by", "edited_by")
    list_filter = ("state", "rota__team")
    list_select_related = ("rota__team", "published_by", "edited_by", "derived_from")
    search_fields = ("rota__name", "rota__slug", "members__user__name")
    ordering = ("rota__team", "rota", "-pk")
    warn_unsaved_form = True
    compressed_fields = True
    fieldsets = (
        ("Turns", {"fields": (
            ("length", "unit"), ("handoff_weekday", "handoff_time"), ("zone", "hours"),
            ("starts_on", "ends_on"),
        )}),
        ("Instead of people of its own", {"fields": (("derived_from", "offset"),)}),
    )  # fmt: skip
    published_fieldsets = (
        ("In force", {"fields": (
            "rota", "state", "effective_at", "published_at", "published_by", "waiver_reason",
        )}),
    )  # fmt: skip

    # --- who may -------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A draft is opened from its rota."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.state == PlanState.DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        rows: QuerySet[Plan] = super().get_queryset(request)
        return rows.select_related("rota__team", "derived_from", "edited_by", "published_by")

    def history_of(self, row: Plan) -> Iterable[Model]:
        return [row]

    # --- the form ------------------------------------------------------------------------------

    @display(description="turns")
    def turns(self, plan: Plan) -> str:
        return turns_of(plan, plan.derived_from.name if plan.derived_from else "")

    def get_fieldsets(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        if obj is not None and obj.state != PlanState.DRAFT:
            return (*self.published_fieldsets, *self.fieldsets)
        return self.fieldsets

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.shown = "_show" in request.POST
        form.refusal = getattr(request, "_refusal", None)
        return form

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "derived_from":
            match = request.resolver_match
            pk = str(match.kwargs.get("object_id")) if match else ""
            if pk.isdecimal():
                own = Plan.objects.filter(pk=pk)
                kwargs["queryset"] = Rota.objects.filter(
                    team__rotas__plans__in=own, active=True
                ).exclude(plans__in=own).distinct()  # fmt: skip
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "derived_from" and hasattr(found.widget, "can_add_related"):
            found.widget.can_add_related = found.widget.can_change_related = False
            found.widget.can_view_related = False
        return found

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """What the service refuses comes back in the form, with everything that was typed."""
        if request.method == "POST":
            moved_on = self._draft_anew(request, object_id)
            if moved_on is not None:
                return moved_on
        plan = self.get_object(request, str(object_id))
        if plan is None or not self.has_change_permission(request, plan):
            return super().changeform_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            request.POST = _for_this_draft(request.POST, plan)  # type: ignore[assignment]
            if request.POST.get("draft") != str(plan.pk):
                request._refusal = RotaRefused(  # type: ignore[attr-defined]
                    "not_a_draft",
                    "The draft you edited was published or thrown away meanwhile. This is a new one, with what"
                    " you wrote; nothing of it is saved yet.",
                )
                _saw_all(request, plan)
        context = dict(extra_context or {})
        if request.method != "POST":
            context |= self._context(request, plan)
            return super().changeform_view(request, object_id, form_url, context)
        if getattr(request, "_refusal", None) is None and "_show" not in request.POST:
            try:
                return super().changeform_view(
                    request, object_id, form_url, context | self._context(request, plan)
                )
            except RotaRefused as refused:
                request._refusal = refused  # type: ignore[attr-defined]
                plan = get_object_or_404(Plan, pk=plan.pk)
                if refused.code in ("changed_meanwhile", "superseded"):
                    _saw_all(request, plan)
        context |= self._context(request, plan)
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        """Turns and people are written together, by save_related."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)
        given, actor, now = form.cleaned_data, actor_of(person(request)), timezone.now()
        draft = plans.edit_draft(
            form.instance.pk,
            edit=given["seen"],
            based_on=given["newest"],
            members=_people_in(formsets[0]) if formsets else [],
            actor=actor,
            now=now,
            **{name: given[name] for name in plans.TURNS if name in given},
        )
        if "_publish" in request.POST:
            plans.publish(
                draft.pk, edit=draft.edit, effective=form.effective(given, draft.zone),
                actor=actor, now=now, waiver_reason=given["waive"].strip(),
            )  # fmt: skip

    def log_change(self, request: HttpRequest, obj: Plan, message: Any) -> Any:
        told = "Published." if "_publish" in request.POST else message
        return super().log_change(request, obj, told)

    def response_change(self, request: HttpRequest, obj: Plan) -> HttpResponse:
        if "_publish" not in request.POST:
            messages.success(request, "The draft is saved. It binds nobody until it is published.")
            return HttpResponseRedirect(reverse("admin:rotations_plan_change", args=[obj.pk]))
        plan = Plan.objects.get(pk=obj.pk)
        assert plan.effective_at is not None  # noqa: S101 - it was published just now
        messages.success(
            request,
            f"Published, in force from {instant(plan.effective_at, plan.zone)}."
            " Those whose shifts moved are told.",
        )
        return HttpResponseRedirect(reverse("admin:rotations_rota_change", args=[plan.rota_id]))

    # --- before it is saved --------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def named(name: str, route: str, view: Any) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"rotations_plan_{name}")

        own = [
            named("foresee", "<int:object_id>/foresee/", require_POST(self.foresee_view)),
            named("discard", "<int:object_id>/discard/", self.discard_view),
            named("withdraw", "<int:object_id>/withdraw/", self.withdraw_view),
        ]
        urls: list[URLPattern] = own + super().get_urls()
        return urls

    def foresee_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What the form as it stands would do; nothing is written."""
        plan = self.get_object(request, str(object_id))
        if plan is None:
            raise Http404
        if not self.has_change_permission(request, plan):
            raise PermissionDenied
        request.POST = _for_this_draft(request.POST, plan)  # type: ignore[assignment]
        context = self._context(request, plan) | {"plan": plan}
        return TemplateResponse(request, "admin/rotations/foresight.html", context)

    def _context(self, request: HttpRequest, plan: Plan) -> dict[str, Any]:
        """What the page says beside the form: how the draft stands, and what it would do."""
        plan = Plan.objects.select_related("rota__team", "edited_by").get(pk=plan.pk)
        context: dict[str, Any] = {
            "plan": plan,
            "rota": plan.rota,
            "superseded": superseded_by(plan),
            "stale": request.method == "POST" and request.POST.get("seen") != str(plan.edit),
            "stored": _stored(plan),
            "foresight": None,
            "faults": [],
        }
        if request.method != "POST":
            people = plan.members.values_list("user_id", flat=True)
            return context | self._foreseen(plan, people, "handoff")
        form = self.get_form(request, plan, change=True)(request.POST, instance=plan)
        form.__class__.shown, form.__class__.refusal = False, None
        formsets, _ = self._create_formsets(request, form.instance, change=True)
        valid = form.is_valid()
        if not (all(formset.is_valid() for formset in formsets) and valid):
            context["faults"] = _faults([form, *(f for one in formsets for f in one.forms)])
            return context
        effective = form.effective(form.cleaned_data, plan.zone)
        return context | self._foreseen(form.instance, _people_in(formsets[0]), effective)

    def _foreseen(
        self, plan: Plan, members: Iterable[int], effective: plans.Effective
    ) -> dict[str, Any]:
        now = timezone.now()
        people = () if plan.derived_from_id else tuple(dict.fromkeys(members))
        if not people and not plan.derived_from_id:
            return {"faults": ["Nobody is in the list yet: name people, or a rota to follow."]}
        row = row_of(plan, people)
        if effective == "handoff":
            at = next_handoff(plan.rota, row, now=now)
        else:
            at = now if effective == "now" else effective
        if at < now:
            return {"faults": ["A plan cannot take over before now."]}
        if at.year > LAST_DAY.year:
            return {"faults": [f"A plan takes over before {LAST_DAY.year + 1}."]}
        seen = foresee(plan.rota, row, effective_at=at, now=now)
        return {"foresight": panel(seen, [plan.rota], plan.zone)}

    # --- buttons -------------------------------------------------------------------------------

    def discard_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        plan = self.get_object(request, str(object_id))
        if plan is None or plan.state != PlanState.DRAFT:
            raise Http404
        if not self.has_change_permission(request, plan):
            raise PermissionDenied
        edit = request.GET.get("edit", "")

        def do(given: dict[str, Any]) -> None:
            seen = int(edit) if edit.isdecimal() else plan.edit
            plans.discard_draft(plan.pk, edit=seen, actor=actor_of(person(request)))
            messages.success(request, "The draft is thrown away.")

        return ask(
            request,
            title=f"Throw away the draft of {plan.rota}?",
            says="The plan in force stays as it is. The history keeps what the draft said.",
            button="Throw away",
            form_class=NothingAsked,
            do=do,
            back=reverse("admin:rotations_rota_change", args=[plan.rota_id]),
            opts=self.opts,
            row=plan,
            dangerous=True,
        )

    def withdraw_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        plan = self.get_object(request, str(object_id))
        if plan is None:
            raise Http404
        if not may_edit_team(person(request), plan.rota.team_id):
            raise PermissionDenied

        def do(given: dict[str, Any]) -> None:
            plans.withdraw(
                plan.pk, actor=actor_of(person(request)), now=timezone.now(), **given
            )  # fmt: skip
            messages.success(request, "Withdrawn. Those whose shifts moved are told.")

        begins = instant(plan.effective_at, plan.zone) if plan.effective_at else "ever"
        return ask(
            request,
            title=f"Withdraw the plan of {plan.rota} that begins {begins}?",
            says="The plan before it goes on. Those whose shifts move are told.",
            button="Withdraw",
            form_class=WaiverForm,
            do=do,
            back=reverse("admin:rotations_rota_change", args=[plan.rota_id]),
            opts=self.opts,
            row=plan,
        )

    def publish_together_view(self, request: HttpRequest, rota_ids: Sequence[int]) -> HttpResponse:
        """Several rotas' drafts at once, with one proof; asked for from the list of rotas."""
        found = list(
            Plan.objects.filter(rota_id__in=rota_ids, state=PlanState.DRAFT)
            .select_related("rota__team")
            .order_by("rota__level", "rota_id")
        )
        back = reverse("admin:rotations_rota_changelist")
        if len({plan.rota.team_id for plan in found}) != 1:
            messages.error(request, "Choose rotas of one team that have a draft each.")
            return HttpResponseRedirect(back)
        team, zone = found[0].rota.team, found[0].zone
        if not may_edit_team(person(request), team.pk):
            raise PermissionDenied
        now = timezone.now()
        edits = {plan.pk: plan.edit for plan in found}

        def do(given: dict[str, Any]) -> None:
            form = WhenForm()
            looked_at = _edits_in(request.POST.get("edits", ""))
            if looked_at.keys() != edits.keys():
                raise RotaRefused(
                    "changed_meanwhile",
                    "Not these drafts were shown: one was begun, published or thrown away meanwhile."
                    " Look at them as they stand now.",
                )
            plans.publish_together(
                looked_at,
                effective=form.effective(given, zone),
                actor=actor_of(person(request)),
                now=now,
                waiver_reason=given["waive"].strip(),
            )
            messages.success(request, "Published together. Those whose shifts moved are told.")

        rows = [
            row_of(plan, tuple(plan.members.values_list("user_id", flat=True))) for plan in found
        ]
        at = next_handoff(found[0].rota, rows[0], now=now)
        seen = foresee_together(team.pk, rows, effective_at=at, now=now)
        return ask(
            request,
            title=f"Publish {len(found)} drafts of {team} together?",
            says="They take over at one instant, with one proof.",
            button="Publish together",
            form_class=type("WhenForm", (WhenForm,), {"clock": zone}),
            do=do,
            back=back,
            opts=self.opts,
            more={
                "foresight": panel(seen, [plan.rota for plan in found], zone),
                "edits": ",".join(f"{pk}:{edit}" for pk, edit in edits.items()),
            },
        )

    # --- within --------------------------------------------------------------------------------

    def _draft_anew(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """What was typed into a draft that is none any more goes on in the rota's next draft."""
        plan = self.get_object(request, str(object_id))
        if plan is not None and plan.state == PlanState.DRAFT:
            return None
        rota_id = str(plan.rota_id) if plan else request.POST.get("of_rota", "")
        rota = Rota.objects.filter(pk=rota_id).first() if rota_id.isdecimal() else None
        if rota is None or not may_edit_team(person(request), rota.team_id):
            return None
        draft = plans.open_draft(rota.pk, actor=actor_of(person(request)), now=timezone.now())
        answer = HttpResponseRedirect(reverse("admin:rotations_plan_change", args=[draft.pk]))
        answer.status_code = 307  # the same form, posted there
        return answer


def _edits_in(text: str) -> dict[int, int]:
    """The drafts and the counters that were shown, as the page carries them: `7:1,9:3`."""
    pairs = [part.partition(":") for part in text.split(",")]
    return {int(pk): int(edit) for pk, _, edit in pairs if pk.isdecimal() and edit.isdecimal()}


def _people_in(formset: Any) -> list[int]:
    """The people of a valid list, by number; those without one last, in their order."""
    rows = [
        (given["position"] if given.get("position") is not None else 10**9, place, given["user"].pk)
        for place, given in enumerate(form.cleaned_data for form in formset.forms)
        if given.get("user") and not given.get("DELETE")
    ]
    return [user_id for _, _, user_id in sorted(rows)]


def _for_this_draft(data: QueryDict, plan: Plan) -> QueryDict:
    """The form as posted. Where its rows are not this draft's (another manager's list stands there now),
    they are read as new ones, so that nothing typed is lost."""
    own = {str(pk) for pk in plan.members.values_list("pk", flat=True)}
    keys = [key for key in data if key.startswith("members-") and key.endswith("-id")]
    posted = {data[key] for key in keys if data[key]}
    initial = data.get("members-INITIAL_FORMS", "0")
    if posted <= own and initial == str(len(posted)):
        return data
    told = data.copy()
    told["members-INITIAL_FORMS"] = "0"
    for key in keys:
        told[key] = ""
        told[f"{key.removesuffix('-id')}-plan"] = str(plan.pk)
    return told


def _saw_all(request: HttpRequest, plan: Plan) -> None:
    """The page that comes back shows what happened, so saving it again is meant."""
    told = request.POST.copy()
    newest = newest_plan(plan.rota_id)
    told["seen"], told["draft"] = str(plan.edit), str(plan.pk)
    told["newest"] = str(newest.pk) if newest else ""
    request.POST = told  # type: ignore[assignment]


def _stored(plan: Plan) -> dict[str, Any]:
    people = list(plan.members.values_list("user_id", flat=True))
    names = names_of(people)
    return {
        "turns": turns_of(plan, plan.derived_from.name if plan.derived_from else ""),
        "people": ", ".join(names.get(user_id, "?") for user_id in people),
    }


def _faults(forms_: Iterable[Any]) -> list[str]:
    """What keeps the form from being reckoned, each with its field's name."""
    return [
        f"{form.fields[name].label or name}: {error}" if name in form.fields else str(error)
        for form in forms_
        for name, errors in form.errors.items()
        for error in errors
    ]
