"""Who stands in where somebody moves up: the next in order who is ready, at each instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rotations.rules.facts import RotaFacts, TeamFacts, TimeOffFacts


@dataclass(frozen=True, slots=True)
class StandIn:
    """One person, or nobody (None), from `starts_at` until just before `ends_at`."""

    user_id: int | None
    starts_at: datetime
    ends_at: datetime


def order_after(rota: RotaFacts, user_id: int, *, at: datetime) -> tuple[int, ...]:
    """The people of the rota's plan in force in their order, beginning behind this one; themselves left out.

    A derived plan has its base's people.
    """
    plan = None
    for one in rota.plans:
        if one.effective_at is None or one.effective_at <= at:
            plan = one
    if plan is None:
        return ()
    if plan.base is not None:
        return order_after(plan.base, user_id, at=at)
    members = plan.members
    place = members.index(user_id) if user_id in members else -1
    return tuple(one for one in members[place + 1 :] + members[: place + 1] if one != user_id)


def ready_among(team: TeamFacts, user_ids: Iterable[int]) -> tuple[int, ...]:
    """Those who are active, can be reached and passed what gates ask, in the order given."""
    known = (team.people.get(user_id) for user_id in user_ids)
    return tuple(one.id for one in known if one and one.active and one.reachable and one.ready)


def stand_ins(
    order: Sequence[int], time_off: Sequence[TimeOffFacts], *, start: datetime, end: datetime
) -> tuple[StandIn, ...]:
    """Who of the people stands in between the instants: the first in order who is not away, until they are.

    Where all are away nobody does, until the first is back. The pieces touch.
    """
    found: list[StandIn] = []
    at = start
    while at < end:
        away = [
            one for one in time_off if one.user_id in order and one.starts_at <= at < one.ends_at
        ]
        gone = {one.user_id for one in away}
        user_id = next((one for one in order if one not in gone), None)
        if user_id is None:
            until = min((one.ends_at for one in away), default=end)
        else:
            until = min(
                (
                    one.starts_at
                    for one in time_off
                    if one.user_id == user_id and one.starts_at > at
                ),
                default=end,
            )
        until = min(until, end)
        if found and found[-1].user_id == user_id:
            at = found.pop().starts_at
        found.append(StandIn(user_id, at, until))
        at = until
    return tuple(found)
