"""What happens when a promise of an incident falls due: the handlers the clock calls.

Each runs with its incident locked, writes rows only, and returns the evidence that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from deadlines.enums import Nature, Reach, State
from deadlines.extension import PORTAL
from deadlines.models import Deadline
from deadlines.queries import promises_of
from deadlines.registry import Due, Kind, register_kind, register_subject
from directory.queries import calendar_of, names_of
from incidents.enums import EntryKind, Promised, Status
from incidents.models import Incident
from incidents.queries.facts import alert_count, facts_of, label_of, lock, policy_of_incident
from incidents.rules.escalation import (
    Fired,
    fire,
    next_nudge,
    next_repeat,
    open_doors,
    path_named,
    repeat,
    step_named,
)
from incidents.services.paging import HANDOVER, promise_all, promise_handover, send
from incidents.services.record import SUBJECT, keep, locked, staff_of, write_entry
from incidents.services.telling import tell_responders
from incidents.services.updating import update_was_missed

Evidence = Mapping[str, Any]


def on_acknowledge_due(deadline: Deadline, due: Due) -> Evidence:
    """Nobody acknowledged in time (C27, C30, C33, C36). The steps of the path see to the rest."""
    incident = locked(deadline.subject_id)
    _write_missed(incident, deadline, due, "An acknowledgment was due. Nobody has acknowledged.")
    keep(incident)
    return {"status": incident.status}


def on_first_update_due(deadline: Deadline, due: Due) -> Evidence:
    """No findings were posted in time (C28, C31, C34): whoever has it is told now, and again."""
    incident = locked(deadline.subject_id)
    _write_missed(incident, deadline, due, "The first findings were due.")
    tell_responders(incident, "The first findings are due", deadline=deadline, now=due.now)
    severity = policy_of_incident(incident).severity(incident.severity)
    nudge = next_nudge(
        severity, facts_of(incident), calendar_of(incident.team), round_number=1, at=deadline.due_at
    )
    promise_all(incident, [nudge], now=due.now)
    keep(incident)
    return {"status": incident.status}


def on_nudge_due(deadline: Deadline, due: Due) -> Evidence:
    """The first findings are still owed: whoever has it is told again."""
    incident = locked(deadline.subject_id)
    _write_reminded(
        incident, deadline, due, "The first findings are still owed; a reminder went out."
    )
    tell_responders(incident, "The first findings are still owed", deadline=deadline, now=due.now)
    severity = policy_of_incident(incident).severity(incident.severity)
    following = next_nudge(
        severity, facts_of(incident), calendar_of(incident.team),
        round_number=deadline.round + 1, at=_last_on_grid(deadline, due),
    )  # fmt: skip
    promise_all(incident, [following], now=due.now)
    keep(incident)
    return {"reminded": deadline.round}


def _write_reminded(incident: Incident, deadline: Deadline, due: Due, text: str) -> None:
    write_entry(
        incident,
        EntryKind.REMINDED,
        _late(text, due),
        actor=PORTAL,
        now=due.now,
        clause=deadline.clause,
    )


def _last_on_grid(deadline: Deadline, due: Due) -> datetime:
    """Reminders that fell due while the portal was down are not caught up with, one is enough."""
    return max(deadline.due_at, due.now) if due.late else deadline.due_at


def on_update_due(deadline: Deadline, due: Due) -> Evidence:
    """An update was due (C132, C133): missed, and the next one is owed. A reminder (C134) is only said."""
    incident = locked(deadline.subject_id)
    if deadline.nature == Nature.ACT:
        _write_reminded(incident, deadline, due, "A reminder to post an update went out.")
        following = update_was_missed(incident, _last_on_grid(deadline, due), due.now)
    else:
        _write_missed(incident, deadline, due, "An update was due.")
        following = update_was_missed(incident, deadline.due_at, due.now)
    if following is None or following > due.now:
        # Of several that fell due while the portal was down only the last is said.
        tell_responders(incident, "An update is due", deadline=deadline, now=due.now)
    keep(incident)
    return {"status": incident.status}


def on_resolve_due(deadline: Deadline, due: Due) -> Evidence:
    """It was to be resolved or mitigated by now (C29, C32, C35)."""
    incident = locked(deadline.subject_id)
    _write_missed(incident, deadline, due, "It was to be resolved or mitigated by now.")
    tell_responders(
        incident, "It was to be resolved or mitigated by now", deadline=deadline, now=due.now
    )
    keep(incident)
    return {"status": incident.status}


def on_step_due(deadline: Deadline, due: Due) -> Evidence:
    """A step of the path: the people who hold it at this instant are paged.

    What fell due while the portal was down is written in its order; only the last of it pages.
    """
    incident = locked(deadline.subject_id)
    path, step, cause = (deadline.payload[key] for key in ("path", "step", "cause"))
    policy = policy_of_incident(incident)
    if not _still_wanted(incident, deadline):
        return {"skipped": incident.status}
    facts = facts_of(incident)
    late = due.late_reason if due.late else ""
    collapsed = due.late and _more_is_overdue(deadline, due)
    wanted = (path, step, cause)
    again = [(item.path, item.step, item.cause) for item in facts.reached].count(wanted)
    fired = fire(
        policy, facts, staff_of(incident), calendar_of(incident.team),
        [wanted], at=_at(deadline, due),
        round_number=again if cause == HANDOVER else facts.plan - 1,
    )  # fmt: skip
    if collapsed:
        # The people are reached by what comes after it in this catching up, not by this page.
        fired = replace(fired, facts=replace(fired.facts, paged=facts.paged))
    send(incident, fired, now=due.now, late=late, collapsed=collapsed)
    _hand_over(incident, fired, due)
    if cause == HANDOVER:
        climbed = path_named(policy, path)
        promise_handover(incident, (climbed, step_named(climbed, step)), due.now)
    keep(incident)
    return {**_paged(fired), "collapsed": collapsed}


def _still_wanted(incident: Incident, deadline: Deadline) -> bool:
    """A verb cancels what it ends; this is the second look, should a new verb forget to."""
    waits = deadline.payload.get("waits")
    if waits == "unacknowledged":
        return incident.status == Status.TRIGGERED
    return incident.status in (Status.TRIGGERED, Status.ACKNOWLEDGED)


def _hand_over(incident: Incident, fired: Fired, due: Due) -> None:
    """The secondary takes over from a silent primary (C22)."""
    if fired.takes_over is None or fired.takes_over == incident.owner_id:
        return
    incident.owner_id = fired.takes_over
    name = names_of([fired.takes_over])[fired.takes_over]
    write_entry(
        incident, EntryKind.OWNER, f"{name} takes over, as nobody has acknowledged.",
        actor=PORTAL, now=due.now, clause="C22", data={"owner": fired.takes_over},
    )  # fmt: skip


def on_repeat_due(deadline: Deadline, due: Due) -> Evidence:
    """Nobody answers: the steps reached are paged again (X17), and the next repeat is promised."""
    incident = locked(deadline.subject_id)
    if incident.status != Status.TRIGGERED:
        return {"skipped": incident.status}
    policy = policy_of_incident(incident)
    severity = policy.severity(incident.severity)
    facts = facts_of(incident)
    calendar = calendar_of(incident.team)
    path = path_named(policy, deadline.payload["path"])
    late = due.late_reason if due.late else ""
    round_number = deadline.round
    following = next_repeat(
        severity, path, facts, calendar, round_number=round_number, at=deadline.due_at
    )
    skipped = 0
    while due.late and following.due_at <= due.now:
        skipped += 1
        round_number = following.round
        following = next_repeat(
            severity, path, facts, calendar, round_number=round_number, at=following.due_at
        )
    if skipped:
        write_entry(
            incident, EntryKind.REPEAT,
            f"{skipped + 1} repeats fell due from {deadline.due_at:%Y-%m-%d %H:%M:%S} UTC on. "
            f"Late: {late}. One is paged.",
            actor=PORTAL, now=due.now, clause=deadline.clause, data={"late": late, "skipped": skipped},
        )  # fmt: skip
    fired = repeat(
        policy, facts, staff_of(incident), calendar, path,
        round_number=round_number, at=_at(deadline, due),
    )  # fmt: skip
    send(incident, fired, now=due.now, late=late)
    promise_all(incident, [following], now=due.now)
    keep(incident)
    return {**_paged(fired), "skipped": skipped}


def on_opening_due(deadline: Deadline, due: Due) -> Evidence:
    """Business hours begin (C64): the held pages go out; who has the place by now is paged too."""
    incident = locked(deadline.subject_id)
    if incident.status != Status.TRIGGERED:
        return {"skipped": incident.status}
    fired = open_doors(
        policy_of_incident(incident), facts_of(incident), staff_of(incident), calendar_of(incident.team),
        at=_at(deadline, due),
    )  # fmt: skip
    write_entry(
        incident, EntryKind.PAGES, _late("Business hours begin: the pages held until now go out.", due),
        actor=PORTAL, now=due.now, clause=deadline.clause,
    )  # fmt: skip
    send(incident, fired, now=due.now)
    keep(incident)
    return _paged(fired)


def on_alert_count_due(deadline: Deadline, due: Due) -> Evidence:
    """A storm's alerts are counted, not listed."""
    incident = locked(deadline.subject_id)
    count = alert_count(incident)
    write_entry(
        incident,
        EntryKind.ALERTS,
        f"{count} alerts so far.",
        actor=PORTAL,
        now=due.now,
        data={"count": count},
    )
    keep(incident)
    return {"count": count}


