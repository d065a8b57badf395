"""The broker carries nudges, never facts: whatever becomes of it, only latency changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.harness.invariants import assert_held, same_rows, wait_until_quiet
from tests.faults.harness.load import Load, repeating
from tests.faults.harness.stack import Stack
from tests.faults.harness.waiting import until


@contextmanager
def emptied(stack: Stack) -> Iterator[None]:
    """Again and again, of what the workers had not taken yet."""

    def empty() -> None:
        with stack.client() as client:
            client.flushall()

    for worker in stack.workers:
        worker.freeze()
    with repeating(empty, every=0.3):
        yield
    for worker in stack.workers:
        worker.thaw()


@contextmanager
def killed(stack: Stack) -> Iterator[None]:
    stack.broker.kill()
    yield
    stack.start_broker()


@contextmanager
def frozen(stack: Stack) -> Iterator[None]:
    stack.broker.freeze()
    yield
    stack.broker.thaw()


@contextmanager
def refusing_writes(stack: Stack) -> Iterator[None]:
    with stack.client() as client:
        client.config_set("min-replicas-to-write", 1)
        yield
        client.config_set("min-replicas-to-write", 0)


@pytest.mark.parametrize("fault", [emptied, killed, frozen, refusing_writes])
def test_no_page_is_lost_or_doubled_when_the_broker_is(
    stack: Stack, fault: Callable[[Stack], object]
) -> None:
    load = stack.load()
    load.reach(stack.profile.fault_after)
    with fault(stack):  # type: ignore[attr-defined]
        load.reach(stack.profile.fault_after + stack.profile.fault_for)
        _paged_all_the_same(stack, load)

    wait_until_quiet(stack, load)
    assert_held(stack, load, exactly_once=True)
    if (
        fault is not refusing_writes
    ):  # there Celery's worker ends, and the supervisor starts it again
        assert [worker.name for worker in stack.workers if not worker.running] == []


def _paged_all_the_same(stack: Stack, load: Load) -> None:
    """Not only when it is over: the clock's sweep needs no broker."""
    arrived = len(stack.outside.ledger.all())
    until(lambda: len(stack.outside.ledger.all()) > arrived + 3, what="pages during the fault")


def test_emptying_the_broker_changes_no_row(stack: Stack) -> None:
    load = stack.load()
    wait_until_quiet(stack, load)

    def empty_and_tick() -> None:
        with stack.client() as client:
            client.flushall()
        for role in ("beat", "clock"):
            last = f"SELECT max(ticked_at) FROM deadlines_pulse WHERE role = '{role}'"  # noqa: S608
            before = stack.value(last)
            until(lambda last=last, before=before: stack.value(last) > before, what=f"a {role}")  # type: ignore[misc]

    assert same_rows(stack, empty_and_tick) == []
