"""Workers and clocks that die, freeze or are too many."""

from __future__ import annotations

import pytest

from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.stack import Stack
from tests.faults.harness.waiting import until


def never_ended(stack: Stack) -> int:
    """Attempts whose sender died."""
    return int(stack.value("SELECT count(*) FROM notifications_attempt WHERE finished_at IS NULL"))


@pytest.mark.parametrize(
    "points", [("after-claim", "after-send"), ("after-attempt", "after-result")], ids=" and ".join
)
def test_no_page_is_lost_when_every_worker_dies(stack: Stack, points: tuple[str, str]) -> None:
    for worker, point in zip(stack.workers, points, strict=True):
        worker.arm(point)
    load = stack.load()
    for worker in stack.workers:
        worker.dies()
    stack.start_the_ended()

    wait_until_quiet(stack, load)
    assert_held(stack, load)
    assert never_ended(stack) >= 1
    if "after-send" in points:
        assert max(stack.outside.ledger.counts().values()) > 1, "it had left, so it came again"


def test_no_step_is_lost_or_fired_twice_when_a_clock_dies_before_its_commit(stack: Stack) -> None:
    clock = stack.clocks[0]
    stack.beats[0].kill()
    load = stack.load()
    load.reach(stack.profile.fault_after)
    clock.arm("after-handler")
    clock.dies()
    clock.start()

    wait_until_quiet(stack, load)
    assert_held(stack, load, exactly_once=True)


def test_an_acknowledgment_that_dies_before_its_commit_leaves_nothing_and_can_be_said_again(
    stack: Stack,
) -> None:
    load = stack.load(seconds=1)
    load.finish()
    paths = until(stack.phone_paths, what="a call to answer")
    incident, path = next(iter(paths.items()))
    stack.web.arm("before-acknowledgment-commits")

    assert stack.press(path) == 0
    assert not stack.web.armed("before-acknowledgment-commits")
    assert (
        stack.value("SELECT status FROM incidents_incident WHERE id = %s", incident) == "triggered"
    )
    until(lambda: stack.press(path) in (302, 303), what="the answer to be taken")

    wait_until_quiet(stack, load)
    assert_held(stack, load, exactly_once=True)
    assert stack.value("SELECT acknowledged_at FROM incidents_incident WHERE id = %s", incident)


def test_a_worker_that_thaws_after_its_pages_were_taken_over_records_nothing_twice(
    stack: Stack,
) -> None:
    stack.outside.mail.mode = "hold"
    load = stack.load()
    until(stack.outside.ledger.all, what="a message on its way")
    for worker in stack.workers:
        worker.freeze()
    until(lambda: max(stack.outside.ledger.counts().values()) > 1, what="a page to be taken over")
    for worker in stack.workers:
        worker.thaw()
    until(
        lambda: stack.value(
            "SELECT count(*) FROM notifications_attempt WHERE answer LIKE '%(the lease was lost)'"
        ),
        what="the thawed to hear that they are too late",
    )
    stack.outside.mail.mode = "fine"

    wait_until_quiet(stack, load)
    assert_held(stack, load)


def test_nothing_is_late_without_beat(stack: Stack) -> None:
    stack.beats[0].kill()
    load = stack.load()
    wait_until_quiet(stack, load)
    assert_held(stack, load, exactly_once=True, most_late=20)


def test_beat_alone_keeps_every_promise_without_clock_and_without_nudges(stack: Stack) -> None:
    stack.clocks[0].kill()
    with stack.told(stack.web, *stack.workers, NUDGE_WORKERS="0"):
        load = stack.load()
        wait_until_quiet(stack, load)
        assert_held(stack, load, exactly_once=True, most_late=20)


def test_two_beats_two_clocks_and_four_workers_decide_nothing_twice(stack: Stack) -> None:
    for role in ("beat", "clock", "worker", "worker"):
        stack.add(role)
    stack.wait_until_up()
    load = stack.load(rate=stack.profile.rate * 4)
    wait_until_quiet(stack, load)
    assert_held(stack, load, exactly_once=True)
