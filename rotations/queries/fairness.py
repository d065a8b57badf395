"""Who carried how much of a rota, read for the rules of fairness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from directory.models import Team, User
from notifications.enums import Purpose
from notifications.models import PageOut
from rotations.models import Rota
from rotations.queries.calendar import Held, lines_of
from rotations.queries.shown import plans_shown
from rotations.queries.team import holiday_names, rules_of
from rotations.rules.fairness import Balance, Load, PageFacts, ShiftFacts, Times, balance, loads

ALL_DAYS = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day until the last, both whole, on the wall clock of the team's zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        return self._midnight(self.first)

    @property
    def ends_at(self) -> datetime:
        return self._midnight(self.last + timedelta(days=1))

    @property
    def days(self) -> list[tuple[date, datetime, datetime]]:
        """Each day with its beginning and its end (UTC): 23, 24 or 25 hours."""
        dates = [
            self.first + timedelta(days=place) for place in range((self.last - self.first).days + 1)
        ]
        return [
            (day, self._midnight(day), self._midnight(day + timedelta(days=1))) for day in dates
        ]

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DayOfWork:
    """One person's hours on a rota on one local day."""

    day: date
    user: User
    load: Load
    holiday: str


def balance_of(rota: Rota, period: Period, *, now: datetime) -> tuple[Balance, ...]:
    """What each person carried of the rota beside the fair share, the heaviest first.

    A fair share has whoever is in the order of the plan in force; who only stood in has none. A page counts for
    who was called by it while they held the rota. Fourteen queries.
    """
    shifts = _shifts(rota, period, now)
    carried = loads(
        shifts, _pages(shifts, period), times_of(rota.team),
        start=period.starts_at, end=period.ends_at,
    )  # fmt: skip
    order = [person.pk for shown in plans_shown(rota, now=now)[:1] for person in shown.people]
    others = [user_id for user_id in carried if user_id not in order]
    return balance([*order, *others], carried, shares=dict.fromkeys(others, 0.0))


def days_of_work(rota: Rota, period: Period, *, now: datetime) -> list[DayOfWork]:
    """Each person's hours on each local day of the period on which they held the rota, by day and name."""
    shifts = _shifts(rota, period, now)
    times, names = times_of(rota.team), holiday_names(rota.team)
    people = User.objects.in_bulk({shift.user_id for shift in shifts})
    found = []
    for day, start, end in period.days:
        of_day = [shift for shift in shifts if shift.starts_at < end and shift.ends_at > start]
        found += [
            DayOfWork(day, people[user_id], load, names.get(day, ""))
            for user_id, load in loads(of_day, (), times, start=start, end=end).items()
        ]
    return sorted(found, key=lambda one: (one.day, str(one.user), one.user.pk))


def times_of(team: Team) -> Times:
    """The team's nights, weekends and holidays, in its zone."""
    rules = rules_of(team.pk)
    return Times(
        zone=team.zone,
        night_from=rules.night_from,
        night_until=rules.night_until,
        weekend=ALL_DAYS - frozenset(team.workdays),
        holidays=holiday_names(team),
    )


def facts_of_held(held: Sequence[Held], level: str) -> list[ShiftFacts]:
    return [ShiftFacts(one.user_id, one.rota_id, level, one.starts_at, one.ends_at) for one in held]


def _shifts(rota: Rota, period: Period, now: datetime) -> list[ShiftFacts]:
    [line] = lines_of([rota], start=period.starts_at, end=period.ends_at, now=now)
    return facts_of_held(line.held, rota.level)


def _pages(shifts: Sequence[ShiftFacts], period: Period) -> list[PageFacts]:
    rows = PageOut.objects.filter(
        purpose=Purpose.PAGE,
        user_id__in={shift.user_id for shift in shifts},
        sent_at__gte=period.starts_at,
        sent_at__lt=period.ends_at,
    ).values_list("user_id", "sent_at")
    return [
        PageFacts(user_id, at)
        for user_id, at in rows
        if user_id is not None
        and at is not None
        and any(
            shift.user_id == user_id and shift.starts_at <= at < shift.ends_at for shift in shifts
        )
    ]
