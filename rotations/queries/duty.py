"""What stands against planned work in a slot: who is on call then, and handoffs that lie in it (C230, X4)."""

from __future__ import annotations

from datetime import datetime

from rotations.enums import Level
from rotations.models import Rota
from rotations.queries.oncall import OnCall, shifts_of

DUTY = (Level.PRIMARY, Level.SECONDARY)


def duty_of(user_id: int, team_id: int, *, start: datetime, end: datetime) -> list[OnCall]:
    """The stretches in which the person is the team's primary or secondary between the instants, whole."""
    rotas = Rota.objects.filter(team_id=team_id, active=True, level__in=DUTY)
    return [one for one in shifts_of(rotas, start=start, end=end) if one.user_id == user_id]


def handoffs_within(team_id: int, *, start: datetime, end: datetime) -> list[datetime]:
    """The instants after `start` and before `end` at which a primary's stretch begins, in order (UTC)."""
    rotas = Rota.objects.filter(team_id=team_id, active=True, level=Level.PRIMARY)
    held = shifts_of(rotas, start=start, end=end)
    return sorted({one.starts_at for one in held if start < one.starts_at < end})
