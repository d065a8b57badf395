"""Which weeks a reader asks for, and the zone they read them in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

MOST_WEEKS = 8
FIRST, LAST = date(2015, 1, 5), date(2050, 1, 3)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole weeks from a Monday on, on the reader's wall clock."""

    monday: date
    weeks: int
    zone: ZoneInfo
    usual: bool = False

    @property
    def query(self) -> str:
        """What a link to another page of these weeks needs: nothing for the usual ones."""
        return "" if self.usual else self.link()

    @property
    def starts_at(self) -> datetime:
        return midnight(self.monday, self.zone)

    @property
    def ends_at(self) -> datetime:
        return midnight(self.monday + timedelta(weeks=self.weeks), self.zone)

    def link(self, shift: int = 0) -> str:
        """The query of these weeks, or of those so many windows later."""
        monday = self.monday + shift * timedelta(weeks=self.weeks)
        return f"?from={monday}&weeks={self.weeks}"


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins in the zone, in UTC. A midnight that does not exist is the first instant after it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def window_of(asked: QueryDict, *, zone: ZoneInfo, now: datetime, weeks: int = 4) -> Window:
    """The weeks asked for by `from` (any day of the first) and `weeks`; this week and what follows where that
    says nothing sensible."""
    today = now.astimezone(zone).date()
    day = day_of(asked.get("from", "")) or today
    number = asked.get("weeks", "")
    if number.isascii() and number.isdigit() and len(number) < 3 and int(number):
        weeks = min(int(number), MOST_WEEKS)
    monday, this = (one - timedelta(days=one.weekday()) for one in (day, today))
    return Window(monday, weeks, zone, usual=(monday, weeks) == (this, 4))


def day_of(text: str) -> date | None:
    """A day written 2026-11-23; None for anything else and for what lies too far away."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return day if day and FIRST <= day <= LAST else None
