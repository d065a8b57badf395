"""What was answered 2xx is committed: the database may die at any moment after it."""

from __future__ import annotations

from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.stack import Stack
from tests.faults.harness.waiting import until


def test_nothing_accepted_is_lost_when_the_database_restarts_without_a_checkpoint(
    stack: Stack,
) -> None:
    load = stack.load(rate=stack.profile.rate * 3)
    load.reach(stack.profile.fault_after)
    stack.restart_database()
    back = stack.value("SELECT clock_timestamp()")

    wait_until_quiet(stack, load)
    assert_held(stack, load)
    assert not load.refused
    assert [child.name for child in stack.portal if not child.running] == []
    everybody = {"clock": stack.clocks, "beat": stack.workers}
    ticked = "SELECT count(*) FROM deadlines_pulse WHERE role = %s AND ticked_at > %s"
    until(
        lambda: all(
            stack.value(ticked, role, back) == len(those) for role, those in everybody.items()
        ),
        what="each clock and worker to tick again",
    )
