"""A monitor outside learns of a fault: readiness turns red, and the heartbeat falls silent."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.harness.profile import chosen
from tests.faults.harness.stack import Stack
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


@pytest.mark.parametrize("fault", list(FAULTS) if chosen().full else EVERY_DAY)
def test_a_fault_that_lasts_is_seen_outside_for_as_long_as_it_lasts(
    stack: Stack, fault: str
) -> None:
    hurt, within = FAULTS[fault]
    until(lambda: stack.outside.ledger.beats, what="a first heartbeat")
    with watching(stack) as watch:
        hurt(stack)
        began = time.monotonic()
        until(
            lambda: any(at > began and status != 200 for at, status in watch.seen),
            seconds=within, what="readiness to turn red",
        )  # fmt: skip
        if stack.profile.full:
            until(lambda: time.monotonic() > began + within + 20, what="the fault to last")
        ended = time.monotonic()
        seen = len(watch.seen)
        until(lambda: len(watch.seen) > seen + 3, what="the monitor to ask again")
    assert watch.well_during(began, ended, within=within) == []
    assert watch.seen[-1][1] != 200
