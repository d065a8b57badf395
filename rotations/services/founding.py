"""A rota with a plan in force at once, for setting a team up: demo, imports, tests. Nobody is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from directory.models import Team, User
from rotations.enums import Level, PlanState
from rotations.models import Plan, PlanMember, RosterRules, Rota


@transaction.atomic
def found_rota(
    team: Team, slug: str, people: Sequence[User] = (), *, name: str = "", level: str = Level.PRIMARY,
    active: bool = True, **plan: Any,
) -> Rota:  # fmt: skip
    """A rota of these people in their order, in force since its first shift; `plan` has the plan's other
    fields, `starts_on` at least."""
    RosterRules.objects.get_or_create(team=team)
    rota = Rota.objects.create(team=team, slug=slug, name=name or slug, level=level, active=active)
    made = Plan.objects.create(rota=rota, state=PlanState.PUBLISHED, **plan)
    PlanMember.objects.bulk_create(
        PlanMember(plan=made, user=person, position=position)
        for position, person in enumerate(people)
    )
    return rota
