"""Everything the phone page of one page-out shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from directory.queries import calendar_of
from incidents.enums import Status
from incidents.models import Incident
from incidents.queries.facts import facts_of, policy_of_incident, staff_for
from incidents.queries.links import links_of
from incidents.queries.messages import SUBJECT, next_escalation, owed_clocks
from incidents.rules.escalation import fire
from notifications.models import PageOut
from notifications.queries import others_paged

FORETOLD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Owed:
    """A clock that runs: what is owed, until when, under which clause."""

    what: str
    due_at: datetime
    clause: str


@dataclass(frozen=True, slots=True)
class Coming:
    """The step the clock pages next: who is woken when. `soon` within five minutes."""

    label: str
    at: datetime
    people: tuple[str, ...]
    clause: str
    soon: bool


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """The phone page: `usable` while the person may still answer with it."""

    incident: Incident
    ref: str
    title: str
    severity: str
    status: str
    kind: str
    drill: bool
    since: datetime
    services: tuple[str, ...]
    step: str
    clause: str
    owed: tuple[Owed, ...]
    others: tuple[str, ...]
    coming: Coming | None
    links: tuple[tuple[str, str], ...]
    acknowledged_by: str
    mine: bool
    usable: bool


def phone_facts(page_out: PageOut, now: datetime) -> PhoneFacts | None:
    """What the phone page shows; None when the page-out is about something else or its incident is gone."""
    if page_out.subject_type != SUBJECT:
        return None
    incident = (
        Incident.objects.select_related("team", "lead_service", "acknowledged_by", "owner")
        .filter(pk=page_out.subject_id)
        .first()
    )
    if incident is None:
        return None
    others = dict.fromkeys(
        str(other.user) for other in others_paged(page_out) if other.user is not None
    )
    return PhoneFacts(
        incident=incident,
        ref=incident.ref,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        kind=incident.kind,
        drill=incident.drill,
        since=incident.started_at,
        services=tuple(incident.services.order_by("name").values_list("name", flat=True)),
        step=page_out.step_label,
        clause=page_out.clause,
        owed=tuple(Owed(*clock) for clock in owed_clocks(incident)),
        others=tuple(others),
        coming=coming_step(incident, now),
        links=tuple(links_of(incident)),
        acknowledged_by=str(incident.acknowledged_by or ""),
        mine=page_out.user_id in incident.run.get("engaged", []),
        usable=incident.status != Status.CLOSED
        and page_out.user_id is not None
        and page_out.user_id not in incident.run.get("declined", []),
    )


def coming_step(incident: Incident, now: datetime) -> Coming | None:
    """Whom the clock pages next on the incident's path, and when, by the roster of that instant."""
    step = next_escalation(incident, now)
    if step is None:
        return None
    services = list(incident.services.values_list("pk", flat=True))
    staff_at = staff_for(
        incident.team_id,
        services,
        lead_service_id=incident.lead_service_id,
        only=incident.run.get("only"),
    )
    fired = fire(
        policy_of_incident(incident), facts_of(incident), staff_at, calendar_of(incident.team),
        [(step.payload["path"], step.payload["step"], step.payload["cause"])], at=step.due_at,
    )  # fmt: skip
    people = staff_at(step.due_at)
    known = {**people.roster.people, **people.people}
    names = tuple(known[page.user_id].name for page in fired.pages if page.user_id in known)
    label = fired.pages[0].label if fired.pages else step.payload["step"]
    return Coming(label, step.due_at, names, step.clause, step.due_at - now <= FORETOLD)
