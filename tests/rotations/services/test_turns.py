"""Reminders and word of the pager's change: by the clock, once each, to exactly whom it concerns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deadlines.models import Deadline
from deadlines.services import enforce
from directory.models import Team, User
from notifications.enums import MethodKind
from notifications.models import ContactMethod, Page, PageOut
from rotations.enums import Level
from rotations.models import Override, Rota
from rotations.services.changing import changing
from rotations.services.horizon import redraw
from rotations.services.promising import TURN
from rotations.services.turns import next_word, plan_turns
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota, make_secondary
from tests.rotations.reach import make_reachable

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
HANDOFF = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform", name="Platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    found = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]
    make_reachable(*found)
    return found


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew, name="Primary")


def begin(team: Team) -> None:
    redraw(team.pk, now=NOW)
    plan_turns(team.pk, now=NOW)


def live_until(team: Team, end: datetime) -> list[tuple[datetime, str, str]]:
    """Lets the clock come by whenever it wants to; what it said: when, to whom, what."""
    known = set(PageOut.objects.values_list("pk", flat=True))
    while (due := Deadline.objects.get(kind=TURN).due_at) <= end:
        enforce(now=due)
    rows = PageOut.objects.exclude(pk__in=known).order_by("created_at", "user__name")
    return [(out.created_at, out.user.name, out.message["subject"]) for out in rows if out.user]


@pytest.mark.clause("C7")
def test_a_handoff_is_announced_to_who_comes_and_said_to_both_at_its_instant(
    team: Team, primary: Rota
) -> None:
    begin(team)
    assert live_until(team, HANDOFF + HOUR) == [
        (HANDOFF - DAY, "Cleo", "You are on call tomorrow: Primary"),
        (HANDOFF - HOUR, "Cleo", "You are on call in an hour: Primary"),
        (HANDOFF, "Ben", "You are off call: Primary"),
        (HANDOFF, "Cleo", "You are on call now: Primary"),
    ]


def test_who_goes_from_one_level_to_another_hears_both_in_one_message(
    team: Team, primary: Rota
) -> None:
    make_secondary(primary, name="Secondary")
    begin(team)
    said = [(who, what) for at, who, what in live_until(team, HANDOFF) if at == HANDOFF]
    assert said == [
        ("Ann", "You are on call now: Secondary"),
        ("Ben", "You are off call: Primary"),
        ("Cleo", "You are on call now: Primary; You are off call: Secondary"),
    ]


def test_the_same_person_s_next_shift_of_a_rota_is_no_news(team: Team, crew: list[User]) -> None:
    make_rota(team, crew[:1])
    make_rota(team, crew[1:], level=Level.SHADOW, name="Shadow")
    begin(team)
    assert {who for _, who, _ in live_until(team, HANDOFF + WEEK)} == {"Ben", "Cleo"}


def test_nothing_is_said_twice_however_often_the_clock_comes_by(team: Team, primary: Rota) -> None:
    begin(team)
    assert len(live_until(team, HANDOFF)) == 4
    Deadline.objects.filter(kind=TURN).update(due_at=HANDOFF, run_at=HANDOFF)
    enforce(now=HANDOFF + timedelta(seconds=1))
    assert PageOut.objects.count() == 4


def test_after_an_outage_only_what_still_makes_sense_is_said(team: Team, primary: Rota) -> None:
    begin(team)
    enforce(now=HANDOFF + HOUR)
    assert sorted(PageOut.objects.values_list("user__name", "message__subject")) == [
        ("Ben", "You are off call: Primary"),
        ("Cleo", "You are on call now: Primary"),
    ]


def test_a_reminder_that_comes_late_says_from_when(team: Team, primary: Rota) -> None:
    begin(team)
    enforce(now=HANDOFF - HOUR * 5)
    [out] = PageOut.objects.all()
    assert out.message["subject"] == "You are on call from 09:00 UTC: Primary"


def test_a_shift_that_moves_takes_its_reminders_along(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    begin(team)
    assert next_word(team.pk, now=NOW) == HANDOFF - DAY
    with changing(team.pk, now=NOW):
        make_override(primary, crew[0], HANDOFF, HANDOFF + DAY * 2)
    PageOut.objects.all().delete()
    said = live_until(team, HANDOFF + DAY * 2)
    assert said == [
        (HANDOFF - DAY, "Ann", "You are on call tomorrow: Primary"),
        (HANDOFF - HOUR, "Ann", "You are on call in an hour: Primary"),
        (HANDOFF, "Ann", "You are on call now: Primary"),
        (HANDOFF, "Ben", "You are off call: Primary"),
        (HANDOFF + DAY, "Cleo", "You are on call tomorrow: Primary"),
        (HANDOFF + DAY * 2 - HOUR, "Cleo", "You are on call in an hour: Primary"),
        (HANDOFF + DAY * 2, "Ann", "You are off call: Primary"),
        (HANDOFF + DAY * 2, "Cleo", "You are on call now: Primary"),
    ]


def test_a_change_at_the_last_minute_leaves_what_is_due_to_the_clock(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    begin(team)
    live_until(team, HANDOFF - HOUR)
    PageOut.objects.all().delete()
    with changing(team.pk, now=HANDOFF + timedelta(seconds=3)):
        make_override(primary, crew[0], HANDOFF + DAY * 3, HANDOFF + DAY * 4)
    PageOut.objects.all().delete()
    enforce(now=HANDOFF + timedelta(seconds=5))
    assert set(PageOut.objects.values_list("user__name", "message__subject")) == {
        ("Ben", "You are off call: Primary"),
        ("Cleo", "You are on call now: Primary"),
    }


def test_a_month_without_a_word_is_looked_into_every_week(team: Team, crew: list[User]) -> None:
    make_rota(team, crew, unit="month", length=3)
    begin(team)
    assert Deadline.objects.get(kind=TURN).due_at == NOW + WEEK
    assert live_until(team, NOW + WEEK * 2) == []


def test_it_comes_by_the_way_the_person_has_chosen_on_their_own_clock(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    User.objects.filter(pk=crew[2].pk).update(zone="Asia/Kolkata")
    ContactMethod.objects.create(
        user=crew[2], kind=MethodKind.MAIL, channel="mail", address="cleo@home.example", verified_at=NOW
    )  # fmt: skip
    begin(team)
    enforce(now=HANDOFF)
    page = Page.objects.get(page_out__user=crew[2])
    assert (page.address, page.channel) == ("cleo@home.example", "mail")
    text = page.page_out.message["text"]
    assert "Primary: until Mon 26 Jan 14:30 IST" in text
    assert f"/rotations/{primary.slug}/" in text


def test_a_team_that_is_gone_is_told_nothing_more(team: Team) -> None:
    plan_turns(team.pk, now=NOW)
    Team.objects.filter(pk=team.pk).delete()
    tick = enforce(now=NOW + WEEK)
    assert (tick.handled, tick.failed) == (1, 0)
    assert not Deadline.objects.filter(state="pending").exists()


def test_vacant_time_is_announced_to_nobody(team: Team, primary: Rota) -> None:
    Override.objects.create(
        rota=primary, user=None, starts_at=HANDOFF, ends_at=HANDOFF + WEEK, created_at=NOW
    )
    begin(team)
    assert live_until(team, HANDOFF + DAY) == [(HANDOFF, "Ben", "You are off call: Primary")]
