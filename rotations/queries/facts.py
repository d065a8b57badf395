"""Plans and overrides read as the pure rules read them, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Q, Value

from rotations.enums import Level, PlanState, Unit, Why
from rotations.models import Override, Plan, Rota
from rotations.rules import hours
from rotations.rules.facts import OverrideFacts, PlanFacts, RotaFacts
from rotations.rules.overrides import LONGEST_OVERRIDE

# Nothing that bears on an instant lies further from it than the longest override.
LONGEST_STRETCH = LONGEST_OVERRIDE


def facts_of(
    team_ids: Collection[int], *, instead: Mapping[int, Sequence[PlanRow]] | None = None
) -> dict[int, RotaFacts]:
    """Every rota of the teams as the rules read it, by id, with its published plans. Two queries.

    `instead` gives other plans for some rotas, such as what a draft would make of them.
    """
    rotas = Rota.objects.filter(team_id__in=team_ids).order_by("team_id", "level", "id")
    rows = list(rotas.values_list("pk", "team_id", "level", "active"))
    plans: dict[int, list[PlanRow]] = defaultdict(list)
    for row in plan_rows(team_ids):
        plans[row.rota_id].append(row)
    return _Assembly(rows, plans | dict(instead or {})).all()


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan with its people in order, as read or as a draft would be."""

    id: int
    rota_id: int
    unit: str
    length: int
    handoff_weekday: int
    handoff_time: time
    zone: str
    starts_on: date
    ends_on: date | None
    hours: str
    derived_from_id: int | None
    offset: int
    effective_at: datetime | None
    members: tuple[int, ...] = ()


PLAN_COLUMNS = tuple(field.name for field in fields(PlanRow) if field.name not in ("members", "id"))


def plan_rows(team_ids: Collection[int]) -> Iterator[PlanRow]:
    """The published plans of the teams' rotas, the earlier first."""
    rows: Iterable[Any] = (
        Plan.objects.filter(rota__team_id__in=team_ids, state=PlanState.PUBLISHED)
        .annotate(
            people=ArrayAgg(
                "members__user_id",
                filter=Q(members__isnull=False),
                order_by=("members__position", "members__id"),
                default=Value([]),
            )
        )
        .order_by("rota_id", F("effective_at").asc(nulls_first=True), "pk")
        .values_list("pk", *PLAN_COLUMNS, "people")
    )
    for row in rows:
        yield PlanRow(*(*row[:-1], tuple(row[-1])))


class _Assembly:
    """Puts rotas together: a derived one holds its base, a secondary the primaries it must not repeat."""

    def __init__(
        self, rows: Iterable[tuple[int, int, str, bool]], plans: Mapping[int, Sequence[PlanRow]]
    ) -> None:
        self._rows = {pk: (team_id, level, active) for pk, team_id, level, active in rows}
        self._plans = plans
        self._made: dict[int, RotaFacts] = {}
        self._primaries: dict[int, list[int]] = defaultdict(list)
        for pk, (team_id, level, active) in self._rows.items():
            if level == Level.PRIMARY and active:
                self._primaries[team_id].append(pk)

    def all(self) -> dict[int, RotaFacts]:
        return {pk: self._facts(pk) for pk in self._rows}

    def _facts(self, pk: int) -> RotaFacts:
        if pk not in self._made:
            team_id, level, _ = self._rows[pk]
            above = self._primaries[team_id] if level == Level.SECONDARY else []
            self._made[pk] = RotaFacts(
                id=pk,
                level=level,
                plans=tuple(self._plan(row) for row in self._plans.get(pk, ())),
                above=tuple(self._facts(one) for one in above if not self._follows(one, pk)),
            )
        return self._made[pk]

    def _plan(self, row: PlanRow) -> PlanFacts:
        base = row.derived_from_id
        return PlanFacts(
            id=row.id,
            members=row.members,
            unit=Unit(row.unit),
            length=row.length,
            handoff_time=row.handoff_time,
            zone=row.zone,
            starts_on=row.starts_on,
            handoff_weekday=row.handoff_weekday,
            hours=hours.parse(row.hours),
            ends_on=row.ends_on,
            effective_at=row.effective_at,
            base=self._facts(base) if base in self._rows else None,
            offset=row.offset,
        )

    def _follows(self, pk: int, other: int) -> bool:
        return any(row.derived_from_id == other for row in self._plans.get(pk, ()))


def overrides_of(
    team_ids: Collection[int], *, start: datetime, end: datetime
) -> Mapping[int, tuple[OverrideFacts, ...]]:
    """The overrides that may bear on the teams' rotas between the instants, by team."""
    near = Override.objects.filter(
        rota__team_id__in=team_ids,
        starts_at__lt=end + LONGEST_STRETCH,
        ends_at__gt=start - LONGEST_STRETCH,
    )
    columns = ("pk", "rota_id", "user_id", "starts_at", "ends_at", "created_at", "kind")
    found: dict[int, list[OverrideFacts]] = {team_id: [] for team_id in team_ids}
    rows: Iterable[Any] = near.order_by("pk").values_list("rota__team_id", *columns)
    for row in rows:
        found[row[0]].append(OverrideFacts(*(*row[1:-1], Why(row[-1]))))
    return {team_id: tuple(overrides) for team_id, overrides in found.items()}
