"""Who held the pager in the past: every door answers from the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from directory.models import User
from rotations.models import PlanMember, Rota
from rotations.services.horizon import redraw
from tests.directory import factories as people
from tests.rotations.factories import make_rota

pytestmark = pytest.mark.django_db
THEN = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
NOW = datetime(2026, 1, 21, 3, 10, tzinfo=UTC)


@pytest.fixture
def crew() -> list[User]:
    team = people.make_team("platform")
    return [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def rota(crew: list[User]) -> Rota:
    """Ben held it then. Since then he has been taken out of the list."""
    found = make_rota(crew[0].memberships.get().team, crew, slug="primary")
    redraw(found.team_id, now=THEN)
    redraw(found.team_id, now=NOW)
    PlanMember.objects.filter(user=crew[1]).delete()
    redraw(found.team_id, now=NOW)
    return found


def test_the_api_s_past_is_as_it_was(rota: Rota, crew: list[User]) -> None:
    client = Client(headers={"Authorization": f"Bearer {people.make_key(crew[0], now=NOW)}"})
    with time_machine.travel(NOW, tick=False):
        at = client.get("/api/v1/on-call/", {"at": THEN.isoformat()}).json()
        shifts = client.get(
            "/api/v1/shifts/", {"start": THEN.isoformat(), "end": (NOW + timedelta(1)).isoformat()}
        ).json()
    assert [one["user"]["name"] for one in at["results"]] == ["Ben"]
    assert [one["user"]["name"] for one in shifts["results"]][:2] == ["Ben", "Cleo"]


def test_the_command_s_past_is_as_it_was(rota: Rota) -> None:
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("who_is_on_call", at=THEN.isoformat(), stdout=out)
    assert out.getvalue().startswith("primary (primary): Ben, 2026-01-12 09:00 to 2026-01-19 09:00")
