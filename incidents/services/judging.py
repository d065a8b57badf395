"""How bad it is: severity, major, breach confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from deadlines.enums import State
from deadlines.extension import Actor
from deadlines.services import cancel, pause
from incidents.enums import EntryKind, Flag, Kind, Promised, Status
from incidents.events import breach_confirmed, severity_changed
from incidents.models import Incident
from incidents.permissions import Verb, may
from incidents.queries.facts import facts_of, policy_of_incident, settled_duties
from incidents.rules.escalation import Facts, Reached, cause_of, steps_at_once
from incidents.rules.texts import clean_text
from incidents.services.backlog import ensure_backlog_item
from incidents.services.errors import VerbRefused
from incidents.services.paging import begin, fire_now, go_on_searching
from incidents.services.record import SUBJECT, allowed, keep, locked, write_entry
from incidents.services.updating import go_on_updating
from notifications.enums import OPEN_PAGE_OUTS
from notifications.queries import page_outs_of
from notifications.services import supersede
from procedures.rules.policy import Policy, Severity

REPLANNED = (
    Promised.ACKNOWLEDGE,
    Promised.FIRST_UPDATE,
    Promised.UPDATE,
    Promised.RESOLVE,
    Promised.STEP,
    Promised.REPEAT,
    Promised.OPENING,
    Promised.NUDGE,
)
"""The promises a severity decides."""


@transaction.atomic
def set_severity(
    incident_id: int, *, severity: str, actor: Actor, now: datetime, reason: str = ""
) -> Incident:
    """Another severity: what is still owed is planned anew, what has happened stays.

    The clocks go on from the opening, under the version of the procedure the incident has; one that is
    over by then is due now. Raised, the steps of the new path that fire at once do so. Lowered, nobody
    is paged anew; while nobody has acknowledged, whom the new path calls at once and no page has left
    for yet is still called. Whom a person called stays called. The same severity again changes nothing.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.SET_SEVERITY, incident)
    if incident.severity == severity:
        return incident
    if not incident.active:
        raise VerbRefused(
            "not_active", f"The incident is {incident.status}; its severity stays as it was."
        )
    policy = policy_of_incident(incident)
    old = policy.severity(incident.severity)
    new = _known(policy, severity)
    raised = new.rank < old.rank
    cancel(SUBJECT, incident.pk, kinds=REPLANNED, now=now, reason=f"the severity became {new.code}")
    settled = settled_duties(incident, State.MISSED, State.WAIVED)
    supersede(
        SUBJECT,
        incident.pk,
        now=now,
        reason=f"the severity became {new.code}",
        step_keys=_calls_of_the_clock(incident) if new.pages else None,
    )
    incident.severity = new.code
    incident.run["plan"] = incident.run.get("plan", 1) + 1
    words = clean_text(reason)
    write_entry(
        incident,
        EntryKind.SEVERITY,
        f"{actor.label} {'raised' if raised else 'lowered'} the severity from {old.code} to {new.code}"
        + (f": {words}" if words else "."),
        actor=actor,
        now=now,
        data={"old": old.code, "new": new.code},
    )
    begin(
        incident,
        _facts_now(incident, settled, raised, now),
        now=now,
        fresh=raised or incident.status == Status.TRIGGERED,
        skip=frozenset() if raised else _sent_to(incident),
    )
    go_on_updating(incident, now)
    go_on_searching(incident, now)
    if incident.status == Status.MITIGATED:
        pause(SUBJECT, incident.pk, kinds=[Promised.RESOLVE, Promised.STEP], now=now)
    ensure_backlog_item(incident, policy, now=now)
    keep(incident)
    severity_changed.announce(
        incident_id=incident.pk, now=now.isoformat(), old=old.code, new=new.code
    )
    return incident


@transaction.atomic
def raise_severity(
    incident_id: int, *, severity: str, actor: Actor, now: datetime, reason: str = ""
) -> Incident:
    """A worse severity, and never a better one, whatever became of the incident since its severity was read.

    One that is that bad by now, or over, stays as it is.
    """
    incident = locked(incident_id)
    allowed(actor, Verb.SET_SEVERITY, incident)
    policy = policy_of_incident(incident)
    if (
        not incident.active
        or _known(policy, severity).rank >= policy.severity(incident.severity).rank
    ):
        return incident
    return set_severity(incident_id, severity=severity, actor=actor, now=now, reason=reason)


def _known(policy: Policy, code: str) -> Severity:
    try:
        return policy.severity(code)
    except LookupError:
        codes = ", ".join(one.code for one in policy.severities)
        raise VerbRefused("unknown_severity", f"The severity is one of {codes}.") from None


def _calls_of_the_clock(incident: Incident) -> list[str]:
    """The step keys of the pages that the plan called for, and no person."""
    keys = page_outs_of(SUBJECT, [incident.pk]).filter(state__in=OPEN_PAGE_OUTS)
    return [
        key
        for key in keys.order_by().values_list("step_key", flat=True).distinct()
        if not key.startswith("called/") and not key.endswith("/on-demand")
    ]


