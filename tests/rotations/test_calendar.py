"""The calendar's lines: what was is read from the record, what will be from the rules, and gaps are named."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from directory.models import Team, User
from rotations.enums import Why
from rotations.models import Override, RosterRules, Rota, Shift
from rotations.queries.calendar import Gap, Held, Line, lines_of
from rotations.queries.held import held_between
from rotations.services.horizon import redraw
from tests.directory.factories import make_team, make_user
from tests.rotations.factories import make_override, make_rota, make_secondary

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
NOW = MONDAY + timedelta(days=2)


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def people() -> list[User]:
    return [make_user(name) for name in ("Ann", "Ben", "Cat")]


def lines(
    *rotas: Rota, weeks: int = 2, start: datetime = MONDAY, now: datetime = NOW
) -> list[Line]:
    rows = list(Rota.objects.filter(pk__in=[rota.pk for rota in rotas]).select_related("team"))
    return lines_of(rows, start=start, end=start + weeks * WEEK, now=now)


def said(line: Line) -> list[tuple[str, datetime, datetime, Why]]:
    names = dict(User.objects.values_list("pk", "name"))
    return [(names[one.user_id], one.starts_at, one.ends_at, one.why) for one in line.held]


def agree(line: Line, start: datetime, weeks: int, now: datetime) -> None:
    """The calendar and the other door say the same at every hour."""
    rotas = Rota.objects.filter(pk=line.rota.pk)
    other = held_between(rotas, start=start, end=start + weeks * WEEK, now=now)
    for hour in range(weeks * 168):
        at = start + timedelta(hours=hour)
        here = [one.user_id for one in line.held if one.starts_at <= at < one.ends_at]
        there = [one.user_id for one in other if one.starts_at <= at < one.ends_at]
        assert here == there, at
    assert [(one.user_id, one.starts_at, one.ends_at) for one in line.held] == [
        (one.user_id, one.starts_at, one.ends_at) for one in other
    ]


def test_whole_shifts_in_order_with_the_override_that_cuts_one(
    team: Team, people: list[User]
) -> None:
    rota = make_rota(team, people)
    day = MONDAY + timedelta(days=8)
    make_override(rota, people[2], day, day + timedelta(days=1))
    [line] = lines(rota)
    assert said(line) == [
        ("Ann", MONDAY, MONDAY + WEEK, Why.ROTA),
        ("Ben", MONDAY + WEEK, day, Why.ROTA),
        ("Cat", day, day + timedelta(days=1), Why.OVERRIDE),
        ("Ben", day + timedelta(days=1), MONDAY + 2 * WEEK, Why.ROTA),
    ]
    assert line.gaps == ()


@pytest.mark.clause("C6")
def test_a_gap_is_red_from_now_on_and_since_the_first_stretch(
    team: Team, people: list[User]
) -> None:
    rota = make_rota(team, people, ends_on=date(2026, 1, 12))
    [line] = lines(rota, start=MONDAY - WEEK, weeks=4)
    assert line.gaps == (Gap(MONDAY + WEEK, MONDAY + 3 * WEEK),)
    early = lines(rota, start=MONDAY - WEEK, weeks=4, now=MONDAY - WEEK + timedelta(days=1))[0]
    assert early.gaps[0] == Gap(MONDAY - WEEK + timedelta(days=1), MONDAY)


def test_a_vacancy_on_purpose_is_a_gap(team: Team, people: list[User]) -> None:
    rota = make_rota(team, people)
    day = MONDAY + timedelta(days=4)
    Override.objects.create(
        rota=rota, user=None, starts_at=day, ends_at=day + timedelta(hours=2), created_at=NOW
    )
    assert lines(rota)[0].gaps == (Gap(day, day + timedelta(hours=2)),)


def test_rotas_that_share_a_level_fill_each_others_hours(team: Team, people: list[User]) -> None:
    days = make_rota(team, people[:1], hours="Mon-Sun 08:00-20:00", handoff_time=time(8))
    nights = make_rota(team, people[1:], hours="Mon-Sun 20:00-08:00", handoff_time=time(8))
    both = lines(days, nights, weeks=1)
    assert [line.gaps for line in both] == [(), ()]
    only = make_rota(make_team(), people[:1], hours="Mon-Fri 09:00-17:00", slug="office")
    assert len(lines(only, weeks=1)[0].gaps) == 5  # each night from now on, the weekend as one


def test_a_team_without_a_rule_of_cover_has_no_red_hours(team: Team, people: list[User]) -> None:
    RosterRules.objects.create(team=team, cover_always=False, two_people=False)
    office = make_rota(team, people[:1], hours="Mon-Fri 09:00-17:00")
    assert lines(office)[0].gaps == ()


def test_what_is_over_is_shown_as_it_was_recorded(team: Team, people: list[User]) -> None:
    """The rules say Ann; the record says Cat held it, then nobody, and the record stands."""
    rota = make_rota(team, people)
    Shift.objects.create(
        rota=rota, team=team, level="primary", user=people[2], why="rota", frozen=True,
        starts_at=MONDAY, ends_at=MONDAY + timedelta(days=1),
    )  # fmt: skip
    [line] = lines(rota, weeks=1)
    assert said(line) == [
        ("Cat", MONDAY, MONDAY + timedelta(days=1), Why.ROTA),
        ("Ann", NOW, MONDAY + WEEK, Why.ROTA),
    ]
    assert line.gaps == (Gap(MONDAY + timedelta(days=1), NOW),)
    agree(line, MONDAY, 1, NOW)


def test_before_the_record_begins_the_rules_are_asked(team: Team, people: list[User]) -> None:
    rota = make_rota(team, people)
    now = MONDAY + 2 * WEEK + timedelta(days=3)
    redraw(team.pk, now=now - timedelta(days=1))
    make_override(rota, people[0], now, now + timedelta(days=2))
    redraw(team.pk, now=now)
    [line] = lines(rota, start=MONDAY, weeks=5, now=now)
    agree(line, MONDAY, 5, now)
    assert [(name, why) for name, _, _, why in said(line)][:5] == [
        ("Ann", Why.ROTA), ("Ben", Why.ROTA), ("Cat", Why.ROTA), ("Ann", Why.OVERRIDE), ("Cat", Why.ROTA),
    ]  # fmt: skip


def test_an_override_made_late_holds_from_now_on_only(team: Team, people: list[User]) -> None:
    """Who was paged before it was made is who held the rota then."""
    rota = make_rota(team, people)
    redraw(team.pk, now=MONDAY)
    make_override(rota, people[2], NOW - timedelta(hours=5), NOW + timedelta(hours=5))
    redraw(team.pk, now=NOW)
    [line] = lines(rota, weeks=1)
    agree(line, MONDAY, 1, NOW)
    assert said(line) == [
        ("Ann", MONDAY, NOW, Why.ROTA),
        ("Cat", NOW, NOW + timedelta(hours=5), Why.OVERRIDE),
        ("Ann", NOW + timedelta(hours=5), MONDAY + WEEK, Why.ROTA),
    ]


def test_what_the_rules_say_anew_counts_from_now_on_though_it_was_not_drawn(
    team: Team, people: list[User]
) -> None:
    """Ann has been on call since Monday by the table; the rules say Cat since an hour ago."""
    rota = make_rota(team, people)
    redraw(team.pk, now=MONDAY)
    make_override(rota, people[2], NOW - timedelta(hours=1), NOW + timedelta(hours=5))
    [line] = lines(rota, weeks=1)
    agree(line, MONDAY, 1, NOW)
    assert [name for name, *_ in said(line)] == ["Ann", "Cat", "Ann"]


def test_a_range_that_is_over_has_its_stretches_whole(team: Team, people: list[User]) -> None:
    rota = make_rota(team, people)
    redraw(team.pk, now=MONDAY)
    now = MONDAY + WEEK + timedelta(days=4)
    redraw(team.pk, now=now)
    start = MONDAY - timedelta(days=5)
    for weeks in (1, 2):
        [line] = lines(rota, start=start, weeks=weeks, now=now)
        agree(line, start, weeks, now)
    assert line.held[-1].ends_at == MONDAY + 2 * WEEK


def test_a_shift_that_runs_is_one_stretch_from_record_to_rule(
    team: Team, people: list[User]
) -> None:
    rota = make_rota(team, people)
    redraw(team.pk, now=MONDAY + timedelta(hours=1))
    [line] = lines(rota, weeks=1)
    began = Shift.objects.earliest("starts_at").starts_at
    assert line.held[0] == Held(rota.pk, people[0].pk, began, MONDAY + WEEK, Why.ROTA)


def test_lines_stand_by_team_and_level_and_cost_the_same_with_one_and_with_thirty(
    people: list[User], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first = make_rota(make_team(name="Zoo"), people)
    rotas = [make_secondary(first), first]
    with django_assert_max_num_queries(7) as few:
        assert [line.rota for line in lines(*rotas)] == [first, rotas[0]]
    for number in range(15):
        rota = make_rota(make_team(name=f"Ark {number:02}"), people)
        rotas += [rota, make_secondary(rota)]
    with django_assert_max_num_queries(len(few.captured_queries)):
        found = lines(*rotas)
    assert found[0].rota.team.name == "Ark 00"
    assert len(found) == 32