def _at(deadline: Deadline, due: Due) -> datetime:
    """The instant the rules count with: the promised one, or now when the portal was down then."""
    return due.now if due.late else deadline.due_at


def _more_is_overdue(deadline: Deadline, due: Due) -> bool:
    return (
        promises_of(SUBJECT, deadline.subject_id)
        .filter(
            kind__in=[Promised.STEP, Promised.REPEAT],
            state=State.PENDING,
            due_at__lte=due.now,
            due_at__gte=deadline.due_at,
            payload__path=deadline.payload["path"],
        )
        .exclude(pk=deadline.pk)
        .exclude(due_at=deadline.due_at, pk__lt=deadline.pk)
        .exists()
    )


def _paged(fired: Fired) -> Evidence:
    return {
        "paged": sorted({page.user_id for page in fired.pages}),
        "reached_nobody": [empty.step for empty in fired.empty],
    }


def _write_missed(incident: Incident, deadline: Deadline, due: Due, what: str) -> None:
    write_entry(
        incident, EntryKind.MISSED,
        _late(f"{what} Due at {deadline.due_at:%Y-%m-%d %H:%M:%S} UTC.", due),
        actor=PORTAL, now=due.now, clause=deadline.clause,
        data={"promise": deadline.kind, "due_at": deadline.due_at.isoformat(), "late": due.late_reason},
    )  # fmt: skip


