"""Who holds a rota, minute by minute: slow, and plain enough to be seen to be right."""

from __future__ import annotations

import calendar
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from rotations.enums import Unit
from rotations.rules.facts import OverrideFacts, PlanFacts, RotaFacts
from rotations.rules.hours import Hours

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def walk(
    rota: RotaFacts, overrides: Sequence[OverrideFacts], start: datetime, minutes: int
) -> list[int | None]:
    """Who holds the rota in each minute from the start on."""
    above = [walk(other, overrides, start, minutes) for other in rota.above]
    plan_of: list[PlanFacts | None] = [None] * minutes
    turn_of: list[list[int]] = [[]] * minutes  # whose turn, then whose next
    base_of: list[int | None] = [None] * minutes
    for plan in rota.plans:
        begin = 0 if plan.effective_at is None else _minute(plan.effective_at, start)
        turns = _turns(plan, start, minutes)
        bases = walk(plan.base, overrides, start, minutes) if plan.base else [None] * minutes
        for minute in range(max(begin, 0), minutes):
            plan_of[minute], turn_of[minute], base_of[minute] = plan, turns[minute], bases[minute]
    bases_ever = [
        walk(plan.base, overrides, start, minutes) for plan in rota.plans if plan.base is not None
    ]
    latest_first = sorted(
        (o for o in overrides if o.rota_id == rota.id), key=lambda o: o.created_at, reverse=True
    )
    found = []
    for minute in range(minutes):
        taken = {other[minute] for other in [*above, *bases_ever]} - {None}
        found.append(
            _holder(
                start + minute * MINUTE,
                latest_first,
                taken,
                plan_of[minute],
                turn_of[minute],
                base_of[minute],
            )
        )
    return found


def _holder(
    at: datetime,
    latest_first: list[OverrideFacts],
    taken: set[int | None],
    plan: PlanFacts | None,
    order: list[int],
    base: int | None,
) -> int | None:
    for override in latest_first:
        if override.starts_at <= at < override.ends_at and override.user_id not in taken:
            return override.user_id
    if plan is not None and plan.base is not None:
        behind = [user for user in order[1:] + order[:1] if user != base]
        order = behind[plan.offset - 1 :]
    for user in order:
        if user not in taken:
            return user
    return None


def _turns(plan: PlanFacts, start: datetime, minutes: int) -> list[list[int]]:
    """In each minute the order of the turn, as if the plan were in force all along; empty for nobody."""
    found: list[list[int]] = [[]] * minutes
    if plan.base is not None:
        for base in plan.base.plans:
            begin = 0 if base.effective_at is None else _minute(base.effective_at, start)
            turns = _turns(base, start, minutes)
            for minute in range(max(begin, 0), minutes):
                found[minute] = turns[minute]
    else:
        # Each shift takes all the time from its beginning on; the next one paints over it.
        for number, wall in enumerate(_beginnings(plan, start + minutes * MINUTE + 2 * DAY)):
            begin = _minute(_instant(wall, plan.zone), start)
            if begin < minutes and plan.members:
                first = number % len(plan.members)
                order = [*plan.members[first:], *plan.members[:first]]
                begin = max(begin, 0)
                found[begin:] = [order] * (minutes - begin)
    if plan.ends_on is not None:
        end = _instant(datetime.combine(plan.ends_on, plan.handoff_time), plan.zone)
        end_minute = min(max(_minute(end, start), 0), minutes)
        found[end_minute:] = [[]] * (minutes - end_minute)
    if plan.hours:
        is_open = _open(plan.hours, plan.zone, start, minutes)
        found = [order if is_open[minute] else [] for minute, order in enumerate(found)]
    return found


def _beginnings(plan: PlanFacts, end: datetime) -> list[datetime]:
    """The wall clock times at which shifts begin, from the first on."""
    day = plan.starts_on
    while plan.unit == Unit.WEEK and day.weekday() != plan.handoff_weekday:
        day -= DAY
    first = datetime.combine(day, plan.handoff_time)
    found = [first]
    while found[-1].replace(tzinfo=UTC) < end:
        number = len(found) * plan.length
        match plan.unit:
            case Unit.HOUR:
                found.append(first + timedelta(hours=number))
            case Unit.DAY:
                found.append(first + timedelta(days=number))
            case Unit.WEEK:
                found.append(first + timedelta(weeks=number))
            case Unit.MONTH:
                found.append(_months_later(first, number))
    return found


def _months_later(wall: datetime, months: int) -> datetime:
    year, month = wall.year, wall.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return wall.replace(
        year=year, month=month, day=min(wall.day, calendar.monthrange(year, month)[1])
    )


def _open(hours: Sequence[Hours], zone: str, start: datetime, minutes: int) -> list[bool]:
    """Whether the hours are open: they open and close when a clock on the wall first shows the time or a later one."""
    shown = _shown(zone, start - 3 * DAY, minutes + 6 * 24 * 60)
    found = [False] * minutes
    day: date = shown[0].date()
    while day <= shown[-1].date() - 2 * DAY:
        for one in hours:
            if one.weekday == day.weekday():
                last = day + DAY if one.closes <= one.opens else day
                opens = bisect_left(shown, datetime.combine(day, one.opens)) - 3 * 24 * 60
                closes = bisect_left(shown, datetime.combine(last, one.closes)) - 3 * 24 * 60
                for minute in range(max(opens, 0), min(closes, minutes)):
                    found[minute] = True
        day += DAY
    return found


@lru_cache(maxsize=8)
def _shown(zone: str, start: datetime, minutes: int) -> list[datetime]:
    """The latest time that a clock on the wall has shown until each minute."""
    tz = ZoneInfo(zone)
    shown: list[datetime] = []
    for minute in range(minutes):
        wall = (start + minute * MINUTE).astimezone(tz).replace(tzinfo=None)
        shown.append(max(shown[-1], wall) if shown else wall)
    return shown


def _instant(wall: datetime, zone: str) -> datetime:
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _minute(at: datetime, start: datetime) -> int:
    return (at - start) // MINUTE
