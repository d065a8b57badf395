"""Stretches of time, each from its beginning until just before its end: joined, left over, shared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

Stretch = tuple[datetime, datetime]


def merged(stretches: Iterable[Stretch], *, within: timedelta = timedelta()) -> list[Stretch]:
    """The stretches in order, those as one that overlap, touch, or lie nearer than `within`."""
    found: list[Stretch] = []
    for starts_at, ends_at in sorted(stretches):
        if found and (starts_at <= found[-1][1] or starts_at - found[-1][1] < within):
            found[-1] = (found[-1][0], max(found[-1][1], ends_at))
        else:
            found.append((starts_at, ends_at))
    return found


def without(whole: Stretch, joined: Iterable[Stretch]) -> list[Stretch]:
    """What is left of a stretch without those."""
    found = []
    at, end = whole
    for starts_at, ends_at in joined:
        if starts_at >= end:
            break
        if starts_at > at:
            found.append((at, starts_at))
        at = max(at, ends_at)
    if at < end:
        found.append((at, end))
    return found


def both(stretch: Stretch, joined: Iterable[Stretch]) -> list[Stretch]:
    """The parts of a stretch that lie in one of those."""
    parts = ((max(stretch[0], one[0]), min(stretch[1], one[1])) for one in joined)
    return [part for part in parts if part[0] < part[1]]
