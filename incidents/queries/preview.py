"""What would happen if: the future of an incident nobody answers, by the rules that run real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from directory.models import Service, Team
from directory.queries import calendar_of, names_of
from directory.rules.calendar import is_open, next_opening
from incidents.enums import Promised
from incidents.queries.facts import staff_for
from incidents.rules.escalation import Facts, PlannedPromise, Staff, foresee
from procedures.queries import current_version, policy_of
from procedures.rules.policy import Policy

TITLES = {
    Promised.ACKNOWLEDGE: "Acknowledge",
    Promised.FIRST_UPDATE: "Post the first findings",
    Promised.RESOLVE: "Resolve or mitigate",
    Promised.STEP: "The next step is paged",
    Promised.REPEAT: "The steps reached are paged again",
    Promised.OPENING: "Business hours begin: held pages go out",
    Promised.NUDGE: "The first findings are asked for again",
}


@dataclass(frozen=True, slots=True)
class ForeseenPromise:
    """What falls due: a duty of a person, or an act of the portal."""

    at: datetime
    kind: str
    title: str
    clause: str
    owed_by: str
    nature: str


@dataclass(frozen=True, slots=True)
class ForeseenPage:
    """Who is paged when, by which kinds of method, for which step, under which clause."""

    at: datetime
    user_id: int
    person: str
    methods: tuple[str, ...]
    held_until: datetime | None
    step: str
    step_key: str
    cause: str
    clause: str
    urgency: str
    round: int


@dataclass(frozen=True, slots=True)
class ForeseenGap:
    """A step that would reach nobody."""

    at: datetime
    step: str
    clause: str
    why: str


@dataclass(frozen=True, slots=True)
class StepInWaiting:
    """A step no clock fires: it waits for a wish or a decision."""

    step: str
    waits_for: str
    people: tuple[str, ...]
    clause: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The whole answer. `goes_on` says in words what follows after `until`."""

    severity: str
    kind: str
    team: Team
    services: tuple[Service, ...]
    at: datetime
    until: datetime
    version: int
    promises: tuple[ForeseenPromise, ...]
    pages: tuple[ForeseenPage, ...]
    gaps: tuple[ForeseenGap, ...]
    waiting: tuple[StepInWaiting, ...]
    goes_on: str


def preview(
    *,
    severity: str,
    kind: str,
    team: Team,
    services: Sequence[Service] = (),
    at: datetime,
    until: datetime | None = None,
) -> Preview:
    """What follows when an incident of this severity and kind opens at the instant and nobody answers.

    The first of the services is its lead. Raises `LookupError` for a severity the procedure has not.
    """
    version = current_version(team.procedure_id)
    policy = policy_of(version.pk)
    calendar = calendar_of(team)
    held = policy.severity(severity).hold_until_business_hours and not is_open(calendar, at)
    staff_at = staff_for(
        team.pk, [service.pk for service in services],
        lead_service_id=services[0].pk if services else None,
    )  # fmt: skip
    owner = staff_at(next_opening(calendar, at) if held else at).roster.default_owner
    facts = Facts(severity=severity, kind=kind, zero=at, owner_id=owner)
    future = foresee(policy, facts, staff_at, calendar, now=at, until=until)
    names = names_of({page.user_id for page in future.pages} | ({owner} if owner else set()))
    return Preview(
        severity=severity,
        kind=kind,
        team=team,
        services=tuple(services),
        at=at,
        until=future.until,
        version=version.number,
        promises=tuple(
            _promise(item, names.get(owner, team.name) if owner else team.name)
            for item in future.promises
        ),
        pages=tuple(
            ForeseenPage(
                at=page.at,
                user_id=page.user_id,
                person=names.get(page.user_id, ""),
                methods=methods_of(
                    page.methods, staff_at(page.held_until or page.at), page.user_id
                ),
                held_until=page.held_until,
                step=page.label,
                step_key=page.step_key,
                cause=page.cause,
                clause=page.clause,
                urgency=page.urgency,
                round=page.round,
            )
            for page in future.pages
        ),
        gaps=tuple(ForeseenGap(gap.at, gap.label, gap.clause, gap.why) for gap in future.empty),
        waiting=tuple(_waiting(policy, kind, severity, staff_at(at))),
        goes_on=future.goes_on,
    )


def methods_of(allowed: tuple[str, ...] | None, staff: Staff, user_id: int) -> tuple[str, ...]:
    """The kinds of method by which a person is paged; mail stands in where none is allowed or set up."""
    person = staff.people.get(user_id) or staff.roster.people.get(user_id)
    own = person.methods if person else ()
    usable = tuple(dict.fromkeys(kind for kind in own if allowed is None or kind in allowed))
    return usable or ("mail",)


def _promise(item: PlannedPromise, owner: str) -> ForeseenPromise:
    duty = item.kind in (Promised.ACKNOWLEDGE, Promised.FIRST_UPDATE, Promised.RESOLVE)
    return ForeseenPromise(
        at=item.due_at,
        kind=item.kind.value,
        title=TITLES.get(item.kind, item.kind.value),
        clause=item.clause,
        owed_by=owner if duty else "Watchbill",
        nature="duty" if duty else "act",
    )


def _waiting(policy: Policy, kind: str, severity: str, staff: Staff) -> list[StepInWaiting]:
    if not policy.severity(severity).pages:
        return []
    known = {**staff.roster.people, **staff.people}
    found = []
    for path in policy.paths_for(kind, severity):
        for step in path.steps:
            words = [
                "somebody needs help"
                if trigger.kind == "on_demand"
                else trigger.flag.replace("_", " ")
                for trigger in step.triggers
                if trigger.kind in ("on_demand", "flag")
            ]
            if not words:
                continue
            people = [
                known[user_id].name
                for target in step.targets
                for user_id in (
                    staff.roster.role_holders(target.name)
                    if target.kind == "role"
                    else staff.roster.team
                    if target.kind == "team"
                    else [held for held in [staff.roster.holder(target.name)] if held is not None]
                    if target.kind == "rota"
                    else staff.experts
                )
                if user_id in known
            ]
            found.append(StepInWaiting(step.label, " or ".join(words), tuple(people), step.clause))
    return found
