"""The one door for every change of who will be on call: locked, proved, drawn, told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction

from deadlines.extension import Actor
from directory.models import User
from rotations.queries.team import team_facts
from rotations.rules.proof import Breach, added, has_primary, prove
from rotations.services.breaches import keep_breaches
from rotations.services.horizon import (
    Moved,
    horizon_of,
    lock_roster,
    moved_between,
    redraw,
    stretches_of,
)
from rotations.services.on_record import told_by
from rotations.services.promising import keep_looking
from rotations.services.refusal import RosterBroken
from rotations.services.telling import tell_moved
from rotations.services.turns import plan_turns

__all__ = ["Outcome", "changing", "lock_roster"]


@dataclass(slots=True)
class Outcome:
    """What a change did: whose shifts moved, and what the proof finds now.

    Within the change `said` may be given a sentence for those whose shifts moved: who did what.
    """

    said: str = ""
    moved: list[Moved] = field(default_factory=list)
    breaches: tuple[Breach, ...] = ()
    new: tuple[Breach, ...] = ()


@contextmanager
def changing(
    team_id: int,
    *,
    now: datetime,
    actor: Actor | None = None,
    waived_by: User | None = None,
    waiver_reason: str = "",
    must: bool = False,
    reach: datetime | None = None,
) -> Iterator[Outcome]:
    """Within it the rows are written; at its end the roster is proved, drawn anew, and people are told.

    Exactly those are told whose shifts moved, the `actor` who is named to them among them. What is written is
    on record as the actor's. Raises
    RosterBroken, and nothing is written, when the change brings a breach that blocks: unless `waived_by`
    lets it stand with a reason, or it `must` be (a take-over). Those are kept on record. What is written for
    beyond the horizon is judged and told as far as `reach`.
    """
    with transaction.atomic(), told_by(actor) if actor else nullcontext():
        rules = lock_roster(team_id)
        horizon = horizon_of(rules, now)
        until = max(horizon, reach or now)
        team = team_facts(team_id, start=now, end=until)
        known = prove(team, start=now, end=until)
        before = stretches_of(team, start=now, end=until)
        outcome = Outcome()
        yield outcome
        # Cover is asked alike before and after: else the end of the last primary would leave no gap, and
        # the first would bring all that was missing until then.
        changed = replace(
            team_facts(team_id, start=now, end=until), asks_for_cover=has_primary(team)
        )
        if has_primary(changed) and not has_primary(team):
            known = prove(replace(team, asks_for_cover=True), start=now, end=until)
        outcome.breaches = prove(changed, start=now, end=until)
        after = stretches_of(changed, start=now, end=until)
        outcome.new = added(known, outcome.breaches)
        blocking = tuple(one for one in outcome.new if one.blocking)
        if blocking and waived_by is None and not must:
            raise RosterBroken(blocking)
        keep_breaches(
            team_id, outcome.breaches, now=now, until=until, horizon=horizon,
            waived={one.key for one in blocking} if waived_by else set(),
            waived_by=waived_by, waiver_reason=waiver_reason,
        )  # fmt: skip
        redraw(team_id, now=now)
        outcome.moved = moved_between(before, after)
        tell_moved(team_id, outcome.moved, now=now, actor=actor, said=outcome.said)
        keep_looking(team_id, now=now)
        plan_turns(team_id, now=now)
