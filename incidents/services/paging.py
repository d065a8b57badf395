"""From what the rules plan to rows: pages in the outbox, promises on the clock, entries on the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from deadlines.enums import Nature
from deadlines.extension import PORTAL, Actor
from deadlines.services import Promise, schedule
from directory.models import User
from directory.queries import calendar_of, names_of
from directory.rules.calendar import due_at
from incidents.enums import EntryKind, Promised
from incidents.models import Incident
from incidents.permissions import grant_sight
from incidents.queries.facts import facts_of, policy_of_incident
from incidents.rules.escalation import (
    EmptyStep,
    Facts,
    Fired,
    PlannedPage,
    PlannedPromise,
    StaffAt,
    call_experts,
    call_fallback,
    fire,
    following_step,
    next_step,
    path_named,
    promised,
    step_named,
    steps_at_once,
)
from incidents.services.record import SUBJECT, keep_facts, staff_of, write_entry
from notifications.enums import PageOutState, Urgency
from notifications.models import PageOut
from notifications.services import PageRequest, page_people
from procedures.rules.policy import Path, Span, Step

HANDOVER = "handover"
"""Why a step fires when who had acknowledged has gone."""

_OWED_BY_PORTAL = {
    Promised.STEP,
    Promised.REPEAT,
    Promised.OPENING,
    Promised.NUDGE,
    Promised.ALERT_COUNT,
}


def send(
    incident: Incident,
    fired: Fired,
    *,
    now: datetime,
    actor: Actor = PORTAL,
    late: str = "",
    collapsed: bool = False,
) -> None:
    """Puts the pages into the outbox, lets those paged see the incident, and writes what happened.

    `late` says why the pages come late; `collapsed` ones are only recorded, as a later step that is
    overdue too speaks for them. A step none of whose people can be reached after all is climbed over.
    """
    keep_facts(incident, fired.facts)
    people = [page.user_id for page in fired.pages]
    grant_sight(incident, people)
    if fired.pages:
        requests = [_request(incident, page, collapsed=collapsed) for page in fired.pages]
        page_outs = page_people(requests, now=now)
    names = names_of(people)
    for empty in fired.empty:
        _write_empty(incident, empty, now=now)
    for known in fired.already:
        text = f"{known.label}: {known.why}." + (f" Late: {late}." if late else "")
        write_entry(
            incident, EntryKind.STEP, text, actor=actor, now=now, clause=known.clause,
            data={"path": known.path, "step": known.step, "users": [], "late": late},
        )  # fmt: skip
    for _, group in groupby(fired.pages, key=_entry_of):
        _write_pages(incident, list(group), names, actor=actor, now=now, late=late)
    if fired.pages and not collapsed:
        _climb_over_unreachable(incident, fired, page_outs, now=now)


def _climb_over_unreachable(
    incident: Incident, fired: Fired, page_outs: Sequence[PageOut], *, now: datetime
) -> None:
    """The outbox found no way to people whom the roster took for reachable."""
    by_step: dict[tuple[str, str], list[PageOut]] = {}
    for page, page_out in zip(fired.pages, page_outs, strict=True):
        by_step.setdefault((page.path, page.step), []).append(page_out)
    for (path, step), outs in by_step.items():
        if all(out.state == PageOutState.UNREACHABLE for out in outs):
            climb_over(incident, path, step, why="nobody who holds it could be reached", now=now)


def climb_over(
    incident: Incident, path_slug: str, step_key: str, *, why: str, now: datetime
) -> None:
    """A step has come to nothing: the next one of its path is paged at once, and that is recorded.

    After the last one the team's managers and the admins are. A step that was reached before, or one
    that belongs to no path, leads nowhere further.
    """
    policy = policy_of_incident(incident)
    facts = facts_of(incident)
    if not facts.burning:
        return
    try:
        path = path_named(policy, path_slug)
        step = step_named(path, step_key)
    except LookupError:
        return
    _write_empty(
        incident, EmptyStep(now, path.slug, step.key, step.label, step.clause, why), now=now
    )
    following = following_step(path, step)
    if following is None:
        incident.run["fallbacks"] = incident.run.get("fallbacks", 0) + 1
        fired = call_fallback(
            policy, facts, staff_of(incident), calendar_of(incident.team),
            at=now, round_number=incident.run["fallbacks"],
        )  # fmt: skip
        send(incident, fired, now=now)
    elif (path.slug, following.key) not in facts.climbed:
        fired = fire(
            policy, facts, staff_of(incident), calendar_of(incident.team),
            [(path.slug, following.key, "after-empty")], at=now, round_number=facts.plan - 1,
        )  # fmt: skip
        send(incident, fired, now=now)


def _entry_of(page: PlannedPage) -> tuple[str, int]:
    """A repeat is one entry however many steps it pages; any other step has its own."""
    return ("repeat" if page.cause == "repeat" else page.step_key, page.round)


def _request(incident: Incident, page: PlannedPage, *, collapsed: bool) -> PageRequest:
    plan = incident.run.get("plan", 1)
    # These count their rounds from the start under every plan, and must not meet an earlier plan's.
    anew = plan > 1 and page.cause in ("repeat", "opening")
    return PageRequest(
        user_id=page.user_id,
        subject_type=SUBJECT,
        subject_id=incident.pk,
        step_key=f"{page.step_key}/{plan}" if anew else page.step_key,
        step_label=page.label,
        clause=page.clause,
        round=page.round,
        urgency=Urgency(page.urgency),
        severity=incident.severity,
        team_id=incident.team_id,
        held_until=page.held_until,
        allowed_kinds=page.methods,
        collapsed=collapsed,
    )


def _write_pages(
    incident: Incident,
    pages: Sequence[PlannedPage],
    names: Mapping[int, str],
    *,
    actor: Actor,
    now: datetime,
    late: str,
) -> None:
    first = pages[0]
    who = ", ".join(names.get(page.user_id, f"person {page.user_id}") for page in pages)
    verb = "Told" if first.urgency == "low" else "Paged"
    if first.held_until is not None:
        verb = f"Held until {first.held_until:%Y-%m-%d %H:%M} UTC for"
    text = f"{verb} {who}: {first.label}{_why(first)}."
    if first.cause == "repeat":
        text = f"{verb} {who} again, repeat {first.round}, as nobody has acknowledged."
    if late:
        text += f" Late: {late}."
    write_entry(
        incident,
        EntryKind.REPEAT if first.cause == "repeat" else EntryKind.STEP,
        text,
        actor=actor,
        now=now,
        clause=first.clause,
        data={
            "path": first.path,
            "step": first.step,
            "cause": first.cause,
            "round": first.round,
            "users": [page.user_id for page in pages],
            "held_until": first.held_until.isoformat() if first.held_until else None,
            "late": late,
        },
    )


def _why(page: PlannedPage) -> str:
    if page.cause == "at-once":
        return ""
    words = {
        "unacknowledged": "as nobody has acknowledged",
        "after-empty": "as the step before reached nobody",
        "opening": "who has the place as business hours begin",
        "on-demand": "as somebody asked",
        "handover": "as nobody has taken it over",
    }
    if page.cause in words:
        return f", {words[page.cause]}"
    kind, _, rest = page.cause.partition("-")
    if kind == "after":
        return f", {words['after-empty']}"
    if kind == "flag":
        return f", as it is {rest.replace('_', ' ')}"
    return f", {kind} for {rest}" if rest else f", {kind}"


def _write_empty(incident: Incident, empty: EmptyStep, *, now: datetime) -> None:
    write_entry(
        incident,
        EntryKind.EMPTY_STEP,
        f"{empty.label} reached nobody: {empty.why}. The next step was paged at once.",
        actor=PORTAL,
        now=now,
        clause=empty.clause,
        data={"path": empty.path, "step": empty.step, "why": empty.why},
    )


def promise_key(incident: Incident, name: str) -> str:
    """The key of one of the incident's promises."""
    return f"incident:{incident.pk}:{name}"


