"""What the rules need to know of an incident, read from its row and from the directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import overload

from deadlines.enums import State
from deadlines.queries import promises_of
from directory.models import Service, User
from directory.queries import admins, experts_of, managers_of
from incidents.enums import Flag, Promised, Status
from incidents.models import AlertTally, Incident
from incidents.permissions import SUBJECT, Somebody, visible_to
from incidents.rules.escalation import Facts, Reached, Staff
from procedures.queries import policy_of
from procedures.rules.policy import Path, Policy
from rotations.enums import Level
from rotations.queries import people_of, roster, who_is_on_call
from rotations.rules.roster import Person, Roster


def lock(incident_id: int) -> bool:
    """Takes the incident's row for the clock: False while somebody else has it.

    Without the key, so that alerts may still point at it meanwhile.
    """
    return (
        Incident.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=incident_id)
        .exists()
    )


def label_of(incident_id: int) -> str:
    """How an incident is named where only its id is known; of a restricted one nothing is told."""
    row = Incident.objects.filter(pk=incident_id).values_list("ref", "title", "restricted").first()
    if row is None:
        return f"incident {incident_id}"
    ref, title, restricted = row
    return "a restricted incident" if restricted else f"{ref} {title}"


def incident_by_ref(ref: str, user: Somebody) -> Incident:
    """The incident of a reference, as the person may see it. Hidden and missing alike: `DoesNotExist`."""
    rows = visible_to(user).select_related("team", "lead_service", "version", "owner")
    return rows.defer("version__document", "version__changes").get(ref=ref)


def policy_of_incident(incident: Incident) -> Policy:
    """The procedure the incident was opened under (C260)."""
    return policy_of(incident.version_id)


def paths_of(incident: Incident) -> tuple[Path, ...]:
    """The escalation paths the incident climbs."""
    return policy_of_incident(incident).paths_for(incident.kind, incident.severity)


def alert_count(incident: Incident) -> int:
    """How many alerts the incident has gathered."""
    return AlertTally.objects.filter(incident=incident).values_list("count", flat=True).first() or 0


def facts_of(incident: Incident, *, settled: Iterable[str] = ()) -> Facts:
    """The incident as the rules read it."""
    run = incident.run
    flags = set()
    if incident.major:
        flags.add(Flag.MAJOR.value)
    if incident.breach_confirmed:
        flags.add(Flag.BREACH_CONFIRMED.value)
    return Facts(
        severity=incident.severity,
        kind=incident.kind,
        zero=_instant(run["zero"]) if "zero" in run else incident.opened_at,
        status=Status(incident.status),
        plan=run.get("plan", 1),
        paused=timedelta(seconds=run.get("paused", 0)),
        flags=frozenset(flags),
        updated=incident.first_update_at is not None,
        owner_id=incident.owner_id,
        reached=tuple(
            Reached(path, step, cause, _instant(at))
            for path, step, cause, at in run.get("reached", [])
        ),
        paged={int(user_id): _instant(at) for user_id, at in run.get("paged", {}).items()},
        engaged=frozenset(run.get("engaged", [])),
        declined=frozenset(run.get("declined", [])),
        settled=frozenset(settled),
    )


def settled_duties(incident: Incident, *states: State) -> set[str]:
    """The kinds of duties that ended in one of these states since the incident's clocks started."""
    return set(
        promises_of(SUBJECT, incident.pk)
        .filter(
            kind__in=[Promised.ACKNOWLEDGE, Promised.FIRST_UPDATE, Promised.RESOLVE],
            state__in=states,
            created_at__gte=facts_of(incident).zero,
        )
        .values_list("kind", flat=True)
    )


def staff_for(
    team_id: int,
    service_ids: Sequence[int],
    *,
    lead_service_id: int | None = None,
    only: int | None = None,
) -> Callable[[datetime], Staff]:
    """Who could be paged for a team's incident at an instant; each instant is read once.

    The primaries of the other services' teams are experts (C21). A drill of one person has `only` them.
    """
    if only is not None:
        alone = _alone(team_id, only)
        return lambda _: alone
    known: dict[datetime, Staff] = {}

    def at(instant: datetime) -> Staff:
        if instant not in known:
            known[instant] = _staff(team_id, service_ids, lead_service_id, instant)
        return known[instant]

    return at


def _alone(team_id: int, user_id: int) -> Staff:
    """A team of one, who is on call and stands behind every path."""
    people = people_of([user_id])
    on_call = {Level.PRIMARY.value: (user_id,)}
    return Staff(
        roster=Roster(team_id, on_call=on_call, team=(user_id,), people=people),
        fallback=(user_id,),
        people=people,
    )


def _staff(
    team_id: int, service_ids: Sequence[int], lead_service_id: int | None, at: datetime
) -> Staff:
    others = _other_primaries(team_id, service_ids, at)
    experts = Lazy(lambda: experts_of([lead_service_id]) if lead_service_id else ())
    return Staff(
        roster=roster(team_id, at=at),
        fallback=Lazy(lambda: tuple(dict.fromkeys([*_ids(managers_of(team_id)), *_ids(admins())]))),
        experts=experts,
        other_primaries=others,
        people=LazyPeople(lambda: people_of({*experts, *others})),
    )


def _other_primaries(team_id: int, service_ids: Sequence[int], at: datetime) -> tuple[int, ...]:
    if len(service_ids) < 2:
        return ()
    teams = set(
        Service.objects.filter(pk__in=service_ids)
        .exclude(team_id=team_id)
        .values_list("team_id", flat=True)
    )
    if not teams:
        return ()
    held = who_is_on_call(at=at, team_ids=teams)
    return tuple(dict.fromkeys(one.user_id for one in held if one.level == Level.PRIMARY))


class Lazy(Sequence[int]):
    """Ids that most incidents never need, read when they are first asked for."""

    def __init__(self, read: Callable[[], Sequence[int]]) -> None:
        self._read = read
        self._ids: Sequence[int] | None = None

    @property
    def ids(self) -> Sequence[int]:
        if self._ids is None:
            self._ids = self._read()
        return self._ids

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        return self.ids[index]


class LazyPeople(Mapping[int, Person]):
    """The people beside the roster's, read when one of them is first asked for."""

    def __init__(self, read: Callable[[], Mapping[int, Person]]) -> None:
        self._read = read
        self._people: Mapping[int, Person] | None = None

    @property
    def people(self) -> Mapping[int, Person]:
        if self._people is None:
            self._people = self._read()
        return self._people

    def __getitem__(self, user_id: int) -> Person:
        return self.people[user_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self.people)

    def __len__(self) -> int:
        return len(self.people)


def _ids(users: Iterable[User]) -> list[int]:
    return sorted(user.pk for user in users)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
