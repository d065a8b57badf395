"""Business time: which instants are business hours, and when so much of it has passed.

Opening and closing are wall clock in the team's zone; what lies between them is counted in real
seconds, so that a day on which the clocks change within business hours is shorter or longer.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from procedures.rules.spans import Span

ONE_DAY = timedelta(days=1)
NO_OPENING_WITHIN = 1000  # days: a calendar closed for longer is a mistake, not a holiday


class CalendarNeverOpens(ValueError):
    """The calendar has no business hours for years on end."""


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """A team's working hours: from `opens` until just before `closes` on each workday (0 is Monday)
    that is no holiday, on the wall clock of `zone` (an IANA name)."""

    zone: str = "UTC"
    workdays: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    opens: time = time(9)
    closes: time = time(17)
    holidays: Container[date] = frozenset()

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("business hours must begin before they end")
        if not self.workdays or not self.workdays <= frozenset(range(7)):
            raise ValueError("workdays are numbers from 0 to 6, one at least")

    @property
    def business_day(self) -> timedelta:
        """The length of one business day on the wall clock."""
        return datetime.combine(date.min, self.closes) - datetime.combine(date.min, self.opens)


def is_business_day(calendar: BusinessCalendar, day: date) -> bool:
    """Whether the team works on this date of its zone."""
    return day.weekday() in calendar.workdays and day not in calendar.holidays


def is_open(calendar: BusinessCalendar, at: datetime) -> bool:
    """Whether the instant lies within business hours."""
    return next_opening(calendar, at) == at


def next_opening(calendar: BusinessCalendar, at: datetime) -> datetime:
    """The first business instant at or after `at`: `at` itself while open. In UTC.

    Raises CalendarNeverOpens when there is none for years.
    """
    opens, _ = next(_openings(calendar, at))
    return max(opens, at.astimezone(UTC))


def add_business_time(calendar: BusinessCalendar, start: datetime, length: timedelta) -> datetime:
    """The instant at which so much business time has passed since `start`. In UTC.

    What fills a day to its end is due at that day's closing, not at the next opening. No length at
    all is due at the next opening. Raises ValueError for a negative length.
    """
    if length < timedelta(0):
        raise ValueError("business time cannot run backwards")
    left = length
    at = start.astimezone(UTC)
    for opens, closes in _openings(calendar, at):
        begins = max(opens, at)
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    raise CalendarNeverOpens("the calendar ends before the time has passed")


def business_time_between(calendar: BusinessCalendar, start: datetime, end: datetime) -> timedelta:
    """How much business time lies between the instants; none when the end comes first."""
    at, until = start.astimezone(UTC), end.astimezone(UTC)
    found = timedelta()
    if until <= at:
        return found
    for opens, closes in _openings(calendar, at):
        if opens >= until:
            break
        found += min(closes, until) - max(opens, at)
    return found


def due_at(
    calendar: BusinessCalendar, start: datetime, span: Span, clock: Literal["elapsed", "business"]
) -> datetime:
    """When a span that began at `start` is over. In UTC.

    Business days are one day's business time each (X21): Monday 15:00 leads to Tuesday 15:00, Friday
    15:00 to Monday 15:00. The seconds count on the clock named: round the clock, or in business
    hours only (X2).
    """
    if span.business_days:
        return add_business_time(calendar, start, calendar.business_day * span.business_days)
    length = timedelta(seconds=span.seconds)
    if clock == "business":
        return add_business_time(calendar, start, length)
    return start.astimezone(UTC) + length


def _openings(calendar: BusinessCalendar, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The business hours that end after `at`, each as (opening, closing) in UTC."""
    zone = ZoneInfo(calendar.zone)
    day = at.astimezone(zone).date()
    closed_for = 0
    while closed_for < NO_OPENING_WITHIN:
        closed_for += 1
        if is_business_day(calendar, day):
            opens = datetime.combine(day, calendar.opens, zone).astimezone(UTC)
            closes = datetime.combine(day, calendar.closes, zone).astimezone(UTC)
            if closes > max(opens, at):
                closed_for = 0
                yield opens, closes
        day += ONE_DAY
    raise CalendarNeverOpens(
        f"no business hours within {NO_OPENING_WITHIN} days after {at:%Y-%m-%d}"
    )
