"""The way to the end of an incident, and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from deadlines.enums import State
from deadlines.extension import Actor
from deadlines.queries import open_promises
from deadlines.services import cancel, move, pause, resume, settle
from directory.queries import calendar_of
from directory.rules.calendar import add_business_time, business_time_between
from incidents import gates
from incidents.enums import EntryKind, Promised, Status
from incidents.events import (
    incident_closed,
    incident_mitigated,
    incident_relapsed,
    incident_reopened,
    incident_resolved,
)
from incidents.models import Incident
from incidents.permissions import Verb
from incidents.queries.facts import facts_of, policy_of_incident, settled_duties
from incidents.rules.texts import clean_text
from incidents.services.errors import GatesUnmet, VerbRefused
from incidents.services.judging import REPLANNED
from incidents.services.outcomes import record_waivers
from incidents.services.paging import begin, fire_what_waited, go_on_searching
from incidents.services.record import SUBJECT, allowed, change_status, keep, locked, write_entry
from incidents.services.updating import go_on_updating
from notifications.services import supersede

STOPPED_BY_MITIGATION = (Promised.RESOLVE, Promised.STEP)


@transaction.atomic
def mitigate(
    incident_id: int, *, actor: Actor, now: datetime, note: str = "", waive: str = ""
) -> Incident:
    """Service is restored, a workaround will do (C41): the clocks of “unresolved” stop (X6).

    The update cadence goes on until it is resolved. Refused before an acknowledgment.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.MITIGATE, incident)
    if incident.status in (Status.MITIGATED, Status.RESOLVED, Status.CLOSED):
        return incident
    _acknowledged_first(incident)
    _pass_gates("mitigate", incident, actor, now, waive)
    change_status(incident, Status.MITIGATED, "It cannot be mitigated now.")
    incident.mitigated_at = now
    pause(SUBJECT, incident.pk, kinds=STOPPED_BY_MITIGATION, now=now)
    supersede(SUBJECT, incident.pk, now=now, reason="mitigated")
    write_entry(
        incident, EntryKind.MITIGATED, f"{actor.label} marked it as mitigated{_said(note)}",
        actor=actor, now=now, clause="C41",
    )  # fmt: skip
    keep(incident)
    incident_mitigated.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


@transaction.atomic
def relapse(incident_id: int, *, actor: Actor, now: datetime, note: str = "") -> Incident:
    """It is back: the clocks that stood still go on, with the time already used (X6).

    Had the severity been raised meanwhile, whom its path calls at once is called now.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.RELAPSE, incident)
    if incident.status == Status.ACKNOWLEDGED:
        return incident
    if incident.status != Status.MITIGATED:
        raise VerbRefused(
            "wrong_status", f"The incident is {incident.status}: only a mitigated one relapses."
        )
    stopped_at = incident.mitigated_at or now
    change_status(incident, Status.ACKNOWLEDGED, "Only a mitigated incident relapses.")
    incident.mitigated_at = None
    _count_pause(incident, stopped_at, now)
    _go_on(incident, now)
    write_entry(
        incident,
        EntryKind.RELAPSED,
        f"{actor.label}: it is back{_said(note)}",
        actor=actor,
        now=now,
        clause="C41",
    )
    fire_what_waited(incident, now=now)
    keep(incident)
    incident_relapsed.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


def _go_on(incident: Incident, now: datetime) -> None:
    """Starts the paused clocks with the time that was left: business time where it is that they count."""
    calendar = calendar_of(incident.team)
    severity = policy_of_incident(incident).severity(incident.severity)
    paused = [
        (promise.key, business_time_between(calendar, promise.paused_at, promise.due_at))
        for promise in open_promises(SUBJECT, [incident.pk]).filter(state=State.PAUSED)
        if severity.clock == "business" and promise.paused_at and promise.due_at > promise.paused_at
    ]
    resume(SUBJECT, incident.pk, kinds=STOPPED_BY_MITIGATION, now=now)
    for key, left in paused:
        move(key, add_business_time(calendar, now, left), now=now)


@transaction.atomic
def resolve(
    incident_id: int, *, actor: Actor, now: datetime, note: str = "", waive: str = ""
) -> Incident:
    """The trouble is over: what was owed until then is settled, the rest no longer applies.

    A person can resolve only what somebody has acknowledged (C216); its own source may resolve it
    before anybody acted. Raises `GatesUnmet` with all that is missing; `waive` is the reason for which
    those that may be waived are, and is kept.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.RESOLVE, incident)
    if incident.status in (Status.RESOLVED, Status.CLOSED):
        return incident
    if actor.kind != "integration":
        _acknowledged_first(incident)
    _pass_gates("resolve", incident, actor, now, waive)
    incident.run["before_resolved"] = incident.status
    change_status(incident, Status.RESOLVED, "It cannot be resolved now.")
    incident.resolved_at = now
    settle(SUBJECT, incident.pk, kinds=[Promised.RESOLVE], now=now, evidence={"by": actor.label})
    cancel(SUBJECT, incident.pk, kinds=REPLANNED, now=now, reason="resolved")
    supersede(SUBJECT, incident.pk, now=now, reason="resolved")
    write_entry(
        incident,
        EntryKind.RESOLVED,
        f"{actor.label} resolved it{_said(note)}",
        actor=actor,
        now=now,
        clause="C41",
    )
    keep(incident)
    incident_resolved.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