def promise_all(incident: Incident, planned: Iterable[PlannedPromise], *, now: datetime) -> None:
    """Puts promises on the clock, owed by the incident's owner or by the portal."""
    schedule(_promises(incident, planned), now=now)


def _promises(incident: Incident, planned: Iterable[PlannedPromise]) -> list[Promise]:
    owner_id = incident.owner_id
    owner = names_of([owner_id]).get(owner_id, "") if owner_id is not None else ""
    promises = []
    for item in planned:
        by_portal = item.kind in _OWED_BY_PORTAL
        promises.append(
            Promise(
                kind=item.kind.value,
                subject_type=SUBJECT,
                subject_id=incident.pk,
                key=promise_key(incident, item.name),
                due_at=item.due_at,
                clause=item.clause,
                round=item.round,
                owed_by_id=None if by_portal else owner_id,
                owed_by=PORTAL.label if by_portal else owner or str(incident.team),
                team_id=incident.team_id,
                payload={
                    **item.payload,
                    "severity": incident.severity,
                    "drill": incident.drill,
                    "version_id": incident.version_id,
                },
                nature=Nature.ACT if item.act else None,
            )
        )
    return promises


def begin(
    incident: Incident,
    facts: Facts,
    *,
    now: datetime,
    fresh: bool = True,
    skip: frozenset[int] = frozenset(),
    staff_at: StaffAt | None = None,
) -> None:
    """Promises all that is owed from these facts on, and pages at once whoever is due now, but for
    those to `skip`, who were called already.

    At the opening, after a severity change and after a reopening alike. What is due this very instant
    is done in this transaction, so that a declared incident has its first pages when it is committed.
    `staff_at` is what the caller has read already.
    """
    policy = policy_of_incident(incident)
    calendar = calendar_of(incident.team)
    staff_at = staff_at or staff_of(incident)
    planned = promised(policy, facts, calendar, now=now, fresh=fresh)
    if not facts.burning:
        promise_all(incident, planned, now=now)
        keep_facts(incident, facts)
        return
    at_once = [item for item in planned if item.kind == Promised.STEP and item.due_at <= now]
    fired = fire(
        policy, facts, staff_at, calendar,
        [(item.payload["path"], item.payload["step"], item.payload["cause"]) for item in at_once],
        at=now, round_number=facts.plan - 1, skip=skip,
    )  # fmt: skip
    schedule(
        _promises(incident, [item for item in planned if item not in at_once]),
        kept=_promises(incident, at_once),
        evidence={"paged": sorted({page.user_id for page in fired.pages})},
        now=now,
    )
    send(incident, fired, now=now)
    if fresh:
        experts = call_experts(policy, fired.facts, staff_at, calendar, at=now, skip=skip)
        send(incident, experts, now=now)


