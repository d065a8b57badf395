"""The feeds, read back by parsers that are not ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
import time_machine
from django.core.exceptions import PermissionDenied
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from directory.models import Team, User
from directory.permissions import actor_of
from rotations.models import Feed, Override, Rota, Shift
from rotations.services.feeds import make_feed, revoke_feed, use_feed
from rotations.services.horizon import redraw
from tests.directory.factories import make_engineer, make_team, make_user
from tests.rotations.factories import make_override, make_rota

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
MONDAY = datetime(2026, 3, 16, 8, tzinfo=UTC)  # 9:00 in Berlin
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    return make_team(name="Orchestrator")


@pytest.fixture
def people(team: Team) -> list[User]:
    return [make_engineer(team, name, zone="Europe/Berlin") for name in ("Ann", "Ben")]


@pytest.fixture
def rota(team: Team, people: list[User]) -> Rota:
    rota = make_rota(
        team, people, name="Primary", slug="orchestrator-primary", zone="Europe/Berlin",
        starts_on=date(2026, 3, 16),
    )  # fmt: skip
    redraw(team.pk, now=NOW)
    return rota


def key_of(user: User, rota: Rota | None = None) -> str:
    _, key = make_feed(rota_id=rota.pk if rota else None, actor=actor_of(user), now=NOW)
    return key


def read(path: str, key: str, **headers: Any) -> Any:
    return Client().get(path, {"token": key}, headers=headers)


def events(answer: Any) -> list[Any]:
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert isinstance(calendar, icalendar.Calendar)
    assert not [error for event in calendar.walk() for error in event.errors]
    return list(calendar.events)


def test_a_person_reads_their_own_shifts_and_nobody_elses(rota: Rota, people: list[User]) -> None:
    answer = read("/shifts.ics", key_of(people[0]))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    mine = Shift.objects.filter(user=people[0]).order_by("starts_at")
    assert [(event.start, event.end) for event in events(answer)] == [
        (shift.starts_at, shift.ends_at) for shift in mine
    ]
    first = events(answer)[0]
    assert str(first["SUMMARY"]) == "On call: Orchestrator, Primary"
    assert str(first["DESCRIPTION"]) == "By turn. Mon 16 Mar 09:00 CET to Mon 23 Mar 09:00 CET."
    assert str(first["URL"]).endswith("/rotations/orchestrator-primary/")
    assert str(first["TRANSP"]) == "TRANSPARENT"


def test_a_rotas_calendar_names_who_holds_each_shift(rota: Rota, people: list[User]) -> None:
    make_override(rota, people[0], NOW + timedelta(days=6), NOW + timedelta(days=7))
    Override.objects.update(reason="Dentist\nand; back, again")
    redraw(rota.team_id, now=NOW)
    answer = read("/rotations/orchestrator-primary.ics", key_of(people[1], rota))
    found = events(answer)
    assert [str(event["SUMMARY"]) for event in found[:4]] == [
        "Ann: Primary", "Ben: Primary", "Ann: Primary", "Ben: Primary",
    ]  # fmt: skip
    assert str(found[2]["DESCRIPTION"]).splitlines() == [
        "By an override. Tue 24 Mar 13:00 CET to Wed 25 Mar 13:00 CET.",
        "Dentist",
        "and; back, again",
    ]


def test_the_calendar_has_a_name_and_says_how_often_to_look(rota: Rota, people: list[User]) -> None:
    answer = read("/rotations/orchestrator-primary.ics", key_of(people[0], rota))
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert isinstance(calendar, icalendar.Calendar)
    assert str(calendar["X-WR-CALNAME"]) == str(calendar["NAME"]) == "Orchestrator: Primary"
    assert calendar.decoded("REFRESH-INTERVAL") == timedelta(hours=1)
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in answer.content
    assert str(calendar["VERSION"]) == "2.0"
    assert "METHOD" not in calendar
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))


@pytest.mark.parametrize(
    ("zone", "starts_on", "week", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 16), date(2026, 3, 23), 167),
        ("Europe/Berlin", date(2026, 10, 12), date(2026, 10, 19), 169),
        ("America/New_York", date(2026, 2, 23), date(2026, 3, 2), 167),
        ("America/New_York", date(2026, 10, 19), date(2026, 10, 26), 169),
    ],
)
def test_another_parser_finds_the_weeks_of_the_clock_change_at_nine_to_nine(
    team: Team, people: list[User], zone: str, starts_on: date, week: date, hours: int
) -> None:
    rota = make_rota(team, people, slug="dst", zone=zone, starts_on=starts_on)
    now = datetime.combine(starts_on, datetime.min.time(), UTC) + timedelta(days=2)
    with time_machine.travel(now, tick=False):
        redraw(team.pk, now=now)
        answer = read("/rotations/dst.ics", key_of(people[0], rota))
    calendar = icalendar.Calendar.from_ical(answer.content)
    middle = datetime.combine(week, datetime.min.time(), UTC) + timedelta(days=3)
    [event] = recurring_ical_events.of(calendar).at((middle.year, middle.month, middle.day))
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    assert (end - start) == timedelta(hours=hours)
    local = ZoneInfo(zone)
    assert f"{start.astimezone(local):%Y-%m-%d %H:%M}" == f"{week} 09:00"
    assert end.astimezone(local).time() == start.astimezone(local).time()


def test_a_changed_shift_keeps_its_uid_and_its_sequence_grows(
    rota: Rota, people: list[User]
) -> None:
    key = key_of(people[1], rota)

    def seen() -> dict[str, tuple[int, datetime]]:
        answer = read("/rotations/orchestrator-primary.ics", key)
        return {str(event["UID"]): (int(event["SEQUENCE"]), event.end) for event in events(answer)}

    before = seen()
    monday = datetime(2026, 3, 23, 8, tzinfo=UTC)
    uid = str(Shift.objects.get(starts_at=monday).uid)
    make_override(rota, people[0], monday + timedelta(days=5), monday + timedelta(days=6))
    redraw(rota.team_id, now=NOW)
    after = seen()
    assert before[uid] == (0, datetime(2026, 3, 30, 7, tzinfo=UTC))
    assert after[uid] == (1, monday + timedelta(days=5))
    unmoved = before.keys() & after.keys() - {uid}
    assert {one: before[one] for one in unmoved} == {one: after[one] for one in unmoved}
    assert len(after) == len(before) + 2


def test_what_was_read_three_months_back_stays_and_older_goes(
    rota: Rota, team: Team, people: list[User]
) -> None:
    for days in (120, 80):
        Shift.objects.create(
            rota=rota, team=team, level="primary", user=people[0], why="rota", frozen=True,
            starts_at=NOW - timedelta(days=days), ends_at=NOW - timedelta(days=days - 7),
        )  # fmt: skip
    first = events(read("/shifts.ics", key_of(people[0])))[0]
    assert first.start == NOW - timedelta(days=80)


def test_an_unchanged_calendar_is_not_sent_again(rota: Rota, people: list[User]) -> None:
    key = key_of(people[0])
    first = read("/shifts.ics", key)
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        again = read("/shifts.ics", key, if_none_match=first["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
        make_override(rota, people[1], NOW + timedelta(days=1), NOW + timedelta(days=2))
        redraw(rota.team_id, now=NOW + timedelta(minutes=5))
        changed = read("/shifts.ics", key, if_none_match=first["ETag"])
        assert changed.status_code == 200


def test_no_cache_in_between_may_keep_a_calendar(rota: Rota, people: list[User]) -> None:
    answer = read("/shifts.ics", key_of(people[0]))
    assert answer["Cache-Control"] == "private, no-cache"
    assert "Set-Cookie" not in answer
    assert answer["Referrer-Policy"] == "no-referrer"


def test_a_wrong_key_finds_nothing(rota: Rota, people: list[User]) -> None:
    mine, rotas = key_of(people[0]), key_of(people[0], rota)
    other = make_rota(rota.team, people, slug="other")
    for path, key in (
        ("/shifts.ics", ""),
        ("/shifts.ics", "wbf_nonsense"),
        ("/shifts.ics", rotas),
        ("/rotations/orchestrator-primary.ics", mine),
        (f"/rotations/{other.slug}.ics", rotas),
        ("/rotations/nothing.ics", rotas),
        ("/shifts.ics", "x" * 5000),
    ):
        assert read(path, key).status_code == 404
    assert Client().get("/shifts.ics").status_code == 404
    assert Client().post(f"/shifts.ics?token={mine}").status_code == 405


def test_a_revoked_key_finds_nothing_any_more(rota: Rota, people: list[User]) -> None:
    feed, key = make_feed(rota_id=None, actor=actor_of(people[0]), now=NOW)
    assert read("/shifts.ics", key).status_code == 200
    with pytest.raises(PermissionDenied):
        revoke_feed(feed.pk, actor=actor_of(people[1]), now=NOW)
    revoke_feed(feed.pk, actor=actor_of(people[0]), now=NOW)
    revoke_feed(feed.pk, actor=actor_of(people[0]), now=NOW + timedelta(days=1))
    assert read("/shifts.ics", key).status_code == 404
    assert Feed.objects.get().revoked_at == NOW


def test_a_new_address_ends_the_one_before_it(rota: Rota, people: list[User]) -> None:
    first, of_rota = key_of(people[0]), key_of(people[0], rota)
    second = key_of(people[0])
    assert read("/shifts.ics", first).status_code == 404
    assert read("/shifts.ics", second).status_code == 200
    assert read("/rotations/orchestrator-primary.ics", of_rota).status_code == 200


def test_only_a_hash_of_the_key_is_kept(rota: Rota, people: list[User]) -> None:
    key = key_of(people[0])
    row = Feed.objects.values().get()
    assert key not in str(row)
    assert len(row["sha256"]) == 64


def test_somebody_switched_off_or_shut_out_reads_nothing(rota: Rota, people: list[User]) -> None:
    """The feed shows what its person may see when it is read, not when it was made."""
    member = make_user("Member")
    place = member.memberships.create(team=rota.team, position=9)
    key = key_of(member, rota)
    assert read("/rotations/orchestrator-primary.ics", key).status_code == 200
    place.delete()
    assert read("/rotations/orchestrator-primary.ics", key).status_code == 404
    outsider = make_user("Outsider")
    with pytest.raises(PermissionDenied):
        make_feed(rota_id=rota.pk, actor=actor_of(outsider), now=NOW)
    mine = key_of(people[0])
    User.objects.filter(pk=people[0].pk).update(is_active=False)
    assert read("/shifts.ics", mine).status_code == 404


def test_when_it_was_last_read_is_kept_to_the_minute(rota: Rota, people: list[User]) -> None:
    key = key_of(people[0])
    for seconds in (0, 30, 61):
        at = NOW + timedelta(seconds=seconds)
        assert use_feed(key, rota_slug=None, now=at) is not None
    assert Feed.objects.get().last_used_at == NOW + timedelta(seconds=61)


def test_a_long_calendar_costs_as_many_queries_as_a_short_one(
    rota: Rota, people: list[User], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    key = key_of(people[0], rota)
    path = "/rotations/orchestrator-primary.ics"
    read(path, key)
    Shift.objects.filter(starts_at__gt=NOW + timedelta(weeks=1)).delete()
    with django_assert_max_num_queries(7) as few:
        assert len(events(read(path, key))) == 2
    redraw(rota.team_id, now=NOW)
    with django_assert_max_num_queries(len(few.captured_queries)):
        assert len(events(read(path, key))) > 20
