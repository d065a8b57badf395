"""`manage.py check_roster`: what is printed, and how it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from directory.models import Team, User
from rotations.enums import BreachKind
from rotations.management.commands import check_roster
from rotations.models import Breach, Rota
from rotations.rules.proof import Breach as Found
from rotations.services.breaches import keep_breaches
from tests.directory import factories as people
from tests.rotations.factories import make_rota

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ann() -> User:
    return people.make_user("Ann")


@pytest.fixture
def rota(ann: User) -> Rota:
    return make_rota(people.make_team("platform", name="Platform"), [ann])


def check(**options: Any) -> tuple[str, int]:
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        try:
            call_command("check_roster", stdout=out, **options)
        except SystemExit as end:
            return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def find(monkeypatch: pytest.MonkeyPatch, *found: Found) -> list[timedelta]:
    asked: list[timedelta] = []

    def prove(team: object, *, start: datetime, end: datetime) -> tuple[Found, ...]:
        asked.append(end - start)
        return found

    monkeypatch.setattr(check_roster, "prove", prove)
    return asked


def breach(ann: User, *, blocking: bool) -> Found:
    return Found(
        BreachKind.TIME_OFF, "k", "C6", "primary", None, (ann.pk,), NOW + HOUR, NOW + HOUR * 3, blocking,
        "Somebody is away.",
    )  # fmt: skip


def test_a_clean_roster_ends_well(rota: Rota, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = find(monkeypatch)
    assert check() == ("Platform: nothing is amiss until 2026-07-15\n", 0)
    assert check(team="platform", weeks=2)[1] == 0
    assert asked == [timedelta(weeks=26), timedelta(weeks=2)]


def test_each_breach_is_named_with_clause_minutes_and_people(
    rota: Rota, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(monkeypatch, breach(ann, blocking=True))
    text, code = check()
    assert code == 1
    assert text.splitlines()[1] == (
        "  blocks: Somebody is away (C6): 2026-01-14 04:10 to 2026-01-14 06:10 UTC, 120 min, Ann"
    )


def test_warnings_and_what_a_manager_waived_end_well(
    rota: Rota, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(monkeypatch, breach(ann, blocking=False))
    text, code = check()
    assert (code, "  warning: " in text) == (0, True)
    found = breach(ann, blocking=True)
    find(monkeypatch, found)
    keep_breaches(
        rota.team_id, [found], now=NOW, waived={"k"}, waived_by=ann, waiver_reason="Known"
    )
    text, code = check()
    assert (code, "  waived: " in text) == (0, True)
    assert Breach.objects.count() == 1


def test_teams_without_a_rota_are_left_out_and_unknown_ones_refused() -> None:
    Team.objects.all().delete()
    people.make_team("empty")
    assert check() == ("", 0)
    with pytest.raises(CommandError):
        check(team="nowhere")
    with pytest.raises(CommandError):
        check(team="empty", weeks=0)
