"""The clock process: it ticks each second, and within the second whenever something falls due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deadlines.services import Tick
from portal import clock
from portal.clock import Clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("next_in", "ticks"),
    [(0.01, 2), (61.0, 1), (None, 1)],
    ids=["within the second", "later", "never"],
)
def test_the_clock_ticks_again_for_what_falls_due_within_its_second(
    monkeypatch: pytest.MonkeyPatch, next_in: float | None, ticks: int
) -> None:
    seen: list[str] = []

    def enforce(*, process: str) -> Tick:
        seen.append(process)
        first = next_in is not None and len(seen) == 1
        return Tick(NOON, next_at=NOON + timedelta(seconds=next_in or 0) if first else None)

    monkeypatch.setattr(clock, "enforce", enforce)
    monkeypatch.setattr(clock, "EVERY_SECONDS", 60.0)  # a machine may stall
    Clock()._enforce()
    assert len(seen) == ticks
