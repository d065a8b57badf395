"""How a rota's turns change: a draft is opened, edited, foreseen, published, or thrown away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction

from deadlines.extension import Actor
from directory.models import Team, User
from directory.permissions import person_of, require_editor
from rotations.enums import Level, PlanState, Unit
from rotations.models import Plan, PlanMember, RosterRules, Rota
from rotations.models.plan import LAST_DAY
from rotations.queries.facts import PlanRow, facts_of
from rotations.queries.foresight import (
    newest_plan,
    next_handoff,
    plan_in_force,
    row_of,
    superseded_by,
)
from rotations.rules import resolver
from rotations.rules.facts import PlanFacts
from rotations.services.changing import Outcome, changing, lock_roster
from rotations.services.on_record import told_by
from rotations.services.refusal import RotaRefused

JUDGED_INTO = timedelta(weeks=8)
"""How far into a plan it is judged, where that lies beyond the horizon."""

type Effective = Literal["handoff", "now"] | datetime

TURNS = (
    "unit", "length", "handoff_weekday", "handoff_time", "zone", "starts_on", "ends_on", "hours",
    "derived_from", "offset",
)  # fmt: skip
"""What a draft says beside its people."""

RULES = (
    "cover_always", "two_people", "min_rest_hours", "most_weeks_in_row", "night_from", "night_until",
    "swaps_need_manager", "horizon_weeks",
)  # fmt: skip
_ORDER = list(Level)


# --- The rota itself -----------------------------------------------------------------------------


@transaction.atomic
def make_rota(team: Team, *, slug: str, name: str, level: str, actor: Actor, now: datetime) -> Rota:
    """A rota that nobody holds yet, with an empty draft. Raises PermissionDenied."""
    require_editor(actor, team.pk)
    with told_by(actor):
        lock_roster(team.pk)
        rota = Rota.objects.create(team=team, slug=slug, name=name, level=level)
        open_draft(rota.pk, actor=actor, now=now)
    return rota


@transaction.atomic
def edit_rota(rota_id: int, *, name: str, level: str, actor: Actor) -> Rota:
    """Names a rota anew. Its level can change until it has a plan: what was held was held at that level.

    Raises PermissionDenied, RotaRefused ("published").
    """
    rota = _locked_rota(rota_id, actor)
    if level != rota.level and rota.plans.exclude(state=PlanState.DRAFT).exists():
        raise RotaRefused("published", "This rota has shifts at its level; make another rota.")
    if (rota.name, rota.level) != (name, level):
        rota.name, rota.level = name, level
        with told_by(actor):
            rota.save(update_fields=["name", "level"])
    return rota


@transaction.atomic
def retire(rota_id: int, *, actor: Actor, now: datetime, waiver_reason: str = "") -> Rota:
    """Nobody is on call by this rota from now on; its past stays. Twice is once.

    Raises PermissionDenied, RosterBroken, RotaRefused ("derived") while another rota follows it.
    """
    rota = Rota.objects.get(pk=rota_id)
    follower = (
        Plan.objects.filter(derived_from=rota, state=PlanState.PUBLISHED, rota__active=True)
        .select_related("rota")
        .first()
    )
    if rota.active and follower:
        raise RotaRefused(
            "derived", f"{follower.rota} follows this rota; change or retire it first."
        )
    return _set_active(rota_id, False, actor=actor, now=now, waiver_reason=waiver_reason)


@transaction.atomic
def revive(rota_id: int, *, actor: Actor, now: datetime, waiver_reason: str = "") -> Rota:
    """A retired rota counts again, by its plan in force. Twice is once.

    Raises PermissionDenied, RosterBroken.
    """
    return _set_active(rota_id, True, actor=actor, now=now, waiver_reason=waiver_reason)


def _set_active(
    rota_id: int, active: bool, *, actor: Actor, now: datetime, waiver_reason: str
) -> Rota:
    rota = Rota.objects.get(pk=rota_id)
    require_editor(actor, rota.team_id)
    with (
        told_by(actor),
        changing(rota.team_id, now=now, actor=actor, **_waiving(actor, waiver_reason)),
    ):
        rota = Rota.objects.select_for_update().get(pk=rota_id)
        if rota.active != active:
            rota.active = active
            rota.save(update_fields=["active"])
    return rota


def set_rules(team_id: int, *, actor: Actor, now: datetime, **rules: Any) -> RosterRules:
    """Changes what a team's roster must keep. What no longer keeps it is found and recorded, not refused.

    `rules` are fields of RosterRules. Raises PermissionDenied.
    """
    require_editor(actor, team_id)
    with told_by(actor), changing(team_id, now=now, actor=actor, must=True):
        kept = RosterRules.objects.get(team_id=team_id)
        for name in RULES:
            setattr(kept, name, rules.get(name, getattr(kept, name)))
        kept.save()
    return kept


# --- Drafts --------------------------------------------------------------------------------------


@transaction.atomic
def open_draft(rota_id: int, *, actor: Actor, now: datetime) -> Plan:
    """The rota's draft: the one there is, else a copy of the plan in force, else an empty one.

    The copy begins with the shift that runs: its holder is the first in the list. So a person more or
    less does not shift the others' turns. Raises PermissionDenied.
    """
    rota = _locked_rota(rota_id, actor)
    draft = rota.plans.filter(state=PlanState.DRAFT).first()
    if draft is not None:
        return draft
    newest = newest_plan(rota.pk)
    source = plan_in_force(rota.pk, at=now) or newest
    zone = ZoneInfo(rota.team.zone)
    draft = Plan(
        rota=rota, based_on=newest, edited_at=now, edited_by=_user(actor),
        zone=rota.team.zone, starts_on=now.astimezone(zone).date(),
    )  # fmt: skip
    people: Iterable[int] = ()
    if source is not None:
        for name in TURNS:
            setattr(draft, name, getattr(source, name))
        people = source.members.values_list("user_id", flat=True)
        facts = facts_of([rota.team_id])[rota.pk].plans
        row = row_of(source, people)
        row = _from_now_on(row, next(plan for plan in facts if plan.id == source.pk), now)
        draft.starts_on, people = row.starts_on, row.members
    with told_by(actor):
        draft.save()
        _set_members(draft, people)
    return draft


@transaction.atomic
def edit_draft(
    plan_id: int,
    *,
    edit: int,
    members: Sequence[int],
    actor: Actor,
    now: datetime,
    based_on: int | None = None,
    **turns: Any,
) -> Plan:
    """Writes the draft's people, in order, and its turns (fields of TURNS). Nobody is told.

    `edit` is the counter one has seen, `based_on` the newest plan one has seen, if it is another than the
    draft was begun from. The same again changes nothing. Raises PermissionDenied, RotaRefused
    ("changed_meanwhile" when somebody else has written since, naming who and when; "not_a_draft";
    "invalid", "inactive").
    """
    draft = _locked_draft(plan_id, edit, actor)
    if based_on is not None:
        draft.based_on_id = based_on
    for name, value in turns.items():
        if name not in TURNS:
            raise TypeError(f"a draft has no {name}")
        setattr(draft, name, value)
    people = () if draft.derived_from_id else tuple(dict.fromkeys(members))
    _refuse_invalid(draft)
    if len(people) != User.objects.filter(pk__in=people, is_active=True).count():
        raise RotaRefused("inactive", "Somebody in the list is not active.")
    if _same(draft, people):
        return draft
    draft.edit += 1
    draft.edited_by, draft.edited_at = _user(actor), now
    with told_by(actor):
        draft.save()
        _set_members(draft, people)
    return draft


def refuse_anothers(draft: Plan, *, actor: Actor) -> None:
    """Refuses to write over what somebody else has written into a draft unseen.

    Raises RotaRefused ("anothers"), naming who and when.
    """
    person = _user(actor)
    if draft.edit > 1 and draft.edited_by_id != (person.pk if person else None):
        who = draft.edited_by or "Somebody"
        raise RotaRefused(
            "anothers",
            f"{who} changed the draft of {draft.rota}{_told(draft.edited_at, draft.zone)}."
            " Publish it or throw it away first.",
        )


@transaction.atomic
def discard_draft(plan_id: int, *, edit: int, actor: Actor) -> None:
    """Throws the draft away; the record of changes keeps it. Harmless when it is gone.

    Raises PermissionDenied, RotaRefused ("changed_meanwhile", "not_a_draft").
    """
    if Plan.objects.filter(pk=plan_id).exists():
        with told_by(actor):
            _locked_draft(plan_id, edit, actor).delete()


# --- Publishing ----------------------------------------------------------------------------------


def publish(
    plan_id: int,
    *,
    edit: int,
    effective: Effective = "handoff",
    actor: Actor,
    now: datetime,
    waiver_reason: str = "",
) -> Outcome:
    """Puts a draft in force from the next handoff, from now or from an instant on (C4 to C11).

    The roster is proved with it, the shifts are drawn anew, and those whose shifts moved are told. A plan
    that was to begin at the same instant gives way; later ones follow as they were to. Raises
    PermissionDenied, RosterBroken (a breach that blocks, without a reason to waive it), RotaRefused
    ("changed_meanwhile", "superseded" by a plan published since, "past", "too_far", "nobody", "inactive").
    """
    return publish_together(
        {plan_id: edit}, effective=effective, actor=actor, now=now, waiver_reason=waiver_reason
    )


@transaction.atomic
def publish_together(
    drafts: Mapping[int, int],
    *,
    effective: Effective = "handoff",
    actor: Actor,
    now: datetime,
    waiver_reason: str = "",
) -> Outcome:
    """Puts several drafts of one team in force at one instant, with one proof, so that a pair of rotas
    changes without a breach in between. `drafts` gives the counter seen of each.

    "handoff" is the next one of the first level among them. Raises what `publish` does, and RotaRefused
    ("several_teams").
    """
    _refuse_far(effective)
    teams = set(Plan.objects.filter(pk__in=drafts).values_list("rota__team_id", flat=True))
    if len(teams) != 1:
        raise RotaRefused("several_teams", "Only drafts of one team are published together.")
    [team_id] = teams
    require_editor(actor, team_id)
    with told_by(actor):
        judged = changing(
            team_id, now=now, actor=actor, reach=_reach(effective), **_waiving(actor, waiver_reason)
        )
        with judged as outcome:
            plans = [_locked_draft(pk, edit, actor) for pk, edit in sorted(drafts.items())]
            plans.sort(key=lambda plan: _ORDER.index(Level(plan.rota.level)))
            for plan in plans:
                _refuse_unready(plan)
            at = effective_instant(plans[0], effective, now=now)
            for plan in plans:
                _put_in_force(plan, at, actor, now)
            named = " and ".join(plan.rota.name for plan in plans)
            outcome.said = f"{actor.label} has published a new plan of {named}."
        if waiver_reason and any(breach.blocking for breach in outcome.new):
            for plan in plans:
                plan.waiver_reason = waiver_reason
                plan.save(update_fields=["waiver_reason"])
    return outcome


def effective_instant(plan: Plan, effective: Effective, *, now: datetime) -> datetime:
    """When a draft that is published so takes over, in UTC. Raises RotaRefused ("past")."""
    if effective == "now":
        return now
    if effective == "handoff":
        people = plan.members.values_list("user_id", flat=True) if plan.pk else ()
        return next_handoff(plan.rota, row_of(plan, people), now=now)
    if effective < now:
        raise RotaRefused("past", "A plan cannot take over before now; what was stays as it was.")
    return effective


@transaction.atomic
def withdraw(plan_id: int, *, actor: Actor, now: datetime, waiver_reason: str = "") -> Outcome:
    """Takes back a published plan that has not begun; the one before it goes on. Twice is once.

    Raises PermissionDenied, RosterBroken, RotaRefused ("begun", "not_published").
    """
    team_id, begins = Plan.objects.values_list("rota__team_id", "effective_at").get(pk=plan_id)
    require_editor(actor, team_id)
    judged = changing(
        team_id, now=now, actor=actor, reach=_reach(begins), **_waiving(actor, waiver_reason)
    )
    with told_by(actor), judged as outcome:
        plan = Plan.objects.select_for_update(of=("self",)).get(pk=plan_id)
        if plan.state == PlanState.DRAFT:
            raise RotaRefused("not_published", "This plan is not published.")
        if plan.state == PlanState.PUBLISHED:
            if plan.effective_at is None or plan.effective_at <= now:
                raise RotaRefused("begun", "This plan has begun; publish another in its place.")
            plan.state = PlanState.WITHDRAWN
            plan.edited_by, plan.edited_at = _user(actor), now
            plan.save(update_fields=["state", "edited_by", "edited_at"])
            outcome.said = f"{actor.label} has withdrawn the plan of {plan.rota} that was to begin."
    return outcome


# --- Within --------------------------------------------------------------------------------------


def _put_in_force(plan: Plan, at: datetime, actor: Actor, now: datetime) -> None:
    for replaced in plan.rota.plans.filter(state=PlanState.PUBLISHED, effective_at=at):
        replaced.state = PlanState.WITHDRAWN
        replaced.save(update_fields=["state"])
    plan.state, plan.effective_at = PlanState.PUBLISHED.value, at
    plan.published_at, plan.published_by = now, _user(actor)
    plan.save()


def _refuse_unready(plan: Plan) -> None:
    newer = superseded_by(plan)
    if newer is not None:
        when = _told(newer.published_at, plan.zone)
        raise RotaRefused(
            "superseded",
            f"{newer.published_by or 'Somebody'} published another plan{when} after this draft was begun."
            " Look at it, save the draft again, then publish.",
        )
    _refuse_invalid(plan)
    if plan.derived_from_id:
        return
    people = User.objects.filter(rota_places__plan=plan)
    if not people:
        raise RotaRefused("nobody", "A plan needs at least one person.")
    if gone := [str(person) for person in people if not person.is_active]:
        raise RotaRefused("inactive", f"Not active: {', '.join(gone)}.")


def _locked_rota(rota_id: int, actor: Actor) -> Rota:
    """The roster first, then the rota: everybody in this order, as who writes a draft may go on to publish."""
    team_id = Rota.objects.values_list("team_id", flat=True).get(pk=rota_id)
    require_editor(actor, team_id)
    lock_roster(team_id)
    return Rota.objects.select_for_update().get(pk=rota_id)


def _locked_draft(plan_id: int, edit: int, actor: Actor) -> Plan:
    """The roster first, then the draft, as above."""
    for team_id in Plan.objects.filter(pk=plan_id).values_list("rota__team_id", flat=True):
        require_editor(actor, team_id)
        lock_roster(team_id)
    plan = (
        Plan.objects.select_for_update(of=("self",))
        .select_related("rota__team", "edited_by")
        .filter(pk=plan_id)
        .first()
    )
    if plan is None:
        raise RotaRefused("not_a_draft", "Somebody threw this draft away meanwhile.")
    if plan.state != PlanState.DRAFT:
        who = plan.published_by or "Somebody"
        raise RotaRefused(
            "not_a_draft", f"{who} published this draft{_told(plan.published_at, plan.zone)}."
        )
    if plan.edit != edit:
        who = plan.edited_by or "Somebody"
        raise RotaRefused(
            "changed_meanwhile",
            f"{who} changed this draft{_told(plan.edited_at, plan.zone)}, after you opened it."
            " Nothing of yours was saved yet; it still stands here, and saved once more it takes the place of"
            " theirs. To keep theirs, open the draft anew; its history says what they changed.",
        )
    return plan


def _told(at: datetime | None, zone: str) -> str:
    return f" on {at.astimezone(ZoneInfo(zone)):%d %b at %H:%M %Z}" if at else ""


def _refuse_invalid(draft: Plan) -> None:
    try:
        draft.full_clean(validate_unique=False)
    except ValidationError as error:
        raise RotaRefused("invalid", " ".join(error.messages)) from error


def _same(draft: Plan, people: Sequence[int]) -> bool:
    stored = Plan.objects.get(pk=draft.pk)
    fields = (*TURNS[:-2], "derived_from_id", "offset", "based_on_id")
    return all(getattr(stored, name) == getattr(draft, name) for name in fields) and list(
        people
    ) == list(draft.members.values_list("user_id", flat=True))


def _set_members(draft: Plan, people: Iterable[int]) -> None:
    """The people in this order; rows that stay so are left alone, that the record tells what changed."""
    kept = {member.user_id: member for member in draft.members.all()}
    for position, user_id in enumerate(people):
        member = kept.pop(user_id, None)
        if member is None:
            PlanMember.objects.create(plan=draft, user_id=user_id, position=position)
        elif member.position != position:
            member.position = position
            member.save(update_fields=["position"])
    PlanMember.objects.filter(pk__in=[member.pk for member in kept.values()]).delete()


def _from_now_on(row: PlanRow, plan: PlanFacts, now: datetime) -> PlanRow:
    """The same turns told from the shift that runs at now, where a day can name its beginning."""
    if plan.base is not None or not plan.members or plan.unit == Unit.HOUR:
        return row
    index = resolver.shift_index(plan, now)
    if index <= 0:
        return row
    begins = resolver.boundary(plan, index)
    day = begins.astimezone(plan.tz).date()
    turn = index % len(plan.members)
    told = replace(
        plan, starts_on=day, members=plan.members[turn:] + plan.members[:turn], effective_at=None
    )
    if plan.unit == Unit.MONTH and day.day != plan.starts_on.day:
        return row
    if resolver.boundary(told, 0) != begins or now - begins > timedelta(days=400):
        return row
    return replace(row, starts_on=day, members=told.members)


def _refuse_far(effective: Effective) -> None:
    if isinstance(effective, datetime) and effective.year > LAST_DAY.year:
        raise RotaRefused("too_far", f"A plan takes over before {LAST_DAY.year + 1}.")


def _reach(effective: Effective | None) -> datetime | None:
    """Some weeks into a plan that begins at an instant, which may lie beyond the horizon."""
    return effective + JUDGED_INTO if isinstance(effective, datetime) else None


def _waiving(actor: Actor, reason: str) -> dict[str, Any]:
    """Who lets breaches stand, and why: nobody without a reason."""
    return {"waived_by": _user(actor), "waiver_reason": reason.strip()} if reason.strip() else {}


def _user(actor: Actor) -> User | None:
    person = person_of(actor)
    return person if isinstance(person, User) else None
