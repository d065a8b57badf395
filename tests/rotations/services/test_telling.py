"""A change of the roster is told to exactly those whose shifts it moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from directory.models import Team, User
from directory.permissions import actor_of
from notifications.enums import Purpose
from notifications.models import PageOut
from rotations.models import Override, Rota
from rotations.services.changing import changing
from rotations.services.horizon import redraw
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota, make_secondary
from tests.rotations.reach import make_reachable

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
HANDOFF = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform", name="Platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    found = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo", "Dave", "Eve")]
    make_reachable(*found)
    return found


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    rota = make_rota(team, crew[:4], name="Primary")
    redraw(team.pk, now=NOW)
    return rota


def texts() -> dict[str, str]:
    return {out.user.name: out.message["text"] for out in PageOut.objects.all() if out.user}


def test_who_gives_and_who_takes_are_told_before_and_after_and_nobody_else(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    User.objects.filter(pk=crew[4].pk).update(zone="America/New_York")
    people.make_manager(team)
    with changing(team.pk, now=NOW, actor=actor_of(crew[4])):
        make_override(primary, crew[4], HANDOFF, HANDOFF + DAY)
    said = texts()
    assert set(said) == {"Cleo", "Eve"}
    assert said["Cleo"].splitlines()[:8] == [
        "Eve has changed the roster of Platform, and with it your shifts.",
        "",
        "Before:",
        "  Primary: Mon 19 Jan 09:00 UTC to Mon 26 Jan 09:00 UTC",
        "",
        "Now:",
        "  Primary: Tue 20 Jan 09:00 UTC to Mon 26 Jan 09:00 UTC",
        "",
    ]
    assert said["Eve"].splitlines()[2:7] == [
        "Before:",
        "  nothing",
        "",
        "Now:",
        "  Primary: Mon 19 Jan 04:00 EST to Tue 20 Jan 04:00 EST",
    ]
    assert f"/rotations/{primary.slug}/" in said["Cleo"]
    assert set(PageOut.objects.values_list("purpose", flat=True)) == {Purpose.NOTE}


def test_each_change_is_told_once_and_the_next_one_again(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    with changing(team.pk, now=NOW):
        override = make_override(primary, crew[4], HANDOFF, HANDOFF + DAY)
    assert PageOut.objects.count() == 2
    with changing(team.pk, now=NOW):
        Override.objects.filter(pk=override.pk).delete()
    assert PageOut.objects.count() == 4
    with changing(team.pk, now=NOW):
        pass
    assert PageOut.objects.count() == 4


def test_a_running_shift_is_told_from_now_on(team: Team, primary: Rota, crew: list[User]) -> None:
    with changing(team.pk, now=NOW) as outcome:
        outcome.said = "Eve has taken over from Ben."
        make_override(primary, crew[4], NOW, HANDOFF)
    said = texts()
    assert set(said) == {"Ben", "Eve"}
    assert said["Ben"].splitlines()[:7] == [
        "Eve has taken over from Ben.",
        "",
        "Before:",
        "  Primary: now until Mon 19 Jan 09:00 UTC",
        "",
        "Now:",
        "  nothing",
    ]


def test_those_whom_a_change_moves_at_another_level_are_told_too(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    secondary = make_secondary(primary, name="Secondary")
    redraw(team.pk, now=NOW)
    with changing(team.pk, now=NOW):
        make_override(primary, crew[3], HANDOFF, HANDOFF + WEEK)
    said = texts()
    assert set(said) == {"Ann", "Cleo", "Dave"}  # Dave was to be secondary then: now Ann is
    assert "Secondary: Mon 19 Jan" in said["Ann"]
    assert str(secondary.name) in said["Dave"]


def test_a_refused_change_tells_nobody(team: Team, primary: Rota, crew: list[User]) -> None:
    def change() -> None:
        with changing(team.pk, now=NOW):
            make_override(primary, crew[4], HANDOFF, HANDOFF + DAY)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    assert not PageOut.objects.exists()


def test_a_long_list_is_counted_not_listed(team: Team, primary: Rota, crew: list[User]) -> None:
    with changing(team.pk, now=NOW):
        plan = primary.plans.get()
        plan.members.all().delete()
        for position, person in enumerate([crew[4], crew[0]]):
            plan.members.create(user=person, position=position)
    said = texts()
    assert set(said) == {"Ann", "Ben", "Cleo", "Dave", "Eve"}
    assert "and 1 more, the last until" in said["Eve"]
    assert all(len(text.splitlines()) < 40 for text in said.values())


def test_who_has_left_is_not_told(team: Team, primary: Rota, crew: list[User]) -> None:
    User.objects.filter(pk=crew[2].pk).update(is_active=False)
    with changing(team.pk, now=NOW):
        make_override(primary, crew[4], HANDOFF, HANDOFF + DAY)
    assert set(texts()) == {"Eve"}
