"""Waiting for conditions, never for times."""

from __future__ import annotations

import time
from collections.abc import Callable


def until[T](
    condition: Callable[[], T | None], *, seconds: float = 60, what: str = "", every: float = 0.05
) -> T:
    """What the condition returned as soon as it is true. The limit is generous: machines are busy."""
    ends = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < ends, f"waited {seconds:.0f} s for {what or condition}"
        time.sleep(every)