@transaction.atomic
def reopen(incident_id: int, *, actor: Actor, now: datetime, reason: str) -> Incident:
    """A resolved incident burns again (X12): acknowledged, its clocks and its steps anew from now.

    Who reopens it answers it; whoever answered the first time, or could not, may be called again. What
    was met or missed before stays so. Refused without a reason, and for a closed incident.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.REOPEN, incident)
    if incident.active:
        return incident
    words = clean_text(reason)
    if not words:
        raise VerbRefused("no_reason", "Say why it is reopened.")
    change_status(
        incident, Status.ACKNOWLEDGED, "A closed incident stays closed. Declare a new one."
    )
    _back_to_life(incident, actor, now)
    incident.mitigated_at = None
    incident.run.update(
        zero=now.isoformat(),
        paused=0,
        plan=incident.run.get("plan", 1) + 1,
        engaged=[actor.id] if actor.kind == "user" else [],
        declined=[],
    )
    if "last_update" in incident.run:
        incident.run["last_update"] = now.isoformat()
    write_entry(
        incident, EntryKind.REOPENED, f"{actor.label} reopened it: {words}", actor=actor, now=now,
        data={"reason": words},
    )  # fmt: skip
    _plan_again(incident, now)
    keep(incident)
    incident_reopened.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


@transaction.atomic
def undo(incident_id: int, *, actor: Actor, now: datetime, note: str = "") -> Incident:
    """Takes back a mistaken mitigate or resolve (X12): as if it had not been said, the time counts.

    A step that would have been due by now is paged now; what was missed is not missed again.
    Refused for anything else.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.UNDO, incident)
    if incident.status == Status.MITIGATED:
        _undo_mitigate(incident, now)
        text = f"{actor.label} took back that it was mitigated{_said(note)}"
        fire_what_waited(incident, now=now)
    elif incident.status == Status.RESOLVED:
        _undo_resolve(incident, actor, now)
        text = f"{actor.label} took back that it was resolved{_said(note)}"
    else:
        raise VerbRefused(
            "nothing_to_undo", f"The incident is {incident.status}: there is nothing to take back."
        )
    write_entry(incident, EntryKind.UNDONE, text, actor=actor, now=now)
    keep(incident)
    incident_reopened.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


def _undo_mitigate(incident: Incident, now: datetime) -> None:
    paused = (
        open_promises(SUBJECT, [incident.pk]).filter(state="paused").values_list("key", "due_at")
    )
    original = dict(paused)
    change_status(incident, Status.ACKNOWLEDGED, "It is not mitigated.")
    incident.mitigated_at = None
    resume(SUBJECT, incident.pk, kinds=STOPPED_BY_MITIGATION, now=now)
    for key, due_at in original.items():
        move(key, max(due_at, now), now=now)


def _undo_resolve(incident: Incident, actor: Actor, now: datetime) -> None:
    before = incident.run.get("before_resolved", Status.ACKNOWLEDGED.value)
    back = Status.MITIGATED if before == Status.MITIGATED else Status.ACKNOWLEDGED
    change_status(incident, back, "It is not resolved.")
    _back_to_life(incident, actor, now)
    incident.run["plan"] = incident.run.get("plan", 1) + 1
    _plan_again(incident, now, settled=settled_duties(incident, State.MISSED, State.WAIVED))


def _back_to_life(incident: Incident, actor: Actor, now: datetime) -> None:
    incident.resolved_at = None
    incident.false_positive = False
    if incident.acknowledged_at is None:
        # Its source resolved it before anybody acted: who reopens it has it.
        incident.acknowledged_at = now
        incident.acknowledged_by_id = actor.id if actor.kind == "user" else None
        incident.owner_id = incident.acknowledged_by_id or incident.owner_id


