"""The sample team: it fills an empty database by the same verbs people use, and only an empty one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from deadlines.enums import State
from deadlines.models import Deadline
from directory.models import Team, User
from incidents.models import Incident, TimelineEntry
from notifications.enums import PageState
from notifications.models import Page
from portal.demo.credentials import refresh_credentials
from portal.demo.stories import HISTORY, OPEN_NOW
from rotations.enums import BreachKind, SwapState
from rotations.models import Breach, Shift, Swap
from rotations.queries import roster, who_is_on_call

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_an_empty_database_becomes_a_living_team_and_a_second_run_adds_nothing(
    data_dir: Path,
) -> None:
    call_command("load_procedure", "procedures/mother_harness.toml", stdout=StringIO())
    call_command("seed_demo", stdout=StringIO())
    team = Team.objects.get()

    assert Incident.objects.count() == len(HISTORY) + len(OPEN_NOW)
    assert all(user.email.endswith(".invalid") for user in User.objects.all())
    assert not Page.objects.filter(state__in=[PageState.PENDING, PageState.SENDING]).exists()
    for incident in Incident.objects.all():
        numbers = list(
            TimelineEntry.objects.filter(incident=incident)
            .order_by("number")
            .values_list("number", flat=True)
        )
        assert numbers == list(range(1, len(numbers) + 1))
    assert Deadline.objects.filter(state=State.MISSED, kind="incident.acknowledge").exists()
    assert Incident.objects.filter(restricted=True).count() == 1
    assert Incident.objects.filter(false_positive=True).count() == 1

    now = datetime.now(UTC)
    assert Shift.objects.filter(ends_at__lte=now).exists()
    assert set(
        Shift.objects.filter(starts_at__lte=now, ends_at__gt=now).values_list("level", "user_id")
    ) == {(held.level, held.user_id) for held in who_is_on_call(at=now)}
    assert Swap.objects.get().state == SwapState.ASKED
    assert not Breach.objects.filter(blocking=True, waived_at=None).exists()
    assert Breach.objects.filter(blocking=True, kind=BreachKind.TIME_OFF).count() == 1
    assert Deadline.objects.filter(kind="rotations.look", state=State.PENDING).count() == 1
    answering = roster(team.pk, at=now)
    for role in (
        "engineering-manager",
        "vp-engineering",
        "ciso",
        "security-team",
        "legal",
        "pr",
        "c-level",
    ):
        assert answering.role(role), role

    path = data_dir / "demo.json"
    assert path.stat().st_mode & 0o777 == 0o600
    facts = json.loads(path.read_text())
    assert {"base_url", "users", "api_tokens", "integration_keys", "rotas", "services"} <= set(
        facts
    )
    assert {"manager", "primary", "secondary", "engineer", "security", "outsider", "admin"} <= set(
        facts["users"]
    )
    before = Incident.objects.count()
    call_command("seed_demo", stdout=StringIO())
    assert Incident.objects.count() == before
    assert json.loads(path.read_text())["users"] == facts["users"]

    next_week = now + timedelta(days=7)
    refresh_credentials(now=next_week)
    held = {
        shift.level: shift.user_id for shift in who_is_on_call(at=next_week, team_ids=[team.pk])
    }
    told = json.loads(path.read_text())["users"]["primary"]["username"]
    assert told == User.objects.get(pk=held["primary"]).email
    assert told != facts["users"]["primary"]["username"]
