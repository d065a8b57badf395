"""A monitor outside learns of a fault: readiness turns red, and the heartbeat falls silent."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.harness.profile import chosen
from tests.faults.harness.stack import HEARTBEAT_EVERY, Stack
from tests.faults.harness.waiting import until
from tests.faults.harness.watch import watching


def kill_workers(stack: Stack) -> None:
    for worker in stack.workers:
        worker.kill()


FAULTS: dict[str, tuple[Callable[[Stack], None], float]] = {
    "clock dead": (lambda stack: stack.clocks[0].kill(), 15),
    "clock frozen": (lambda stack: stack.clocks[0].freeze(), 15),
    "broker dead": (lambda stack: stack.broker.kill(), 15),
    "broker frozen": (lambda stack: stack.broker.freeze(), 15),
    "workers dead": (kill_workers, 40),
    "beat dead": (lambda stack: stack.beats[0].kill(), 40),
}
"""What is done, and within how many seconds it must be seen."""
EVERY_DAY = ["clock dead"]
LASTS = 3 * HEARTBEAT_EVERY
"""So long it is looked on at the least: a heart that goes on would be heard."""


@pytest.mark.parametrize("fault", list(FAULTS) if chosen().full else EVERY_DAY)
def test_a_fault_that_lasts_is_seen_outside_for_as_long_as_it_lasts(
    stack: Stack, fault: str
) -> None:
    hurt, within = FAULTS[fault]
    until(lambda: stack.outside.ledger.beats, what="a first heartbeat")
    with watching(stack) as watch:
        hurt(stack)
        began = time.monotonic()
        red = until(
            lambda: next((at for at, status in watch.seen if at > began and status != 200), None),
            seconds=within, what="readiness to turn red",
        )  # fmt: skip
        # Whoever is dead falls silent at once; elsewhere the heart may look a little later than the monitor.
        silent = within if stack.profile.full else red - began
        ends = began + within + 20 if stack.profile.full else red + LASTS
        until(lambda: watch.seen[-1][0] > ends, what="the fault to last")
    assert watch.well_during(began, watch.seen[-1][0], within=silent) == []
    assert watch.seen[-1][1] != 200
