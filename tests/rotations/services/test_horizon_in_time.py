"""As time goes on and the roster changes at random: the table is what the rules say, and the past what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from directory.models import Team, User
from rotations.enums import Level, PlanState
from rotations.models import Override, Plan, RosterRules, Rota, Shift
from rotations.queries import OnCall, held_at, held_between, on_call_of, shifts_of
from rotations.services.horizon import redraw
from tests.directory import factories as people
from tests.rotations.factories import make_rota, make_secondary

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 20, 3, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEKS = 4
STEPS = 14


class World:
    """A team with a primary in one of several zones, its derived secondary, and a shadow by the day."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.now = START
        self.team: Team = people.make_team()
        self.crew: list[User] = [people.make_engineer(self.team) for _ in range(5)]
        self.zone = zone = chance.choice(
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]
        )
        self.primary = make_rota(self.team, self.crew[:4], zone=zone, starts_on=date(2026, 1, 5))
        make_secondary(self.primary, zone=zone)
        make_rota(self.team, self.crew[3:], unit="day", level=Level.SHADOW, zone=zone)
        RosterRules.objects.filter(team=self.team).update(horizon_weeks=WEEKS)
        self.rotas = Rota.objects.filter(team=self.team)
        self.known: dict[datetime, list[OnCall]] = {}

    def change(self) -> None:
        self.chance.choice([self.override, self.vacate, self.take_back, self.plan, self.rest])()
        redraw(self.team.pk, now=self.now)

    def rest(self) -> None:
        pass

    def override(self) -> None:
        self._override(self.chance.choice(self.crew))

    def vacate(self) -> None:
        self._override(None)

    def _override(self, person: User | None) -> None:
        starts_at = self.now + HOUR * self.chance.randint(0, 24 * 14)
        Override.objects.create(
            rota=self.chance.choice(list(self.rotas)), user=person, starts_at=starts_at,
            ends_at=starts_at + HOUR * self.chance.randint(1, 24 * 9), created_at=self.now,
        )  # fmt: skip

    def take_back(self) -> None:
        standing = list(Override.objects.filter(ends_at__gt=self.now).order_by("pk"))
        if not standing:
            return
        override = self.chance.choice(standing)
        if override.starts_at >= self.now:
            override.delete()
        else:
            Override.objects.filter(pk=override.pk).update(ends_at=self.now)

    def plan(self) -> None:
        order = self.chance.sample(self.crew, 4)
        at = self.now + HOUR * self.chance.choice([0, 24 * 3, 24 * 10])
        Plan.objects.filter(rota=self.primary, effective_at__gte=at).update(
            state=PlanState.WITHDRAWN
        )
        made = Plan.objects.create(
            rota=self.primary, state=PlanState.PUBLISHED, effective_at=at,
            starts_on=date(2026, 1, 5), zone=self.zone,
            unit=self.chance.choice(["week", "day"]),
        )  # fmt: skip
        for position, person in enumerate(order):
            made.members.create(user=person, position=position)

    def go_on(self) -> None:
        self.known[self.now] = on_call_of(self.rotas, at=self.now)
        self.now += HOUR * self.chance.randint(1, 24 * 4)
        redraw(self.team.pk, now=self.now)


def at_an_instant(held: list[OnCall]) -> list[tuple[int, int, str]]:
    return sorted((one.rota_id, one.user_id, one.why) for one in held)


@pytest.mark.clause("C5", "C7")
@pytest.mark.parametrize("seed", range(6))
def test_the_table_follows_the_rules_and_the_past_stays_as_it_was(seed: int) -> None:
    world = World(Random(seed))  # noqa: S311 - no secret
    redraw(world.team.pk, now=world.now)
    for _ in range(STEPS):
        world.change()
        now, until = world.now, world.now + timedelta(weeks=WEEKS)
        wanted = [
            (one.rota_id, one.user_id, max(one.starts_at, now), one.ends_at, one.why)
            for one in shifts_of(world.rotas, start=now, end=until)
        ]
        drawn = [
            (one.rota_id, one.user_id, max(one.starts_at, now), one.ends_at, one.why)
            for one in Shift.objects.filter(team=world.team, ends_at__gt=now, starts_at__lt=until)
        ]
        assert sorted(drawn) == sorted(wanted)
        world.go_on()
    for at, known in world.known.items():
        found = held_at(world.rotas, at=at, now=world.now)
        assert at_an_instant(found) == at_an_instant(known), at
        spans = held_between(world.rotas, start=at, end=at + HOUR / 60, now=world.now)
        assert at_an_instant([one for one in spans if one.starts_at <= at < one.ends_at]) == (
            at_an_instant(known)
        )
    whole = held_between(world.rotas, start=START, end=world.now + HOUR, now=world.now)
    for rota in world.rotas:
        own = [replace(one, why="") for one in whole if one.rota_id == rota.pk]
        assert all(a.ends_at <= b.starts_at for a, b in zip(own, own[1:], strict=False))
