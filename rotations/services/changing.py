"""The one door for every change of who will be on call: locked, proved, drawn, told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from directory.models import User
from rotations.models import RosterRules
from rotations.queries.team import team_facts
from rotations.rules.proof import Breach, prove
from rotations.services.breaches import keep_breaches
from rotations.services.horizon import Moved, horizon_of, redraw
from rotations.services.refusal import RosterBroken


@dataclass(slots=True)
class Outcome:
    """What a change did: whose shifts moved, and what the proof finds now."""

    moved: list[Moved] = field(default_factory=list)
    breaches: tuple[Breach, ...] = ()
    new: tuple[Breach, ...] = ()


def lock_roster(team_id: int) -> RosterRules:
    """Takes the team's roster for this transaction: changes of one team come one after another."""
    RosterRules.objects.get_or_create(team_id=team_id)
    return RosterRules.objects.select_for_update().get(team_id=team_id)


@contextmanager
def changing(
    team_id: int,
    *,
    now: datetime,
    waived_by: User | None = None,
    waiver_reason: str = "",
    must: bool = False,
) -> Iterator[Outcome]:
    """Within it the rows are written; at its end the roster is proved, drawn anew, and people are told.

    Raises RosterBroken, and nothing is written, when the change brings a breach that blocks: unless
    `waived_by` lets it stand with a reason, or it `must` be (a take-over). Those are kept on record.
    """
    with transaction.atomic():
        rules = lock_roster(team_id)
        until = horizon_of(rules, now)
        known = {
            breach.key
            for breach in prove(team_facts(team_id, start=now, end=until), start=now, end=until)
        }
        outcome = Outcome()
        yield outcome
        outcome.breaches = prove(team_facts(team_id, start=now, end=until), start=now, end=until)
        outcome.new = tuple(one for one in outcome.breaches if one.key not in known)
        blocking = tuple(one for one in outcome.new if one.blocking)
        if blocking and waived_by is None and not must:
            raise RosterBroken(blocking)
        keep_breaches(
            team_id, outcome.breaches, now=now,
            waived={one.key for one in blocking} if waived_by else set(),
            waived_by=waived_by, waiver_reason=waiver_reason,
        )  # fmt: skip
        outcome.moved = redraw(team_id, now=now)
