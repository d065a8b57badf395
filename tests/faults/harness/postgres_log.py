"""What PostgreSQL complained of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.harness.stack import Stack

WORDS = ("deadlock detected", "due to lock timeout", "due to statement timeout")


@contextmanager
def nobody_waits_for_ever(stack: Stack) -> Iterator[None]:
    """Meanwhile there is no deadlock, and nothing waits for a lock longer than it may."""
    log = stack.database.log
    before = log.stat().st_size
    yield
    with log.open(errors="replace") as words:
        words.seek(before)
        found = [line for line in words if any(word in line for word in WORDS)]
    assert not found, "".join(found)
