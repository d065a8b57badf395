"""Who is on call: the rows read in a fixed number of queries, the answer from the pure rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Prefetch, QuerySet

from deadlines.standing import Kept, one_look
from directory.models import User
from directory.queries import members_of, roles_of
from directory.rules.roles import RoleHolders
from notifications.models import ContactMethod
from rotations.enums import Unit
from rotations.models import Override, Rota, RotaMember
from rotations.rules import resolver
from rotations.rules.overrides import LONGEST_OVERRIDE
from rotations.rules.resolver import Holding, OverrideFacts, RotaFacts
from rotations.rules.roster import Person, Roster

# No stretch of one holder is longer: a shift has 52 weeks at most, an override this.
LONGEST_STRETCH = LONGEST_OVERRIDE


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who holds a rota, from when until when (UTC), and why ("rota" or "override")."""

    rota_id: int
    rota_slug: str
    team_id: int
    level: str
    user_id: int
    starts_at: datetime
    ends_at: datetime
    why: str


def who_is_on_call(*, at: datetime, team_ids: Collection[int] | None = None) -> list[OnCall]:
    """Who holds each active rota at the instant, by team, level and rota; a rota nobody holds is left out.

    The rows are kept while they stand: then one query, the look whether they do.
    """
    day = at.astimezone(UTC).toordinal()
    if team_ids is None:
        return _held(_all_rotas_around(day), at)
    return _held(_rotas_around((frozenset(team_ids), day)), at)


def on_call_of(rotas: QuerySet[Rota], *, at: datetime) -> list[OnCall]:
    """The same for the rotas given, in four queries, however many there are."""
    return _held(_read_rotas(rotas, start=at, end=at), at)


@dataclass(frozen=True, slots=True)
class _Rotas:
    """Rotas as the rules read them, with the overrides that may bear on them in a stretch of time."""

    rows: tuple[tuple[Rota, RotaFacts], ...]
    overrides: tuple[OverrideFacts, ...]


def _read_rotas(rotas: QuerySet[Rota], *, start: datetime, end: datetime) -> _Rotas:
    rows = with_members(rotas)
    return _Rotas(
        tuple((rota, facts_of(rota)) for rota in rows), overrides_of(rows, start=start, end=end)
    )


def _read_day(rotas: QuerySet[Rota], day: int) -> _Rotas:
    """The rotas with what bears on one day in UTC, given as an ordinal."""
    start = datetime.fromordinal(day).replace(tzinfo=UTC)
    return _read_rotas(rotas, start=start, end=start + timedelta(days=1))


@Kept
def _rotas_around(place: tuple[frozenset[int], int]) -> _Rotas:
    teams, day = place
    return _read_day(Rota.objects.filter(active=True, team_id__in=teams), day)


_all_rotas_around: Kept[int, _Rotas] = Kept(
    lambda day: _read_day(Rota.objects.filter(active=True), day),
    most=3,  # each is everything there is
)


def _held(rotas: _Rotas, at: datetime) -> list[OnCall]:
    found = []
    for rota, facts in rotas.rows:
        holding = resolver.person_on_call(facts, rotas.overrides, at=at)
        if holding:
            found.append(_on_call(rota, holding))
    return found


def shifts_of(rotas: QuerySet[Rota], *, start: datetime, end: datetime) -> list[OnCall]:
    """Every stretch in which somebody holds one of the rotas between the instants, by its start.

    A stretch that reaches over the range is given whole. Four queries.
    """
    rows = with_members(rotas)
    overrides = overrides_of(rows, start=start, end=end)
    found = [
        _on_call(rota, holding)
        for rota in rows
        for holding in resolver.holdings(facts_of(rota), overrides, start=start, end=end)
    ]
    return sorted(found, key=lambda shift: (shift.starts_at, shift.rota_id))


def next_shifts(user_id: int, *, start: datetime, end: datetime) -> list[OnCall]:
    """The stretches in which the person is or will be on call between the instants, by their start."""
    rotas = Rota.objects.filter(active=True)
    return [shift for shift in shifts_of(rotas, start=start, end=end) if shift.user_id == user_id]


