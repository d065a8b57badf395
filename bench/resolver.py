"""The pure rule in a loop: who holds a rota of eight people with an override near."""

from __future__ import annotations

import json
import timeit
from datetime import UTC, date, datetime, time, timedelta

from rotations.enums import Unit
from rotations.rules.resolver import OverrideFacts, RotaFacts, person_on_call

AT = datetime(2026, 3, 4, 3, 10, tzinfo=UTC)
TIMES = 2000


def time_it() -> None:
    """Prints the seconds of one answer, the middle of several loops. Run by `manage.py shell`."""
    rota = RotaFacts(
        id=1,
        members=tuple(range(1, 9)),
        unit=Unit.WEEK,
        length=1,
        handoff_time=time(9),
        zone="Europe/Berlin",
        starts_on=date(2025, 11, 3),
    )
    tomorrow = AT + timedelta(days=1)
    override = OverrideFacts(1, 1, 8, tomorrow, tomorrow + timedelta(hours=12), AT)
    loops = timeit.repeat(lambda: person_on_call(rota, [override], at=AT), number=TIMES, repeat=5)
    print(json.dumps(sorted(loops)[2] / TIMES))
