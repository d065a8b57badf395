"""What every verb shares: the lock, the permission, the timeline entry, the change of status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from deadlines.extension import Actor
from deadlines.rows import insert_all
from directory.models import User
from incidents.enums import EntryKind, Status
from incidents.models import Incident, TimelineEntry
from incidents.permissions import Verb, may, sees
from incidents.queries.facts import staff_for
from incidents.rules.escalation import Facts, Staff
from incidents.rules.lifecycle import may_become
from incidents.services.errors import Forbidden, VerbRefused

SUBJECT = "incident"
INTEGRATION_MAY = frozenset({Verb.DECLARE, Verb.ACKNOWLEDGE, Verb.RESOLVE, Verb.UPDATE})


def locked(incident_id: int) -> Incident:
    """The incident, its row locked first of all. Raises `Incident.DoesNotExist`."""
    return (
        Incident.objects.select_for_update(no_key=True, of=("self",))
        .select_related("team", "lead_service")
        .get(pk=incident_id)
    )


def allowed(actor: Actor, verb: Verb, incident: Incident) -> User | None:
    """The person who acts, or None for the portal and integrations.

    Raises `Incident.DoesNotExist` when they may not see it and `Forbidden` when they may not do this.
    """
    if actor.kind == "portal":
        return None
    if actor.kind == "integration":
        if verb not in INTEGRATION_MAY:
            raise Forbidden("An integration cannot do this.")
        return None
    user = person(actor)
    if not sees(user, incident):
        raise Incident.DoesNotExist(f"no incident {incident.ref}")
    if not may(user, verb, incident):
        raise Forbidden(_SENTENCES.get(verb, "You are not one of those who may do this here."))
    return user


_SENTENCES = {
    Verb.SET_SEVERITY: "The severity is set by a manager of the team, its commander or who responds to it.",
    Verb.WAIVE: "A gate is waived by a manager of the team, its commander or who responds to it.",
    Verb.MARK_MAJOR: "Only a manager of the team can mark an incident as major; its commander can propose it.",
    Verb.CONFIRM_BREACH: "A breach is confirmed by a manager of the team or by the security lead.",
}


def person(actor: Actor) -> User:
    """The active person behind an actor. Raises `Forbidden` for somebody who has left."""
    user = User.objects.filter(pk=actor.id or 0, is_active=True).first()
    if user is None:
        raise Forbidden("This person is not active any more.")
    return user


def write_entry(
    incident: Incident,
    kind: EntryKind,
    text: str,
    *,
    actor: Actor,
    now: datetime,
    clause: str = "",
    data: Mapping[str, Any] | None = None,
) -> TimelineEntry:
    """Appends to the timeline. The caller has locked the incident; `keep` writes it all."""
    incident.entries += 1
    entry = TimelineEntry(
        incident=incident,
        number=incident.entries,
        at=now,
        kind=kind.value,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:200],
        text=text,
        clause=clause,
        data=dict(data or {}),
    )
    incident.unwritten.append(entry)
    return entry


def keep(incident: Incident) -> Incident:
    """Writes the new timeline entries and saves what a verb changed, as one more revision."""
    write_entries(incident)
    incident.revision += 1
    incident.save()
    return incident


def keep_as_opened(incident: Incident) -> None:
    """The same of one that was inserted in this transaction: what opening it has changed since."""
    write_entries(incident)
    incident.revision += 1
    incident.save(update_fields=["run", "entries", "revision"])


def write_entries(incident: Incident) -> None:
    """Writes the timeline entries that `write_entry` has collected, in one statement."""
    insert_all(incident.unwritten, known_by="number")
    incident.unwritten.clear()


def change_status(incident: Incident, new: Status, sentence: str) -> None:
    """Moves the incident on. Raises `VerbRefused` with the sentence where the lifecycle forbids it."""
    if not may_become(incident.status, new):
        raise VerbRefused("wrong_status", sentence)
    incident.status = new.value


def keep_facts(incident: Incident, facts: Facts) -> None:
    """Remembers how far the escalation has come."""
    incident.run.update(
        reached=[[item.path, item.step, item.cause, item.at.isoformat()] for item in facts.reached],
        paged={str(user_id): at.isoformat() for user_id, at in facts.paged.items()},
    )


def staff_of(incident: Incident) -> Callable[[datetime], Staff]:
    """Who could be paged for this incident at an instant."""
    services = list(incident.services.values_list("pk", flat=True))
    return staff_for(
        incident.team_id,
        services,
        lead_service_id=incident.lead_service_id,
        only=incident.run.get("only"),
    )


def note_in_run(incident: Incident, name: str, user_id: int) -> bool:
    """Adds a person to a list of the run. False when they are on it."""
    people = incident.run.setdefault(name, [])
    if user_id in people:
        return False
    people.append(user_id)
    return True
