"""When a message is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

JITTER = 0.5


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Waits in seconds; `tries` counts what has been tried."""

    first: float
    cap: float
    max_tries: int


def wait_before_next(
    plan: RetryPlan, tries: int, *, chance: float, wish: float | None = None
) -> timedelta | None:
    """How long to wait after the so-many-th failed try; None when it is given up.

    The wait doubles up to the cap, spread by half in both directions (`chance` is random in 0…1), so
    that what failed together does not come back together. A provider's wish is heeded up to four
    times the cap: an insane one must not swallow a page.
    """
    if tries >= plan.max_tries:
        return None
    seconds = min(plan.cap, plan.first * 2 ** min(tries - 1, 30))
    seconds *= 1 - JITTER + 2 * JITTER * chance
    if wish is not None and wish > seconds:
        seconds = min(wish, plan.cap * 4)
    return timedelta(seconds=seconds)


def rare_retry(plan: RetryPlan, *, chance: float) -> timedelta:
    """The wait of a message that had all its tries but may not be given up: four times the cap, spread."""
    return timedelta(seconds=plan.cap * 4 * (1 - JITTER + 2 * JITTER * chance))
