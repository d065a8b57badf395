"""The clock process: it ticks each second, and within the second whenever something falls due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deadlines.services import Tick
from portal import clock
from portal.clock import Clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("next_in", "waits"),
    [(0.3, [0.3]), (0.001, [clock.SHORTEST_WAIT_SECONDS]), (61.0, []), (None, [])],
    ids=["within the second", "almost now", "later", "never"],
)
def test_the_clock_waits_for_what_falls_due_within_its_second_and_ticks_again(
    monkeypatch: pytest.MonkeyPatch, settings: Any, next_in: float | None, waits: list[float]
) -> None:
    seen: list[str] = []
    waited: list[float] = []

    def enforce(*, process: str) -> Tick:
        seen.append(process)
        first = next_in is not None and len(seen) == 1
        return Tick(NOON, next_at=NOON + timedelta(seconds=next_in or 0) if first else None)

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    monkeypatch.setattr(clock, "enforce", enforce)
    settings.TICK_EVERY_SECONDS = 60  # a machine may stall
    ticking = Clock()
    monkeypatch.setattr(ticking._stopped, "wait", wait)
    ticking._enforce()
    assert (waited, len(seen)) == (waits, 1 + len(waits))
