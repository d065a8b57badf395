"""Everything the roster proof judges a team by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

import holidays

from directory.models import Team, User
from directory.queries import HOLIDAY_YEARS
from rotations.models import RosterRules, Rota, TimeOff
from rotations.queries.facts import PlanRow, facts_of, overrides_of
from rotations.queries.roster import methods_of
from rotations.rules.facts import Limits, PersonFacts, TeamFacts, TimeOffFacts


def rules_of(team_id: int) -> RosterRules:
    """The team's roster rules; the defaults, unsaved, where it has none yet."""
    return RosterRules.objects.filter(team_id=team_id).first() or RosterRules(team_id=team_id)


def team_facts(
    team_id: int,
    *,
    start: datetime,
    end: datetime,
    instead: Mapping[int, Sequence[PlanRow]] | None = None,
    active: Mapping[int, bool] | None = None,
) -> TeamFacts:
    """The team's active rotas with all that bears on them between the instants. Seven queries.

    `instead` gives other plans for some rotas, such as what a draft would make of them; `active` says of
    some whether they count.
    """
    team = Team.objects.get(pk=team_id)
    rules = rules_of(team_id)
    counted = dict(Rota.objects.filter(team_id=team_id).values_list("pk", "active"))
    counted |= dict(active or {})
    facts = facts_of([team_id], instead=instead)
    overrides = overrides_of([team_id], start=start, end=end)[team_id]
    named = {override.user_id for override in overrides if override.user_id is not None}
    named |= {one for rota in facts.values() for plan in rota.plans for one in plan.members}
    return TeamFacts(
        team_id=team_id,
        rotas=tuple(rota for pk, rota in facts.items() if counted.get(pk)),
        overrides=overrides,
        time_off=tuple(
            TimeOffFacts(*values)
            for values in TimeOff.objects.filter(
                user_id__in=named, ends_at__gt=start, starts_at__lt=end
            )
            .order_by("starts_at", "pk")
            .values_list("user_id", "starts_at", "ends_at")
        ),
        people=_people(named),
        limits=Limits(
            cover_always=rules.cover_always,
            two_people=rules.two_people,
            min_rest=timedelta(hours=rules.min_rest_hours),
            most_weeks_in_row=rules.most_weeks_in_row,
        ),
        zone=team.zone,
        holidays=holiday_names(team),
    )


def _people(ids: set[int]) -> dict[int, PersonFacts]:
    reachable = methods_of(ids)
    rows = User.objects.filter(pk__in=ids).only("id", "name", "email", "is_active")
    return {
        person.pk: PersonFacts(
            person.pk, str(person), active=person.is_active, reachable=person.pk in reachable
        )
        for person in rows
    }


def holiday_names(team: Team) -> Mapping[date, str]:
    """The team's public holidays and its further days off, by date."""
    extra = dict.fromkeys(team.extra_holidays, "day off")
    if not team.holiday_country:
        return extra
    return {**_public_holidays(team.holiday_country, team.holiday_subdivision), **extra}


@lru_cache(maxsize=64)
def _public_holidays(country: str, subdivision: str) -> Mapping[date, str]:
    named = holidays.country_holidays(
        country, subdiv=subdivision or None, years=HOLIDAY_YEARS, language="en_US"
    )
    return dict(named)
