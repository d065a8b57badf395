"""What the rules of turns read: plans, rotas, overrides, people. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from rotations.enums import Level, Unit, Why
from rotations.rules.hours import Hours


@dataclass(frozen=True)
class PlanFacts:
    """How a rota's turns go from `effective_at` on (None: since ever), until the next plan.

    `members` are user ids in their order. The shift that holds `starts_on` is the first, and the first
    member's. `hours` narrow it to hours of the week, on the wall clock of `zone`; none means always. From
    `ends_on` at the handoff time on nobody holds the rota.

    A derived plan has `base`: it takes the people, boundaries and hours of the base's plan in force, and the
    person `offset` places behind the base's holder. Of its own it has what narrows that: `hours` and `ends_on`,
    on the wall clock of its own `zone` and `handoff_time`.
    """

    id: int
    members: tuple[int, ...]
    unit: Unit
    length: int
    handoff_time: time
    zone: str
    starts_on: date
    handoff_weekday: int = 0
    hours: tuple[Hours, ...] = ()
    ends_on: date | None = None
    effective_at: datetime | None = None
    base: RotaFacts | None = None
    offset: int = 1

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError("a shift needs a length of at least one")
        if self.offset < 1:
            raise ValueError("a derived plan needs an offset of at least one")

    @cached_property
    def first_day(self) -> date:
        """The day on which the first shift begins."""
        if self.unit == Unit.WEEK:
            return self.starts_on - timedelta(
                days=(self.starts_on.weekday() - self.handoff_weekday) % 7
            )
        return self.starts_on

    @cached_property
    def first(self) -> datetime:
        """When the first shift begins on the wall clock."""
        return datetime.combine(self.first_day, self.handoff_time)

    @cached_property
    def step(self) -> timedelta | None:
        """The length of a shift on the wall clock; None in months, which have no one length."""
        hours = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 7 * 24}.get(self.unit)
        return None if hours is None else timedelta(hours=hours * self.length)

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


@dataclass(frozen=True)
class RotaFacts:
    """A rota with its published plans, by `effective_at`.

    `above` are the rotas of the same team whose holders it must not repeat: whoever holds one of them at an
    instant is passed over here.
    """

    id: int
    plans: tuple[PlanFacts, ...]
    level: str = Level.PRIMARY
    above: tuple[RotaFacts, ...] = ()

    def __post_init__(self) -> None:
        if any(plan.effective_at is None for plan in self.plans[1:]):
            raise ValueError("only the first plan can bind since ever")
        begin = [plan.effective_at for plan in self.plans if plan.effective_at is not None]
        if begin != sorted(begin):
            raise ValueError("plans must stand in the order in which they bind")


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """Somebody else, or nobody (None), holds the rota from `starts_at` until just before `ends_at`."""

    id: int
    rota_id: int
    user_id: int | None
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    why: Why = Why.OVERRIDE


@dataclass(frozen=True, slots=True)
class Holding:
    """One person holds a rota from `starts_at` until just before `ends_at`, both in UTC."""

    user_id: int
    starts_at: datetime
    ends_at: datetime
    why: Why
    override_id: int | None = None


@dataclass(frozen=True, slots=True)
class TimeOffFacts:
    """The person is away from `starts_at` until just before `ends_at`."""

    user_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Somebody who may be on call. `reachable`: has a verified contact method. `ready`: passed what gates ask."""

    id: int
    name: str
    active: bool = True
    reachable: bool = True
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What a team asks of its roster. `most_weeks_in_row` of nought asks nothing, nor does no rest."""

    cover_always: bool = True
    two_people: bool = True
    min_rest: timedelta = timedelta()
    most_weeks_in_row: int = 0


@dataclass(frozen=True)
class TeamFacts:
    """A team's rotas and everything the proof judges them by.

    `zone` and `holidays` (names by date) are the team's calendar. Whoever is missing from `people` has left.
    `asks_for_cover`: somebody must be on call though no rota says so, as where a change takes the last one away.
    """

    team_id: int
    rotas: tuple[RotaFacts, ...]
    overrides: tuple[OverrideFacts, ...] = ()
    time_off: tuple[TimeOffFacts, ...] = ()
    people: Mapping[int, PersonFacts] = field(default_factory=dict)
    limits: Limits = Limits()
    zone: str = "UTC"
    holidays: Mapping[date, str] = field(default_factory=dict)
    asks_for_cover: bool = False
