"""When somebody takes a rota over, the calls that wait for an answer go with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from deadlines.extension import PORTAL
from directory.queries import names_of
from incidents.enums import EntryKind, Status
from incidents.models import Incident
from incidents.permissions import grant_sight
from incidents.queries.facts import facts_of, policy_of_incident
from incidents.rules.escalation import SMES, path_named, step_named
from incidents.services.paging import climb_over
from incidents.services.record import SUBJECT, keep, locked, write_entry
from notifications.enums import OPEN_PAGE_OUTS, PageOutState, Purpose, Urgency
from notifications.models import PageOut
from notifications.services import PageRequest, page_people, supersede
from rotations.enums import Level

TAKE_OVER = "take-over"
"""Why a step pages whoever took its rota over."""


def incidents_called(user_id: int, team_id: int) -> list[int]:
    """The incidents that a holder of the team's rotas is called for, or owns, and nobody has answered."""
    own = Incident.objects.filter(Q(team_id=team_id) | Q(services__team_id=team_id))
    calls = PageOut.objects.filter(
        subject_type=SUBJECT, user_id=user_id, purpose=Purpose.PAGE, acknowledged_at=None,
        state__in=[*OPEN_PAGE_OUTS, PageOutState.UNREACHABLE],
    )  # fmt: skip
    waiting = own.exclude(status__in=[Status.RESOLVED, Status.CLOSED]).filter(
        Q(owner_id=user_id, status=Status.TRIGGERED) | Q(pk__in=calls.values("subject_id"))
    )
    return sorted(set(waiting.values_list("pk", flat=True)))


@transaction.atomic
def hand_calls_over(
    incident_id: int, *, team_id: int, level: str, from_user_id: int, to_user_id: int, now: datetime
) -> Incident:
    """The new holder of a rota is called in the old one's place, for each step of that level that nobody
    has answered; a new primary owns the incident that was the old one's to answer (C22).

    The old holder is called no more. Harmless when nothing waits for them, and for who answers already.
    """
    incident = locked(incident_id)
    if not incident.active:
        return incident
    names = names_of([from_user_id, to_user_id])
    calls = _calls(incident, team_id, level, from_user_id)
    theirs = level == Level.PRIMARY and incident.owner_id == from_user_id
    owns = theirs and incident.status == Status.TRIGGERED
    if not calls and not owns:
        return incident
    who, relieved = names[to_user_id], names[from_user_id]
    if theirs:
        incident.owner_id = to_user_id
    write_entry(
        incident, EntryKind.OWNER, f"{who} has taken the pager over from {relieved}.",
        actor=PORTAL, now=now, clause="C22", data={"owner": incident.owner_id},
    )  # fmt: skip
    supersede(
        SUBJECT, incident.pk, now=now, reason=f"{who} has taken over",
        step_keys={call.step_key for call in calls}, user_ids=[from_user_id],
    )  # fmt: skip
    declined = incident.run.get("declined", [])
    if to_user_id in declined:
        declined.remove(to_user_id)
    grant_sight(incident, [to_user_id])
    if to_user_id not in incident.run.get("engaged", []):
        _call(incident, _places(incident, calls, team_id, level), to_user_id, who, now=now)
    return keep(incident)


def _calls(incident: Incident, team_id: int, level: str, user_id: int) -> list[PageOut]:
    """The person's unanswered calls for steps of the level, the latest of each step last."""
    waits = incident.status == Status.TRIGGERED or "handover" in incident.run
    states = [*OPEN_PAGE_OUTS, PageOutState.UNREACHABLE] if waits else OPEN_PAGE_OUTS
    found = PageOut.objects.filter(
        subject_type=SUBJECT, subject_id=incident.pk, user_id=user_id, purpose=Purpose.PAGE,
        acknowledged_at=None, state__in=states,
    )  # fmt: skip
    return [
        call
        for call in found.order_by("created_at", "id")
        if _is_for(incident, team_id, level, _step_of(call))
    ]


def _step_of(call: PageOut) -> tuple[str, str]:
    path, _, rest = call.step_key.partition("/")
    return path, rest.partition("/")[0]


def _is_for(incident: Incident, team_id: int, level: str, place: tuple[str, str]) -> bool:
    if place[0] == SMES:
        return level == Level.PRIMARY and incident.services.filter(team_id=team_id).exists()
    if incident.team_id != team_id:
        return False
    try:
        step = step_named(path_named(policy_of_incident(incident), place[0]), place[1])
    except LookupError:
        return False
    return any(target.kind == "rota" and target.name == level for target in step.targets)


def _places(
    incident: Incident, calls: list[PageOut], team_id: int, level: str
) -> dict[tuple[str, str], PageRequest]:
    """What the new holder is called for: what the old one was; where no way led to them, what was reached."""
    if calls:
        return {
            _step_of(call): _request(
                incident, call.step_label, urgency=Urgency(call.urgency),
                held_until=call.held_until, allowed_kinds=call.allowed_kinds,
            )
            for call in calls
        }  # fmt: skip
    policy = policy_of_incident(incident)
    return {
        place: _request(incident, step_named(path_named(policy, place[0]), place[1]).label)
        for place in sorted(facts_of(incident).climbed)
        if _is_for(incident, team_id, level, place)
    }


def _request(incident: Incident, label: str, **how: Any) -> PageRequest:
    return PageRequest(
        user_id=0, subject_type=SUBJECT, subject_id=incident.pk, step_key="", step_label=label,
        clause="C22", severity=incident.severity, team_id=incident.team_id, **how,
    )  # fmt: skip


def _call(
    incident: Incident,
    places: dict[tuple[str, str], PageRequest],
    user_id: int,
    name: str,
    *,
    now: datetime,
) -> None:
    if not places:
        return
    number = incident.run["take_overs"] = incident.run.get("take_overs", 0) + 1
    incident.run["paged"] = incident.run.get("paged", {}) | {str(user_id): now.isoformat()}
    requests = [
        replace(request, user_id=user_id, step_key=f"{path}/{step}/{TAKE_OVER}", round=number)
        for (path, step), request in places.items()
    ]
    outs = page_people(requests, now=now)
    for (path, step), request, out in zip(places, requests, outs, strict=True):
        write_entry(
            incident, EntryKind.STEP, f"Paged {name}: {request.step_label}, who has taken over.",
            actor=PORTAL, now=now, clause="C22",
            data={"path": path, "step": step, "cause": TAKE_OVER, "users": [user_id]},
        )  # fmt: skip
        if out.state == PageOutState.UNREACHABLE and path != SMES:
            climb_over(incident, path, step, why=f"no way leads to {name}", now=now)