def roster(team_id: int, *, at: datetime) -> Roster:
    """Who answers for the team at the instant, and who of them can be reached.

    Reachable is who is active and has a verified, enabled contact method. All of it is kept while it
    stands: then one query.
    """
    with one_look():
        on_call: dict[str, list[int]] = defaultdict(list)
        for held in who_is_on_call(at=at, team_ids=[team_id]):
            on_call[held.level].append(held.user_id)
        roles, team = _standing_of(team_id)
        ids = {*team, *(i for held in on_call.values() for i in held)}
        ids |= {i for holders in roles.values() for i in holders.everyone}
        return Roster(
            team_id=team_id,
            on_call={level: tuple(held) for level, held in on_call.items()},
            roles=roles,
            team=team,
            people=people_of(ids),
        )


@Kept
def _standing_of(team_id: int) -> tuple[Mapping[str, RoleHolders], tuple[int, ...]]:
    return roles_of(team_id), members_of(team_id)


def people_of(user_ids: Iterable[int]) -> Mapping[int, Person]:
    """The people by id, each with the kinds of contact method that can reach them."""
    ids = frozenset(user_ids)
    return _people(ids) if ids else {}


@Kept
def _people(ids: frozenset[int]) -> Mapping[int, Person]:
    methods = _methods_of(ids)
    people = User.objects.filter(pk__in=ids).only("id", "name", "email", "is_active")
    return {
        person.pk: Person(
            person.pk, str(person), tuple(methods.get(person.pk, ())) if person.is_active else ()
        )
        for person in people
    }


def _methods_of(user_ids: Collection[int]) -> dict[int, list[str]]:
    rows = ContactMethod.objects.filter(
        user_id__in=user_ids, enabled=True, verified_at__isnull=False
    ).order_by("position", "id")
    methods: dict[int, list[str]] = defaultdict(list)
    for user_id, kind in rows.values_list("user_id", "kind"):
        if kind not in methods[user_id]:
            methods[user_id].append(kind)
    return methods


def with_members(rotas: QuerySet[Rota]) -> list[Rota]:
    """The rotas with all their facts follow from, in three queries, by team, level and id."""
    members = RotaMember.objects.order_by("position", "id")
    return list(
        rotas.select_related("derived_from")
        .prefetch_related(
            Prefetch("members", queryset=members),
            Prefetch("derived_from__members", queryset=members),
        )
        .order_by("team_id", "level", "id")
    )


def overrides_of(
    rotas: Iterable[Rota], *, start: datetime, end: datetime
) -> tuple[OverrideFacts, ...]:
    """The overrides that may bear on the rotas between the instants, those of their bases included."""
    rows = list(rotas)
    ids = {rota.pk for rota in rows}
    ids |= {rota.derived_from_id for rota in rows if rota.derived_from_id is not None}
    near = Override.objects.filter(
        rota_id__in=ids,
        starts_at__lt=end + LONGEST_STRETCH,
        ends_at__gt=start - LONGEST_STRETCH,
    )
    return tuple(override_facts(row) for row in near)


def override_facts(row: Override) -> OverrideFacts:
    return OverrideFacts(
        id=row.pk,
        rota_id=row.rota_id,
        user_id=row.user_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_at=row.created_at,
    )


def facts_of(rota: Rota) -> RotaFacts:
    """A row as the rules read it; its members are taken from the prefetched rows."""
    base = rota.derived_from
    return RotaFacts(
        id=rota.pk,
        members=tuple(member.user_id for member in rota.members.all()),
        unit=Unit(rota.unit),
        length=rota.length,
        handoff_time=rota.handoff_time,
        zone=rota.zone,
        starts_on=rota.starts_on,
        handoff_weekday=rota.handoff_weekday,
        base=facts_of(base) if base else None,
        offset=rota.offset,
    )


def _on_call(rota: Rota, holding: Holding) -> OnCall:
    return OnCall(
        rota_id=rota.pk,
        rota_slug=rota.slug,
        team_id=rota.team_id,
        level=rota.level,
        user_id=holding.user_id,
        starts_at=holding.starts_at,
        ends_at=holding.ends_at,
        why=holding.why.value,
    )
