"""Whom to ask to take a stretch: who is free then, and has carried least."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from directory.models import Team
from notifications.enums import Purpose
from notifications.models import PageOut
from rotations.enums import PlanState
from rotations.models import PlanMember, Rota, Shift
from rotations.queries.oncall import shifts_of
from rotations.queries.team import rules_of, team_facts
from rotations.rules.fairness import (
    Candidates,
    Load,
    PageFacts,
    ShiftFacts,
    Suggestion,
    Times,
    loads,
    suggest,
)
from rotations.rules.standing_in import order_after

LOOKS_BACK = timedelta(weeks=13)
NEAR = timedelta(days=15)


def suggestions(
    rota: Rota, *, starts_at: datetime, ends_at: datetime, now: datetime
) -> tuple[Suggestion, ...]:
    """Whom to ask, in order: the rota's people, then those of the team's other rotas; never who holds it then.

    The load is that of the last 13 weeks, on any rota. A fixed number of queries.
    """
    team = team_facts(rota.team_id, start=starts_at - NEAR, end=ends_at + NEAR)
    facts = next((one for one in team.rotas if one.id == rota.pk), None)
    own = shifts_of(Rota.objects.filter(pk=rota.pk), start=starts_at, end=ends_at)
    givers = {held.user_id for held in own}
    order = order_after(facts, next(iter(givers), 0), at=starts_at) if facts else ()
    others = (one for each in team.rotas for plan in each.plans for one in plan.members)
    asked = [one for one in dict.fromkeys([*order, *others]) if one not in givers]
    return suggest(
        Candidates(
            user_ids=asked,
            people=team.people,
            shifts=_shifts(asked, starts_at - NEAR, ends_at + NEAR),
            time_off=team.time_off,
            loads=_loads(rota.team, asked, start=now - LOOKS_BACK, end=now),
            min_rest=team.limits.min_rest,
        ),
        start=starts_at,
        end=ends_at,
    )


def _shifts(user_ids: Sequence[int], start: datetime, end: datetime) -> list[ShiftFacts]:
    """What the people hold between the instants, in whichever team."""
    teams = PlanMember.objects.filter(user_id__in=user_ids, plan__state=PlanState.PUBLISHED)
    rotas = Rota.objects.filter(active=True, team__in=teams.values("plan__rota__team_id"))
    wanted = set(user_ids)
    return [
        ShiftFacts(held.user_id, held.rota_id, held.level, held.starts_at, held.ends_at)
        for held in shifts_of(rotas, start=start, end=end)
        if held.user_id in wanted
    ]


def _loads(
    team: Team, user_ids: Sequence[int], *, start: datetime, end: datetime
) -> dict[int, Load]:
    rules = rules_of(team.pk)
    held = Shift.objects.filter(user_id__in=user_ids, ends_at__gt=start, starts_at__lt=end)
    shifts = held.values_list("user_id", "rota_id", "level", "starts_at", "ends_at")
    pages = PageOut.objects.filter(
        user_id__in=user_ids, purpose=Purpose.PAGE, sent_at__gte=start, sent_at__lt=end
    ).values_list("user_id", "sent_at")
    return loads(
        (ShiftFacts(*row) for row in shifts),
        (PageFacts(user_id, at) for user_id, at in pages if user_id and at),
        Times(zone=team.zone, night_from=rules.night_from, night_until=rules.night_until),
        start=start,
        end=end,
    )
