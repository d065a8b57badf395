"""The roster proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rotations.enums import BreachKind
from rotations.rules.facts import TeamFacts


@dataclass(frozen=True, slots=True)
class Breach:
    """One finding: what, under which clause, whom, from when until just before when (UTC)."""

    kind: BreachKind
    key: str
    clause: str
    level: str
    rota_id: int | None
    user_ids: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime
    blocking: bool
    said: str


def prove(team: TeamFacts, *, start: datetime, end: datetime) -> tuple[Breach, ...]:
    """What is wrong with the team's roster between the instants."""
    return ()
