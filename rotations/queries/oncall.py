"""Who is on call: the rows read in a fixed number of queries, the answer from the pure rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from deadlines.standing import Kept
from rotations.models import Rota
from rotations.queries.facts import facts_of, overrides_of
from rotations.rules import resolver
from rotations.rules.facts import Holding, OverrideFacts, RotaFacts


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
    overrides: Mapping[int, tuple[OverrideFacts, ...]]


def _read_rotas(rotas: QuerySet[Rota], *, start: datetime, end: datetime) -> _Rotas:
    rows = list(rotas.order_by("team_id", "level", "id"))
    facts = facts_of({row.team_id for row in rows})
    return _Rotas(
        tuple((row, facts[row.pk]) for row in rows),
        overrides_of({row.team_id for row in rows}, start=start, end=end),
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
        holding = resolver.person_on_call(facts, rotas.overrides[rota.team_id], at=at)
        if holding:
            found.append(_on_call(rota, holding))
    return found


def shifts_of(rotas: QuerySet[Rota], *, start: datetime, end: datetime) -> list[OnCall]:
    """Every stretch in which somebody holds one of the rotas between the instants, by its start.

    A stretch that reaches over the range is given whole. Four queries.
    """
    read = _read_rotas(rotas, start=start, end=end)
    found = [
        _on_call(rota, holding)
        for rota, facts in read.rows
        for holding in resolver.holdings(facts, read.overrides[rota.team_id], start=start, end=end)
    ]
    return sorted(found, key=lambda shift: (shift.starts_at, shift.rota_id))


def next_shifts(user_id: int, *, start: datetime, end: datetime) -> list[OnCall]:
    """The stretches in which the person is or will be on call between the instants, by their start."""
    rotas = Rota.objects.filter(active=True)
    return [shift for shift in shifts_of(rotas, start=start, end=end) if shift.user_id == user_id]


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
