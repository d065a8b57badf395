"""What was answered 2xx is committed: the database may die at any moment after it."""

from __future__ import annotations

from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.stack import Stack


def test_nothing_accepted_is_lost_when_the_database_restarts_without_a_checkpoint(
    stack: Stack,
) -> None:
    load = stack.load()
    load.reach(stack.profile.fault_after)
    stack.restart_database()

    wait_until_quiet(stack, load)
    assert_held(stack, load)
    assert not load.refused
    assert [child.name for child in stack.portal if not child.running] == []