def _plan_again(incident: Incident, now: datetime, *, settled: Iterable[str] = ()) -> None:
    facts = facts_of(incident, settled=settled)
    if incident.status == Status.MITIGATED and incident.mitigated_at is not None:
        facts = replace(facts, paused=facts.paused + (now - incident.mitigated_at))
    begin(incident, facts, now=now, fresh=False)
    go_on_updating(incident, now)
    go_on_searching(incident, now)
    if incident.status == Status.MITIGATED:
        pause(SUBJECT, incident.pk, kinds=STOPPED_BY_MITIGATION, now=now)


@transaction.atomic
def close(
    incident_id: int, *, actor: Actor, now: datetime, note: str = "", waive: str = ""
) -> Incident:
    """The end. Only a resolved incident is closed (X12), and nothing leads back.

    Raises `GatesUnmet` with all that is missing; `waive` as for `resolve`.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.CLOSE, incident)
    if incident.status == Status.CLOSED:
        return incident
    if incident.status != Status.RESOLVED:
        raise VerbRefused(
            "wrong_status", f"The incident is {incident.status}: resolve it before it is closed."
        )
    _pass_gates("close", incident, actor, now, waive)
    change_status(incident, Status.CLOSED, "It cannot be closed now.")
    incident.closed_at = now
    write_entry(
        incident, EntryKind.CLOSED, f"{actor.label} closed it{_said(note)}", actor=actor, now=now
    )
    keep(incident)
    incident_closed.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


@transaction.atomic
def mark_false_positive(incident_id: int, *, reason: str, actor: Actor, now: datetime) -> Incident:
    """There was nothing (C216). Only after somebody has acknowledged, which nothing can waive."""
    incident = locked(incident_id)
    allowed(actor, Verb.FALSE_POSITIVE, incident)
    if incident.false_positive:
        return incident
    words = clean_text(reason)[:500]
    if not words:
        raise VerbRefused(
            "no_reason", "Say why it was a false positive; the weekly review reads it."
        )
    _acknowledged_first(incident)
    incident.false_positive = True
    incident.false_positive_reason = words
    write_entry(
        incident, EntryKind.FALSE_POSITIVE, f"{actor.label}: a false positive. {words}", actor=actor, now=now,
        clause="C216", data={"reason": words},
    )  # fmt: skip
    return keep(incident)


@transaction.atomic
def propose_resolution(incident_id: int, *, text: str, actor: Actor, now: datetime) -> Incident:
    """Its source says that the trouble is over; a person decides. Said once until something changes."""
    incident = locked(incident_id)
    if not incident.active or incident.run.get("proposed_at_revision") == incident.revision:
        return incident
    write_entry(
        incident, EntryKind.PROPOSED, clean_text(text) or "All its alerts have resolved: is it over?",
        actor=actor, now=now, data={"propose": "resolve"},
    )  # fmt: skip
    incident.run["proposed_at_revision"] = incident.revision + 1
    return keep(incident)


def _acknowledged_first(incident: Incident) -> None:
    if incident.acknowledged_at is None:
        raise GatesUnmet("go on", [NOT_ACKNOWLEDGED])


NOT_ACKNOWLEDGED = gates.Reason(
    "not_acknowledged",
    "Nobody has acknowledged it: acknowledge first, even a false positive.",
    "C216",
    waivable=False,
)


def _pass_gates(
    transition: str, incident: Incident, actor: Actor, now: datetime, waive: str
) -> None:
    reasons = gates.missing(transition, incident, now)
    if not reasons:
        return
    why = clean_text(waive)
    hard = [reason for reason in reasons if not reason.waivable]
    if hard or not why:
        raise GatesUnmet(transition, reasons)
    allowed(actor, Verb.WAIVE, incident)
    write_entry(
        incident, EntryKind.WAIVED,
        f"{actor.label} went on without: {' '.join(reason.text for reason in reasons)} Because: {why}",
        actor=actor, now=now, clause=reasons[0].clause,
        data={"transition": transition, "waived": [reason.code for reason in reasons], "why": why},
    )  # fmt: skip
    record_waivers(incident, reasons, by=actor.label, why=why, now=now)


def _count_pause(incident: Incident, since: datetime, now: datetime) -> None:
    incident.run["paused"] = incident.run.get("paused", 0) + (now - since).total_seconds()


def _said(note: str) -> str:
    words = clean_text(note)
    return f": {words}" if words else "."
