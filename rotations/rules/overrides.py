"""Which overrides make sense."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

LONGEST_OVERRIDE = timedelta(days=366)
LAST_YEAR = 2100
"""The roster is proved as far as something is written, so that has an end."""


class Fault(NamedTuple):
    """Why something is refused: a code, and the reason as said to a person."""

    code: str
    message: str


def fault_of(starts_at: datetime, ends_at: datetime, *, now: datetime) -> Fault | None:
    """What is wrong with an override between these instants; None when nothing is."""
    if starts_at >= ends_at:
        return Fault("ends_before_it_starts", "An override must end after it starts.")
    if ends_at <= now:
        return Fault("past", "An override that is over would change the past.")
    if ends_at - starts_at > LONGEST_OVERRIDE:
        return Fault("too_long", "An override lasts a year at most; change the rota instead.")
    return too_far(ends_at)


def too_far(ends_at: datetime) -> Fault | None:
    """What is wrong with what ends then; None when nothing is."""
    if ends_at.year > LAST_YEAR:
        return Fault("too_far", f"Choose an end before {LAST_YEAR + 1}.")
    return None
