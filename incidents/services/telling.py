"""Telling those who are engaged already: at once, by mail or chat, without a page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from deadlines.models import Deadline
from directory.models import User
from incidents.models import Incident, IncidentRole
from incidents.permissions import grant_sight
from incidents.services.record import SUBJECT, staff_of
from notifications.rules.message import Link, Message
from notifications.services import tell


def tell_responders(incident: Incident, what: str, *, deadline: Deadline, now: datetime) -> None:
    """Says what is due to whoever has the incident, or to the primary while nobody does. Never silent.

    Who is told of a restricted incident is thereby called to it, and may see it.
    """
    people = responders(incident, now)
    if not people:
        people = list(staff_of(incident)(now).fallback)
    grant_sight(incident, people)
    tell(
        key=deadline.key,
        subject_type=SUBJECT,
        subject_id=incident.pk,
        message=_message(incident, what, deadline),
        now=now,
        user_ids=people,
        clause=deadline.clause,
        label=what,
        team_id=incident.team_id,
    )


def responders(incident: Incident, now: datetime) -> list[int]:
    """Who answers for the incident now: its owner, those who acknowledged, its commander; else the primary."""
    declined = set(incident.run.get("declined", []))
    named = [incident.owner_id, *incident.run.get("engaged", [])]
    named += IncidentRole.objects.filter(incident=incident).values_list("user_id", flat=True)
    people = _still_here(user_id for user_id in named if user_id not in declined)
    return people or _still_here([staff_of(incident)(now).roster.default_owner])


def _still_here(user_ids: Iterable[int | None]) -> list[int]:
    """Those of them who have not left, each once, in their order."""
    wanted = [user_id for user_id in dict.fromkeys(user_ids) if user_id is not None]
    here = set(User.objects.filter(pk__in=wanted, is_active=True).values_list("pk", flat=True))
    return [user_id for user_id in wanted if user_id in here]


def _message(incident: Incident, what: str, deadline: Deadline) -> Message:
    url = f"{settings.BASE_URL}{incident.get_absolute_url()}"
    drill = "DRILL " if incident.drill else ""
    text = (
        f"{what}: {incident.title}\n"
        f"{incident.ref}, {incident.severity}, {incident.status}.\n"
        f"Due at {deadline.due_at:%Y-%m-%d %H:%M:%S} UTC ({deadline.clause}).\n\n{url}\n"
    )
    return Message(
        subject=f"{drill}[{incident.severity}] {what}: {incident.ref} {incident.title}",
        text=text,
        links=(Link("Open the incident", url),),
    )
