"""Opening an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from deadlines.extension import Actor
from deadlines.rows import insert_all
from directory.models import Service, Team
from directory.queries import calendar_of, service_by_id
from directory.rules.calendar import is_open, next_opening
from incidents.enums import EntryKind, Kind, Status
from incidents.events import incident_declared
from incidents.models import AlertTally, Incident
from incidents.permissions import SECURITY_LEADS, grant_sight, may_declare
from incidents.queries.facts import facts_of, staff_for
from incidents.rules.escalation import Staff, StaffAt
from incidents.rules.severity import severity_of
from incidents.rules.texts import clean_text, clean_title
from incidents.services.backlog import ensure_backlog_item
from incidents.services.errors import Forbidden, VerbRefused
from incidents.services.paging import begin
from incidents.services.record import keep_as_opened, person, write_entry
from incidents.services.storms import promise_counts
from procedures.queries import current_version, policy_of
from procedures.rules.policy import Policy

SAME_TAP = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class DeclareFacts:
    """What is known when an incident is declared. `services` are ids, the lead service first.

    Without a service the incident is `team_id`'s. `criteria` says of criterion keys whether they are
    ticked, of measures how much; the worst that holds makes the severity at least as bad. `origin` is
    "alert", "person" or "api", for the timeline. A drill with `drill_user_id` is that person's alone:
    whatever its path says, nobody else is paged for it. `alerts` is how many it begins with.
    """

    title: str
    severity: str = ""
    services: Sequence[int] = ()
    kind: str = Kind.STANDARD.value
    started_at: datetime | None = None
    user_facing: bool | None = None
    criteria: Mapping[str, float | bool] = field(default_factory=dict)
    drill: bool = False
    drill_user_id: int | None = None
    team_id: int | None = None
    origin: str = "person"
    summary: str = ""
    alerts: int = 0


@transaction.atomic
def declare(facts: DeclareFacts, *, actor: Actor, now: datetime) -> Incident:
    """Opens an incident: its row, its first timeline entry, its promises and its first pages.

    It is the lead service's team's, under that team's procedure as published now. The primary owns it
    (C16). A P4 pages nobody and becomes a backlog item (C71). Whoever declares the same thing twice
    within two minutes gets the same incident. Refuses a severity, service or criterion that is unknown.
    """
    if actor.kind == "user" and not may_declare(person(actor)):
        raise Forbidden("You are not one of those who declare incidents.")
    title = clean_title(facts.title)
    if not title:
        raise VerbRefused("no_title", "Say in a few words what is wrong.")
    services = _services(facts.services)
    team = _team(services, facts.team_id)
    version = current_version(team.procedure_id)
    policy = policy_of(version.pk)
    kind = _kind(facts.kind)
    severity, criterion = _severity(policy, facts)
    lead = services[0] if services else None
    if (same := _declared_before(facts, actor, title, severity, lead, now)) is not None:
        return same
    started_at = min(facts.started_at or now, now)
    incident = Incident(
        ref=_next_ref(now.year),
        title=title,
        severity=severity,
        kind=kind.value,
        restricted=kind == Kind.SECURITY,
        status=Status.TRIGGERED.value,
        team=team,
        lead_service=lead,
        version=version,
        declared_by_kind=actor.kind,
        declared_by_id=actor.id,
        declared_by=actor.label[:200],
        started_at=started_at,
        opened_at=now,
        user_facing=facts.user_facing
        if facts.user_facing is not None
        else any(service.user_facing for service in services),
        criteria=[{"key": key, "value": value} for key, value in sorted(facts.criteria.items())],
        drill=facts.drill,
        run={"zero": now.isoformat(), "plan": 1},
    )
    if facts.drill and facts.drill_user_id is not None:
        incident.run["only"] = facts.drill_user_id
    staff_at = staff_for(
        team.pk,
        [one.pk for one in services],
        lead_service_id=lead.pk if lead else None,
        only=incident.run.get("only"),
    )
    incident.owner_id = _first_owner(incident, policy, staff_at, now)
    insert_all([incident], known_by="ref")
    through = Incident.services.through
    insert_all([through(incident=incident, service=one) for one in services], known_by="service_id")
    last_at = now if facts.alerts else None
    tally = AlertTally(incident=incident, count=facts.alerts, last_at=last_at)
    insert_all([tally], known_by="incident_id")
    promise_counts(incident.pk, 0, facts.alerts, now=now)
    _let_see(incident, actor, staff_at(now))
    write_entry(
        incident,
        EntryKind.DECLARED,
        _declared_text(incident, facts, criterion),
        actor=actor,
        now=now,
        clause=policy.severity(severity).response_clause,
        data={
            "origin": facts.origin,
            "severity": severity,
            "kind": kind.value,
            "services": [service.slug for service in services],
            "paths": [path.slug for path in policy.paths_for(kind, severity)],
            "version": version.number,
        },
    )
    begin(incident, facts_of(incident), now=now, staff_at=staff_at)
    ensure_backlog_item(incident, policy, now=now)
    keep_as_opened(incident)
    incident_declared.announce(incident_id=incident.pk, now=now.isoformat())
    return incident


def _services(ids: Sequence[int]) -> list[Service]:
    found = []
    for service_id in dict.fromkeys(ids):
        service = service_by_id(service_id)
        if service is None:
            raise VerbRefused("unknown_service", f"There is no service {service_id}.")
        found.append(service)
    return found


def _team(services: Sequence[Service], team_id: int | None) -> Team:
    if services:
        return services[0].team
    team = Team.objects.filter(pk=team_id).first() if team_id is not None else None
    if team is None:
        raise VerbRefused("no_service", "Name at least one service: its team answers.")
    return team


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        raise VerbRefused("unknown_kind", 'An incident is "standard" or "security".') from None


def _severity(policy: Policy, facts: DeclareFacts) -> tuple[str, str]:
    """The worse of what was said and what the criteria say, and the criterion that decided."""
    known = {
        name
        for severity in policy.severities
        for criterion in severity.criteria
        for name in (criterion.key, criterion.measure)
        if name
    }
    if unknown := sorted(set(facts.criteria) - known):
        raise VerbRefused("unknown_criterion", f"The procedure has no criterion {unknown[0]!r}.")
    judged = severity_of(policy.severities, facts.criteria)
    if not facts.severity:
        if judged is None:
            raise VerbRefused("no_severity", "Choose a severity, or tick a criterion that holds.")
        return judged[0].code, judged[1].key
    try:
        said = policy.severity(facts.severity)
    except LookupError:
        codes = ", ".join(severity.code for severity in policy.severities)
        raise VerbRefused("unknown_severity", f"The severity is one of {codes}.") from None
    if judged is not None and judged[0].rank < said.rank:
        return judged[0].code, judged[1].key
    return said.code, judged[1].key if judged is not None and judged[0].code == said.code else ""


def _declared_before(
    facts: DeclareFacts,
    actor: Actor,
    title: str,
    severity: str,
    lead: Service | None,
    now: datetime,
) -> Incident | None:
    """The same tap. What was said to be a drill, or no security matter, does not stand for what is."""
    if actor.kind != "user":
        return None
    with connection.cursor() as cursor:
        # Two taps at the same moment: the second waits for the first's incident.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"declare:{actor.id}"])
    return (
        Incident.objects.filter(
            declared_by_kind="user",
            declared_by_id=actor.id,
            title=title,
            severity=severity,
            kind=facts.kind,
            drill=facts.drill,
            lead_service=lead,
            opened_at__gt=now - SAME_TAP,
        )
        .exclude(status__in=[Status.RESOLVED.value, Status.CLOSED.value])
        .first()
    )


def _first_owner(
    incident: Incident, policy: Policy, staff_at: StaffAt, now: datetime
) -> int | None:
    """The primary (C16): of a severity that waits for business hours, the one who has the place then."""
    only: int | None = incident.run.get("only")
    if only is not None:
        return only
    at = now
    if policy.severity(incident.severity).hold_until_business_hours:
        calendar = calendar_of(incident.team)
        at = now if is_open(calendar, now) else next_opening(calendar, now)
    return staff_at(at).roster.default_owner


def _let_see(incident: Incident, actor: Actor, staff: Staff) -> None:
    """A restricted incident is seen by who declared it, its owner, and the security team."""
    if not incident.restricted:
        return
    people = {user_id for slug in SECURITY_LEADS for user_id in staff.roster.role(slug)}
    if incident.owner_id is not None:
        people.add(incident.owner_id)
    if actor.kind == "user" and actor.id is not None:
        people.add(actor.id)
    grant_sight(incident, people)


def _declared_text(incident: Incident, facts: DeclareFacts, criterion: str) -> str:
    text = f"Declared {incident.severity}: {incident.title}."
    if incident.kind == Kind.SECURITY:
        text = f"Declared {incident.severity} as a security incident: {incident.title}."
    if incident.drill:
        text = f"Drill. {text}"
    if criterion:
        text += f" By the criterion {criterion}."
    summary = clean_text(facts.summary)
    return f"{text}\n\n{summary}" if summary else text


def _next_ref(year: int) -> str:
    """The next reference of the year. Numbers come from a sequence: a rolled back one leaves a gap."""
    name = f"incident_ref_{int(year)}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(to_regclass(%s))", [name])
        number = cursor.fetchone()[0]
        if number is None:
            # The year's first incident. Two at once: the second waits for the first's sequence.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
            cursor.execute(f"CREATE SEQUENCE IF NOT EXISTS {name}")
            cursor.execute("SELECT nextval(to_regclass(%s))", [name])
            number = cursor.fetchone()[0]
    return f"INC-{year}-{number:04d}"