def _late(text: str, due: Due) -> str:
    return f"{text} Late: {due.late_reason}." if due.late else text


def register() -> None:
    """Tells the clock about incidents and their kinds of promises."""
    register_subject(SUBJECT, lock=lock, label=label_of)
    duty, act = Nature.DUTY, Nature.ACT
    for name, nature, reach, handler, title in (
        (Promised.ACKNOWLEDGE, duty, Reach.WAKE, on_acknowledge_due, "Acknowledge"),
        (Promised.FIRST_UPDATE, duty, Reach.NOW, on_first_update_due, "Post the first findings"),
        (Promised.UPDATE, duty, Reach.NOW, on_update_due, "Post an update"),
        (Promised.RESOLVE, duty, Reach.NOW, on_resolve_due, "Resolve or mitigate"),
        (Promised.STEP, act, Reach.WAKE, on_step_due, "Page the next step"),
        (Promised.REPEAT, act, Reach.WAKE, on_repeat_due, "Page again, as nobody answers"),
        (Promised.OPENING, act, Reach.WAKE, on_opening_due, "Business hours begin"),
        (Promised.NUDGE, act, Reach.NOW, on_nudge_due, "Ask again for the first findings"),
        (Promised.ALERT_COUNT, act, Reach.DIGEST, on_alert_count_due, "Count the alerts"),
    ):
        register_kind(Kind(name.value, nature, reach, handler, title))
