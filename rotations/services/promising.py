"""The promises about a team's roster: one open promise of each kind, moved from time to time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from deadlines.enums import State
from deadlines.models import Deadline
from deadlines.queries import open_promises
from deadlines.services import Promise, move, schedule
from rotations.enums import PlanState
from rotations.models import Plan, RosterRules, Rota
from rotations.queries.messages import SUBJECT

LOOK = "rotations.look"
TURN = "rotations.turn"
HOUR = timedelta(hours=1)
_PRIME = 1613


def lock(team_id: int) -> bool:
    """How the clock takes a roster: the same row that every change of it locks."""
    rows = RosterRules.objects.filter(team_id=team_id)
    if rows.select_for_update(skip_locked=True).values_list("pk", flat=True).first() is not None:
        return True
    return not rows.exists()


def next_look(team_id: int, after: datetime) -> datetime:
    """When the team is looked at next: each team at a minute and second of its own in every hour."""
    hour = after.replace(minute=0, second=0, microsecond=0)
    at = hour + timedelta(seconds=team_id * _PRIME % 3600)
    return at if at > after else at + HOUR


def keep_looking(team_id: int, *, now: datetime) -> None:
    """Sees to it that the team's roster is looked at every hour."""
    if _standing(team_id, LOOK) is None:
        promise(team_id, LOOK, next_look(team_id, now), now=now)


def published_rotas() -> QuerySet[Rota]:
    """Those with a published plan: one that was only drafted is no roster yet."""
    plans = Plan.objects.filter(rota=OuterRef("pk"), state=PlanState.PUBLISHED)
    return Rota.objects.filter(Exists(plans))


def look_at_all(*, now: datetime) -> list[int]:
    """Every team that has published a plan is looked at, those at once of which nobody had thought. Returns
    these."""
    looked_at = Deadline.objects.filter(subject_type=SUBJECT, kind=LOOK, state=State.PENDING)
    forgotten = (
        published_rotas()
        .exclude(team_id__in=looked_at.values("subject_id"))
        .order_by("team_id")
        .values_list("team_id", flat=True)
        .distinct()
    )
    found = list(forgotten)
    for team_id in found:
        promise(team_id, LOOK, now, now=now)
    return found


def stand_at(team_id: int, kind: str, at: datetime, *, now: datetime) -> None:
    """The team's open promise of the kind falls due then. One that is due already is left to the clock."""
    standing = _standing(team_id, kind)
    if standing is None:
        promise(team_id, kind, at, now=now)
    elif standing.due_at > now and standing.due_at != at:
        move(standing.key, at, now=now)


def promise(team_id: int, kind: str, at: datetime, *, now: datetime) -> None:
    name = kind.rpartition(".")[2]
    schedule(
        [
            Promise(
                kind=kind,
                subject_type=SUBJECT,
                subject_id=team_id,
                key=f"roster:{team_id}:{name}:{now.isoformat()}",
                due_at=at,
                owed_by="Watchbill",
                team_id=team_id,
            )
        ],
        now=now,
    )


def _standing(team_id: int, kind: str) -> Deadline | None:
    return open_promises(SUBJECT, [team_id]).filter(kind=kind).first()
