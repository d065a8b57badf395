"""Which findings of the roster proof are the same in two looks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime
from typing import Protocol

from rotations.enums import BreachKind

ABOUT_MINUTES = frozenset({BreachKind.GAP, BreachKind.NO_SECOND})
"""Kinds in which it matters that somebody is missing, not who is there."""


class Finding(Protocol):
    """What of a breach tells it from others; a row and a fresh finding alike."""

    @property
    def kind(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def rota_id(self) -> int | None: ...
    @property
    def user_ids(self) -> Iterable[int]: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


def matter_of(one: Finding) -> Hashable:
    """What it is about, whenever it is: the kind and the rota, and the people where they matter."""
    people = () if one.kind in ABOUT_MINUTES else tuple(sorted(one.user_ids))
    return str(one.kind), one.level, one.rota_id, people


def overlap(one: Finding, other: Finding) -> bool:
    """Whether they share an instant or touch: as time goes on, what runs begins later in each look."""
    return one.starts_at <= other.ends_at and other.starts_at <= one.ends_at
