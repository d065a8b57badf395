"""Rotas for tests: plain functions that make rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

import pytest

from directory.models import Team, User
from notifications.models import ContactMethod
from rotations.enums import BreachKind, Level, Why
from rotations.models import Override, Rota
from rotations.rules import resolver
from rotations.rules.facts import TeamFacts
from rotations.rules.proof import Breach
from rotations.services import changing, found_rota
from tests.directory import factories as people

_numbers = count(1)


def make_rota(team: Team, crew: Sequence[User] = (), **fields: Any) -> Rota:
    """A weekly primary, Monday 9:00 UTC, whose first shift is the first person's in the week of
    2026-01-05; other `fields` win."""
    number = next(_numbers)
    slug = fields.pop("slug", f"{team.slug}-rota-{number}")
    defaults = {"name": slug.title(), "starts_on": date(2026, 1, 5), "level": Level.PRIMARY.value}
    return found_rota(team, slug, crew, **(defaults | fields))


def make_secondary(primary: Rota, **fields: Any) -> Rota:
    """The secondary derived from the primary: the next in order."""
    return make_rota(
        primary.team, derived_from=primary, level=Level.SECONDARY.value,
        starts_on=primary.plans.get().starts_on, **fields,
    )  # fmt: skip


def make_override(rota: Rota, user: User, starts_at: datetime, ends_at: datetime) -> Override:
    return Override.objects.create(
        rota=rota, user=user, starts_at=starts_at, ends_at=ends_at, created_at=starts_at
    )


def make_reachable(team: Team, name: str = "", **fields: Any) -> User:
    """An engineer of the team with a verified contact method."""
    user = people.make_engineer(team, name, **fields)
    make_method(user)
    return user


def make_method(user: User) -> None:
    """A verified way to reach the person."""
    ContactMethod.objects.create(
        user=user, kind="mail", channel="mail", address=user.email, verified_at=people.NOW
    )


def away_is_a_breach(monkeypatch: pytest.MonkeyPatch, user: User, *, by_turn: bool = False) -> None:
    """A proof that finds one thing: this person holding a rota of the team out of turn, or `by_turn` too."""

    def prove(team: TeamFacts, *, start: datetime, end: datetime) -> tuple[Breach, ...]:
        return tuple(
            Breach(
                BreachKind.TIME_OFF, f"time_off:{rota.id}:{held.starts_at:%Y%m%d%H%M}", "C11",
                rota.level, rota.id, (user.pk,), held.starts_at, held.ends_at, True,
                f"{user} is away",
            )
            for rota in team.rotas
            for held in resolver.holdings(rota, team.overrides, start=start, end=end)
            if held.user_id == user.pk and (by_turn or held.why != Why.ROTA)
        )  # fmt: skip

    monkeypatch.setattr(changing, "prove", prove)
