"""Who has carried how much of the pager, what would be fair, and whom to ask next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rotations.rules.facts import PersonFacts, TimeOffFacts
from rotations.rules.stretches import Stretch, merged

_NONE = timedelta()
_HOUR = timedelta(hours=1)
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    """The person holds the rota from `starts_at` until just before `ends_at`."""

    user_id: int
    rota_id: int
    level: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The person was paged at the instant."""

    user_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Times:
    """What counts as a night, a weekend and a holiday, on the wall clock of `zone`.

    A night that begins after it ends goes over midnight. Holidays and weekend days are whole days.
    """

    zone: str = "UTC"
    night_from: time = time(22)
    night_until: time = time(6)
    weekend: frozenset[int] = frozenset({5, 6})
    holidays: Container[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Load:
    """What somebody carried: time on call, how much of it at night, on weekends and on holidays; pages taken.

    An hour of a Sunday night counts as an hour of each.
    """

    on_call: timedelta = _NONE
    nights: timedelta = _NONE
    weekends: timedelta = _NONE
    holidays: timedelta = _NONE
    pages: int = 0
    night_pages: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """How heavy it weighs, in hours: an hour of a night, weekend or holiday on top of the hour itself, a page."""

    night: float = 0.5
    weekend: float = 0.5
    holiday: float = 1.0
    page: float = 0.25
    night_page: float = 1.0


USUAL = Weights()


@dataclass(frozen=True, slots=True)
class Balance:
    """What one person carried beside the fair share: both in weighed time, `over` the one less the other."""

    user_id: int
    load: Load
    weighed: timedelta
    fair: timedelta

    @property
    def over(self) -> timedelta:
        return self.weighed - self.fair


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody who might take a stretch. `said` is why, or why not where they are not free."""

    user_id: int
    free: bool
    weighed: timedelta
    said: str


@dataclass(frozen=True)
class Candidates:
    """Whom one might ask, in the rota's order, and all that says who is free.

    `shifts` are those of all rotas near the stretch. Whoever is missing from `people` has left.
    """

    user_ids: Sequence[int]
    people: Mapping[int, PersonFacts]
    shifts: Sequence[ShiftFacts] = ()
    time_off: Sequence[TimeOffFacts] = ()
    loads: Mapping[int, Load] = field(default_factory=dict)
    min_rest: timedelta = _NONE


def loads(
    shifts: Iterable[ShiftFacts],
    pages: Iterable[PageFacts],
    times: Times,
    *,
    start: datetime,
    end: datetime,
) -> dict[int, Load]:
    """What each person carried between the instants; who carried nothing is missing.

    Time is counted as it passes: a night on which the clocks change is an hour shorter or longer. An hour
    on two of the rotas at once is one hour.
    """
    held: dict[int, list[Stretch]] = defaultdict(list)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    for shift in shifts:
        begin = max(shift.starts_at.astimezone(UTC), start)
        until = min(shift.ends_at.astimezone(UTC), end)
        if begin < until:
            held[shift.user_id].append((begin, until))
    taken: Counter[int] = Counter()
    at_night: Counter[int] = Counter()
    for page in pages:
        if start <= page.at < end:
            taken[page.user_id] += 1
            at_night[page.user_id] += is_night(times, page.at)
    return {
        user_id: _load(merged(held.get(user_id, ())), times, taken[user_id], at_night[user_id])
        for user_id in sorted({*held, *taken})
    }


def is_night(times: Times, at: datetime) -> bool:
    """Whether the instant lies within a night."""
    at = at.astimezone(UTC)
    return any(begin <= at < end for begin, end in _nights(times, (at, at)))


def weighed(load: Load, weights: Weights = USUAL) -> timedelta:
    """The load as one length of time."""
    return (
        load.on_call
        + load.nights * weights.night
        + load.weekends * weights.weekend
        + load.holidays * weights.holiday
        + (load.pages * weights.page + load.night_pages * weights.night_page) * _HOUR
    )


def balance(
    members: Sequence[int],
    carried: Mapping[int, Load],
    *,
    shares: Mapping[int, float] | None = None,
    weights: Weights = USUAL,
) -> tuple[Balance, ...]:
    """Each member's load beside the fair share of all that the members carried, the heaviest first.

    `shares` say who ought to carry how much against the others, such as half for who was there half of the
    time; one where nothing is said. Raises ValueError for a negative share.
    """
    parts = {user_id: (shares or {}).get(user_id, 1.0) for user_id in members}
    if any(part < 0 for part in parts.values()):
        raise ValueError("a share cannot be negative")
    weighs = {user_id: weighed(carried.get(user_id, Load()), weights) for user_id in members}
    total, whole = sum(weighs.values(), _NONE), sum(parts.values())
    found = (
        Balance(
            user_id,
            carried.get(user_id, Load()),
            weighs[user_id],
            total * (parts[user_id] / whole) if whole else _NONE,
        )
        for user_id in members
    )
    return tuple(sorted(found, key=lambda one: one.over, reverse=True))


def suggest(
    candidates: Candidates,
    *,
    start: datetime,
    end: datetime,
    weights: Weights = USUAL,
) -> tuple[Suggestion, ...]:
    """Whom to ask to take the stretch: those who are free, who carried least first; then the others, and why not.

    Free is who is not on call then, has no time off, can be reached, is ready, and keeps the rest before and
    after. Of two who carried the same the first in order comes first.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    found = []
    for user_id in candidates.user_ids:
        hindrance = _hindrance(candidates, user_id, start, end)
        load = candidates.loads.get(user_id, Load())
        weight = weighed(load, weights)
        found.append(Suggestion(user_id, not hindrance, weight, hindrance or _carried(load)))
    return tuple(sorted(found, key=lambda one: (not one.free, one.weighed)))


def _hindrance(candidates: Candidates, user_id: int, start: datetime, end: datetime) -> str:
    """Why the person cannot take the stretch; nothing when they can."""
    person = candidates.people.get(user_id)
    if person is None or not person.active:
        return "has left"
    if not person.reachable:
        return "has no verified way to be reached"
    if not person.ready:
        return "is not ready to be on call"
    if any(
        off.user_id == user_id and off.starts_at < end and off.ends_at > start
        for off in candidates.time_off
    ):
        return "has time off then"
    pauses = []
    for shift in candidates.shifts:
        if shift.user_id == user_id:
            begins, ends = shift.starts_at.astimezone(UTC), shift.ends_at.astimezone(UTC)
            if begins < end and ends > start:
                return f"is {shift.level} on call then"
            pauses += [start - ends, begins - end]
    rest = min((pause for pause in pauses if pause > _NONE), default=candidates.min_rest)
    if rest < candidates.min_rest:
        return f"would rest only {_hours(rest)} between two shifts"
    return ""


def _carried(load: Load) -> str:
    if load == Load():
        return "is free then and has carried nothing so far"
    parts = [f"{_hours(load.on_call)} on call"]
    if load.nights:
        parts.append(f"{_hours(load.nights)} of them at night")
    if load.pages:
        parts.append(f"{load.pages} page{'' if load.pages == 1 else 's'}")
    return f"is free then and has carried {', '.join(parts)}"


def _hours(length: timedelta) -> str:
    hours = round(length / _HOUR, 1)
    return f"{hours:g} hour{'' if hours == 1 else 's'}"


def _load(held: Sequence[Stretch], times: Times, pages: int, night_pages: int) -> Load:
    on_call = nights = weekends = holidays = _NONE
    for stretch in held:
        on_call += stretch[1] - stretch[0]
        nights += sum((_shared(stretch, night) for night in _nights(times, stretch)), _NONE)
        for day in _days(times, stretch):
            within = _shared(stretch, _day(times, day))
            weekends += within if day.weekday() in times.weekend else _NONE
            holidays += within if day in times.holidays else _NONE
    return Load(on_call, nights, weekends, holidays, pages, night_pages)


def _days(times: Times, stretch: Stretch) -> Iterator[date]:
    """The dates of the zone that a stretch touches, and one before."""
    zone = ZoneInfo(times.zone)
    day = stretch[0].astimezone(zone).date() - _ONE_DAY
    while day <= stretch[1].astimezone(zone).date():
        yield day
        day += _ONE_DAY


def _nights(times: Times, stretch: Stretch) -> Iterator[Stretch]:
    """The nights that begin on the dates of a stretch."""
    if times.night_from == times.night_until:
        return
    over_midnight = times.night_from > times.night_until
    for day in _days(times, stretch):
        morning = day + _ONE_DAY if over_midnight else day
        yield _instant(times, day, times.night_from), _instant(times, morning, times.night_until)


def _day(times: Times, day: date) -> Stretch:
    return _instant(times, day, time(0)), _instant(times, day + _ONE_DAY, time(0))


def _instant(times: Times, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, ZoneInfo(times.zone)).astimezone(UTC)


def _shared(one: Stretch, other: Stretch) -> timedelta:
    return max(min(one[1], other[1]) - max(one[0], other[0]), _NONE)
