"""Rotas for tests: plain functions that make rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

from directory.models import Team, User
from rotations.enums import Level
from rotations.models import Override, Rota
from rotations.services import found_rota

_numbers = count(1)


def make_rota(team: Team, people: Sequence[User] = (), **fields: Any) -> Rota:
    """A weekly primary, Monday 9:00 UTC, whose first shift is the first person's in the week of
    2026-01-05; other `fields` win."""
    number = next(_numbers)
    slug = fields.pop("slug", f"{team.slug}-rota-{number}")
    defaults = {"name": slug.title(), "starts_on": date(2026, 1, 5), "level": Level.PRIMARY.value}
    return found_rota(team, slug, people, **(defaults | fields))


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