def _sent_to(incident: Incident) -> frozenset[int]:
    """Whom a page about the incident has left for already."""
    sent = page_outs_of(SUBJECT, [incident.pk]).filter(sent_at__isnull=False, user__isnull=False)
    return frozenset(sent.order_by().values_list("user_id", flat=True))


def _facts_now(incident: Incident, settled: set[str], raised: bool, now: datetime) -> Facts:
    facts = facts_of(incident, settled=settled)
    if raised or facts.unanswered:
        # What fired at once does so again: its pages of the severity before may be held or unsent.
        again = tuple(item for item in facts.reached if item.cause != "at-once")
        facts = replace(facts, reached=again)
    else:
        # Whoever answers has come over from the old path: the new one is climbed from there on.
        policy = policy_of_incident(incident)
        passed = (Reached(*step, now) for step in steps_at_once(policy, facts))
        facts = replace(facts, reached=(*facts.reached, *passed))
    if incident.status == Status.MITIGATED and incident.mitigated_at is not None:
        facts = replace(facts, paused=facts.paused + (now - incident.mitigated_at))
    return facts


@transaction.atomic
def mark_major(incident_id: int, *, actor: Actor, now: datetime, reason: str = "") -> Incident:
    """A manager of the team calls it a major incident (C76): the steps that wait for that are paged,
    each by the methods its role allows at this severity (X1: below P1 the VP is told by mail).

    The commander's word is a proposal: it is written down for the managers to decide.
    Saying it twice changes nothing. `may_be_raised` says whether raising the severity is to be offered.
    """
    incident = locked(incident_id)
    if actor.kind == "user":
        user = allowed(actor, Verb.PROPOSE_MAJOR, incident)
        if user is None or not may(user, Verb.MARK_MAJOR, incident):
            return _propose_major(incident, actor, now, reason)
    if incident.major:
        return incident
    _still_active(incident)
    incident.major = True
    words = clean_text(reason)
    write_entry(
        incident, EntryKind.MAJOR, f"{actor.label} marked it as a major incident" + (f": {words}" if words else "."),
        actor=actor, now=now, clause="C76",
    )  # fmt: skip
    _fire_flag(incident, Flag.MAJOR, actor, now)
    return keep(incident)


def _propose_major(incident: Incident, actor: Actor, now: datetime, reason: str) -> Incident:
    if incident.major or "major_proposed" in incident.run:
        return incident
    _still_active(incident)
    incident.run["major_proposed"] = now.isoformat()
    words = clean_text(reason)
    write_entry(
        incident, EntryKind.PROPOSED,
        f"{actor.label} proposes to mark it as a major incident" + (f": {words}" if words else "."),
        actor=actor, now=now, clause="C76",
    )  # fmt: skip
    return keep(incident)


def may_be_raised(incident: Incident) -> str | None:
    """The severity to offer for a major incident that is not at the worst one yet (X1)."""
    if not incident.major or not incident.active:
        return None
    policy = policy_of_incident(incident)
    rank = policy.severity(incident.severity).rank
    worse = [one for one in policy.severities if one.rank < rank]
    return max(worse, key=lambda one: one.rank).code if worse else None


@transaction.atomic
def confirm_breach(incident_id: int, *, note: str, actor: Actor, now: datetime) -> Incident:
    """A manager of the team or the security lead signs that there was a breach (C82): Legal, PR and the
    C-level are paged. What was signed, by whom and when stays on the timeline. It cannot be waived.

    Refuses an incident that is no security incident, and a signature without a note. Once is enough.
    """
    incident = locked(incident_id)
    user = allowed(actor, Verb.CONFIRM_BREACH, incident)
    if user is None:
        raise VerbRefused("needs_a_person", "A breach is confirmed by a person who signs.")
    if incident.kind != Kind.SECURITY:
        raise VerbRefused("not_security", "Only a security incident can be a confirmed breach.")
    if incident.breach_confirmed:
        return incident
    words = clean_text(note)
    if not words:
        raise VerbRefused(
            "no_note", "Write what is known of the breach; it is signed with your name."
        )
    _still_active(incident)
    incident.breach_confirmed = True
    write_entry(
        incident, EntryKind.BREACH, f"Breach confirmed, signed by {actor.label}: {words}",
        actor=actor, now=now, clause="C82", data={"signed_by": user.pk, "note": words},
    )  # fmt: skip
    _fire_flag(incident, Flag.BREACH_CONFIRMED, actor, now)
    keep(incident)
    breach_confirmed.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


def _fire_flag(incident: Incident, flag: Flag, actor: Actor, now: datetime) -> None:
    steps = [
        (path.slug, step.key, cause_of(trigger))
        for path in policy_of_incident(incident).paths_for(incident.kind, incident.severity)
        for step in path.steps
        for trigger in step.triggers
        if trigger.kind == "flag" and trigger.flag == flag
    ]
    if steps:
        fire_now(incident, steps, actor=actor, now=now)


def _still_active(incident: Incident) -> None:
    if not incident.active:
        raise VerbRefused("not_active", f"The incident is {incident.status}. Reopen it first.")