def fire_what_waited(incident: Incident, *, now: datetime) -> None:
    """Pages the steps that fire at once and never did: the severity was raised while it was mitigated."""
    facts = facts_of(incident)
    done = {(item.path, item.step, item.cause) for item in facts.reached}
    policy = policy_of_incident(incident)
    waited = [step for step in steps_at_once(policy, facts) if step not in done]
    if not waited:
        return
    calendar, staff_at = calendar_of(incident.team), staff_of(incident)
    fired = fire(policy, facts, staff_at, calendar, waited, at=now, round_number=facts.plan - 1)
    send(incident, fired, now=now)
    send(incident, call_experts(policy, fired.facts, staff_at, calendar, at=now), now=now)


def promise_handover(incident: Incident, found: tuple[Path, Step], now: datetime) -> None:
    """Acknowledged once, but by somebody who has gone: nobody else's silence may go unnoticed.

    When nobody has taken it within the acknowledgment time, the step after `found` is paged, after the
    last one that one again (X17).
    """
    policy = policy_of_incident(incident)
    severity = policy.severity(incident.severity)
    number = incident.run["handover"] = incident.run.get("handovers", 0) + 1
    incident.run["handovers"] = number
    path, step = next_step(policy, facts_of(incident), beyond=found[1].key) or found
    within = severity.acknowledge_within or Span(seconds=900)
    due = due_at(calendar_of(incident.team), now, within, severity.acknowledge_clock)
    promise_all(
        incident,
        [
            PlannedPromise(
                Promised.STEP,
                f"handover.{number}.{path.slug}.{step.key}",
                due,
                step.clause,
                payload={
                    "path": path.slug, "step": step.key, "cause": HANDOVER, "waits": HANDOVER,
                },
            )
        ],
        now=now,
    )  # fmt: skip


def go_on_searching(incident: Incident, now: datetime) -> None:
    """Its promises were planned anew while nobody had it: the search for somebody goes on, from the
    start of the path."""
    if "handover" not in incident.run or incident.run.get("engaged"):
        return
    policy = policy_of_incident(incident)
    paths = policy.paths_for(incident.kind, incident.severity)
    if paths and policy.severity(incident.severity).pages:
        promise_handover(incident, (paths[0], paths[0].steps[0]), now)


def fire_now(
    incident: Incident,
    steps: Iterable[tuple[str, str, str]],
    *,
    actor: Actor,
    now: datetime,
    on_demand: bool = True,
) -> Fired:
    """Pages steps at a person's wish; the same step may be wished for again, each time as a new round."""
    policy = policy_of_incident(incident)
    facts = facts_of(incident)
    wanted = list(steps)
    earlier = [(item.path, item.step, item.cause) for item in facts.reached]
    again = max((earlier.count(step) for step in wanted), default=0)
    fired = fire(
        policy, facts, staff_of(incident), calendar_of(incident.team), wanted,
        at=now, round_number=again, on_demand=on_demand,
    )  # fmt: skip
    send(incident, fired, now=now, actor=actor)
    return fired


def call_in(incident: Incident, user: User, *, now: datetime) -> None:
    """Pages one person who was brought in by name or by a role; it is written down when no way leads there."""
    severity = policy_of_incident(incident).severity(incident.severity)
    incident.run["calls"] = incident.run.get("calls", 0) + 1
    [page_out] = page_people(
        [
            PageRequest(
                user_id=user.pk,
                subject_type=SUBJECT,
                subject_id=incident.pk,
                step_key=f"called/{user.pk}",
                step_label="Called in",
                clause="C26",
                round=incident.run["calls"],
                urgency=Urgency.HIGH if severity.pages else Urgency.LOW,
                severity=incident.severity,
                team_id=incident.team_id,
            )
        ],
        now=now,
    )
    if page_out.state == PageOutState.UNREACHABLE:
        write_entry(
            incident,
            EntryKind.PAGES,
            f"No way leads to {user}: {page_out.reason}",
            actor=PORTAL,
            now=now,
            clause="C26",
            data={"page_out": page_out.pk, "reason": page_out.reason},
        )
