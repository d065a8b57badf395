"""Reminders before a turn, word when it begins and when it ends: said by the clock, once each."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from rotations.models import Shift
from rotations.rules.turns import DAY, Notice, Turn, joined, notices, worth_saying
from rotations.services.promising import TURN, stand_at
from rotations.services.telling import tell_turns

AHEAD = timedelta(days=7)
"""How far the next word is looked for; where there is none, the clock looks again then."""


def plan_turns(team_id: int, *, now: datetime) -> None:
    """The clock comes by when somebody of the team is to be told next."""
    stand_at(team_id, TURN, next_word(team_id, now=now), now=now)


def next_word(team_id: int, *, now: datetime) -> datetime:
    """The next instant at which somebody is to be told of a turn; in a week at the latest."""
    until = now + AHEAD
    turns = _turns(team_id, since=now, until=until + DAY)
    return min((one.at for one in notices(turns) if now < one.at < until), default=until)


def say_turns(team_id: int, *, since: datetime, now: datetime) -> int:
    """Says what was to be said from `since` to now, as far as it still makes sense; each person hears all
    of it at once. Returns how many people were told."""
    unsaid: dict[int, list[Notice]] = defaultdict(list)
    for notice in notices(_turns(team_id, since=since, until=now + DAY)):
        if since <= notice.at <= now and worth_saying(notice, since=since, now=now):
            unsaid[notice.turn.user_id].append(notice)
    tell_turns(team_id, unsaid, now=now)
    return len(unsaid)


def _turns(team_id: int, *, since: datetime, until: datetime) -> list[Turn]:
    """The turns out of the shifts as they are drawn, from the one that ends at `since` on."""
    rows = Shift.objects.filter(team_id=team_id, ends_at__gte=since, starts_at__lte=until)
    columns = ("user_id", "rota_id", "starts_at", "ends_at")
    return joined(Turn(*row) for row in rows.values_list(*columns))
