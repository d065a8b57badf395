"""Who used the processors, as the kernel counts it (Linux): the stack, the load, whatever else ran on the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.stack import Stack

TICKS = os.sysconf("SC_CLK_TCK")
LOAD = "load"
STRANGE = 0.05
"""From this share of the machine on, what others take of it spoils the figures."""


@dataclass(slots=True)
class Used:
    """Seconds of processor by program; the share of the machine (0 to 1) that went to none of ours."""

    seconds: dict[str, float] = field(default_factory=dict)
    others: float = 0.0

    def said(self, requests: float) -> str:
        """Milliseconds for each request, the dearest first."""
        each = {name: 1000 * spent / requests for name, spent in self.seconds.items()}
        parts = [f"{name} {ms:.2f}" for name, ms in sorted(each.items(), key=lambda one: -one[1])]
        return f"{sum(each.values()):.2f} ms of processor: " + ", ".join(parts[:3])


@contextmanager
def watched(stack: Stack) -> Iterator[Used]:
    """Counts within the block; the numbers stand when it has ended."""
    used = Used()
    before, (busy, whole) = _ours(stack), _machine()
    yield used
    now_busy, now_whole = _machine()
    for (name, pid), seconds in _ours(stack).items():
        spent = seconds - before.get((name, pid), 0.0)
        used.seconds[name] = used.seconds.get(name, 0.0) + spent
    if now_whole > whole:
        strange = now_busy - busy - sum(used.seconds.values())
        used.others = max(0.0, strange) / (now_whole - whole)


def calm(stack: Stack, *, within: float) -> bool:
    """Waits until others leave the machine alone for a second; whether they did."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        with watched(stack) as used:
            time.sleep(1)
        if used.others < STRANGE:
            return True
    return False


def _ours(stack: Stack) -> dict[tuple[str, int], float]:
    """Seconds of each process so far; the load is this one, with its mail server."""
    found = {(name, pid): _spent(pid) for name, pids in stack.programs().items() for pid in pids}
    return found | {(LOAD, os.getpid()): time.process_time()}


def _spent(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _machine() -> tuple[float, float]:
    """Busy seconds and all seconds of all processors so far."""
    try:
        numbers = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0, 0.0
    seconds = [int(number) / TICKS for number in numbers]
    whole = sum(seconds)
    return whole - seconds[3] - seconds[4], whole  # idle, and idle that waits for a disk
