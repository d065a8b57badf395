"""A monitor outside: asks `/readyz` all the time, and hears the heartbeat."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.harness.stack import Stack

EVERY = 0.5


@dataclass
class Watch:
    """What the monitor saw: instants of the monotonic clock, and statuses; 0 is no answer."""

    stack: Stack
    seen: list[tuple[float, int]] = field(default_factory=list)

    def well_during(self, began: float, ended: float, *, within: float) -> list[str]:
        """I12: the instants later than `within` seconds after a fault began, and before its end, at which
        the portal called itself ready or told its heartbeat."""
        blind = began + within
        ready = [at for at, status in self.seen if blind < at < ended and status == 200]
        beats = [at for at in self.stack.outside.ledger.beats if blind < at < ended]
        return [
            *(f"I12: ready {at - began:.1f} s into the fault" for at in ready),
            *(f"I12: its heart beats {at - began:.1f} s into the fault" for at in beats),
        ]


@contextmanager
def watching(stack: Stack) -> Iterator[Watch]:
    watch, done = Watch(stack), threading.Event()

    def run() -> None:
        while not done.wait(EVERY):
            status, _ = stack.readiness()
            watch.seen.append((time.monotonic(), status))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join(30)
