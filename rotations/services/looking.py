"""What the clock does about a team's roster: the hourly look, and word to those whose turn it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from deadlines.enums import Nature, Reach, State
from deadlines.models import Deadline
from deadlines.registry import Due, Kind, register_kind, register_subject
from deadlines.services import move
from directory.models import Team
from rotations.models import Rota
from rotations.queries.messages import SUBJECT
from rotations.queries.team import team_facts
from rotations.rules.proof import prove
from rotations.services.breaches import keep_breaches
from rotations.services.horizon import horizon_of, lock_roster, redraw
from rotations.services.promising import LOOK, TURN, lock, next_look
from rotations.services.telling import tell_breaches, tell_moved
from rotations.services.turns import next_word, plan_turns, say_turns

logger = logging.getLogger(__name__)

LATE = timedelta(minutes=5)
MANY = 20
_PRIME = 37

Evidence = Mapping[str, Any]


@transaction.atomic
def look(team_id: int, *, now: datetime) -> Evidence:
    """Freezes the past of the team's roster, proves it to the horizon, draws what has come into that, and
    tells managers of what went wrong by itself (C6, C11).

    The shifts drawn before are held against the rules: where they differ, those whose shifts are others
    than they knew are told. A team without a rota has no roster.
    """
    if not Rota.objects.filter(team_id=team_id).exists():
        return {"rotas": 0}
    rules = lock_roster(team_id)
    until = horizon_of(rules, now)
    found = prove(team_facts(team_id, start=now, end=until), start=now, end=until)
    keep_breaches(team_id, found, now=now, until=until)
    moved = redraw(team_id, now=now)
    if moved:
        logger.warning("the shifts of team %s were not as its rules say; drawn anew", team_id)
        tell_moved(team_id, moved, now=now)
    tell_breaches(team_id, now=now)
    plan_turns(team_id, now=now)
    return {"breaches": len(found), "moved": [one.user_id for one in moved]}


def on_look_due(deadline: Deadline, due: Due) -> Evidence:
    """The hourly look; the promise moves on to the next. After a long silence the teams take turns, as
    there are incidents to be caught up with."""
    team_id = deadline.subject_id
    if not Team.objects.filter(pk=team_id).exists():
        return {"team": "gone"}
    if due.now - deadline.due_at > LATE and _many(due.now):
        seconds = team_id * _PRIME % int(LATE.total_seconds())
        move(deadline.key, due.now + timedelta(seconds=seconds + 1), now=due.now)
        return {}
    evidence = look(team_id, now=due.now)
    move(deadline.key, next_look(team_id, due.now), now=due.now)
    return evidence


def on_turn_due(deadline: Deadline, due: Due) -> Evidence:
    """Somebody is to be told of their turn; the promise moves on to the next word."""
    team_id = deadline.subject_id
    if not Team.objects.filter(pk=team_id).exists():
        return {"team": "gone"}
    told = say_turns(team_id, since=deadline.due_at, now=due.now)
    move(deadline.key, next_word(team_id, now=due.now), now=due.now)
    return {"told": told}


def _many(now: datetime) -> bool:
    overdue = Deadline.objects.filter(
        kind=LOOK, state=State.PENDING, run_at__lte=now, due_at__lt=now - LATE
    )
    return overdue.count() > MANY


def _label(team_id: int) -> str:
    name = Team.objects.filter(pk=team_id).values_list("name", flat=True).first()
    return f"the roster of {name}" if name else f"the roster of team {team_id}"


def register() -> None:
    """Tells the clock about rosters and their kinds of promises."""
    register_subject(SUBJECT, lock=lock, label=_label)
    register_kind(Kind(LOOK, Nature.ACT, Reach.DIGEST, on_look_due, "Look at the roster"))
    register_kind(Kind(TURN, Nature.ACT, Reach.NOW, on_turn_due, "Say whose turn it is"))
