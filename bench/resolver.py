"""The pure rule in a loop: who holds a rota of 20 people with 50 overrides, and half a year of it."""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from rotations.enums import Unit
from rotations.rules.facts import OverrideFacts, PlanFacts, RotaFacts
from rotations.rules.resolver import holdings, person_on_call

PEOPLE, OVERRIDES = 20, 50
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HALF_A_YEAR = timedelta(weeks=26)
TIMES = 500


def rota_of(unit: Unit, length: int = 1) -> RotaFacts:
    plan = PlanFacts(
        id=1,
        members=tuple(range(1, PEOPLE + 1)),
        unit=unit,
        length=length,
        handoff_time=time(9),
        zone="Europe/Berlin",
        starts_on=date(2025, 11, 3),
    )
    return RotaFacts(1, (plan,))


def overrides_over(length: timedelta) -> list[OverrideFacts]:
    """Fifty overrides over so long a time, each half as long as the way to the next."""
    step = length / OVERRIDES
    return [
        OverrideFacts(
            id=number,
            rota_id=1,
            user_id=number % PEOPLE + 1,
            starts_at=START + step * number,
            ends_at=START + step * number + step / 2,
            created_at=START + timedelta(minutes=number),
        )
        for number in range(OVERRIDES)
    ]


def seconds_of(answer: Callable[[], object], *, times: int = TIMES) -> float:
    """The middle of several loops, for one answer."""
    return sorted(timeit.repeat(answer, number=times, repeat=5))[2] / times


def figures() -> dict[str, float]:
    """Seconds of one instant, the overrides over half a year or all in one week; and of half a year."""
    weekly, hourly = rota_of(Unit.WEEK), rota_of(Unit.HOUR)
    spread, dense = overrides_over(HALF_A_YEAR), overrides_over(timedelta(weeks=1))
    at = START + HALF_A_YEAR / 2
    end = START + HALF_A_YEAR
    return {
        "instant": seconds_of(lambda: person_on_call(weekly, spread, at=at)),
        "crowded": seconds_of(lambda: person_on_call(weekly, dense, at=START + timedelta(days=3))),
        "weeks": seconds_of(lambda: list(holdings(weekly, spread, start=START, end=end)), times=20),
        "hours": seconds_of(lambda: list(holdings(hourly, spread, start=START, end=end)), times=2),
    }


def time_it() -> None:
    """Prints the seconds of each as JSON. Run by `manage.py shell`."""
    print(json.dumps(figures()))
