"""Home, sign-in, the policies every answer carries, the admin's front page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoAssertNumQueries

from deadlines.extension import Problem
from incidents.models import ActionItem
from portal.health import problems_lately
from rotations.models import Override
from tests.incidents.factories import SATURDAY, WEDNESDAY, World, make_world

pytestmark = pytest.mark.django_db

OPEN_TO_STRANGERS = ("/clock/", "/healthz", "/readyz", "/metrics", "/p/x/", "/sign-in/")
SIGNED_IN = (
    "/",
    "/incidents/",
    "/incidents/declare/",
    "/outbox/",
    "/preview/",
    "/procedure/clauses/",
    "/rotations/",
    "/shifts/",
    "/shifts/time-off/",
)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        yield


def as_user(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


@pytest.mark.clause("C4", "C167", "C168")
def test_home_says_what_burns_who_has_the_pager_and_who_follows(world: World) -> None:
    incident = world.declare("P1", title="API is down")
    page = as_user(world.engineer).get("/").content.decode()
    for words in (
        "1 open incident",
        incident.ref,
        "API is down",
        "Acknowledge:",
        "4 min 00 s left",
        "#C27",
    ):
        assert words in page
    assert "<strong>Primary</strong>" in page
    assert "Mon 9 Mar 09:00</time>, then Secondary" in page


def test_home_says_when_nothing_burns_and_how_to_begin(world: World) -> None:
    page = as_user(world.engineer).get("/").content.decode()
    assert "Nothing is burning" in page
    assert "All quiet." in page


@pytest.mark.clause("C15", "C71")
def test_home_shows_what_i_owe_and_nobody_elses(world: World) -> None:
    incident = world.declare("P2")
    backlog = world.declare("P4", title="A typo")
    assert ActionItem.objects.get(incident=backlog).owner == world.primary
    mine = as_user(world.primary).get("/").content.decode()
    assert f'Acknowledge on <a class="strong" href="/incidents/{incident.ref}/">' in mine
    assert "A typo" in mine.split("What I owe")[1]
    assert "Nothing.</strong>" in as_user(world.engineer).get("/").content.decode()


@pytest.mark.clause("C64")
def test_home_shows_what_is_held_until_business_hours(world: World) -> None:
    with time_machine.travel(SATURDAY, tick=False):
        world.declare("P3", at=SATURDAY, title="Slow")
        page = as_user(world.engineer).get("/").content.decode()
    assert "Held until business hours" in page
    assert "is paged <time" in page


def test_home_says_when_the_portal_itself_is_not_well(world: World) -> None:
    assert (
        "not perfectly well" in as_user(world.engineer).get("/").content.decode()
    )  # no clock ticks in tests


def test_home_costs_the_same_with_one_and_with_thirty_incidents(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_user(world.engineer)
    world.declare()
    client.get("/")
    with django_assert_max_num_queries(60) as first:
        client.get("/")
    for number in range(30):
        world.declare(title=f"Fire {number}")
    with django_assert_max_num_queries(len(first.captured_queries)):
        assert len(client.get("/").content) < 150_000


def test_home_shows_ones_own_teams_first_and_a_screenful_of_the_others_at_the_same_cost(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_user(world.engineer)
    make_world("another")
    client.get("/")
    with django_assert_max_num_queries(60) as first:
        client.get("/")
    cost = len(first.captured_queries)
    for number in range(30):
        make_world(f"abacus-{number}")
    client.get("/")  # what is kept while it stands is read
    with django_assert_max_num_queries(cost):
        page = client.get("/").content.decode()
    teams = page.split('id="pager"')[1].split("</section>")[0]
    assert teams.count("<h3>") == 12
    assert teams.split("<h3>")[1].startswith(world.team.name)
    assert "20 more teams" in teams


def test_home_knows_ones_shifts_in_teams_it_does_not_show(world: World) -> None:
    for number in range(13):
        make_world(f"abacus-{number}")
    far = make_world("zebra")
    now = WEDNESDAY
    Override.objects.create(
        rota=far.rota, user=world.manager, starts_at=now, ends_at=now + timedelta(hours=2),
        created_at=now,
    )  # fmt: skip
    page = as_user(world.manager).get("/").content.decode()
    assert "Zebra" not in page
    assert "10:00" in page.split('id="shifts"')[1]


def test_one_signs_in_with_an_address_in_any_case_and_lands_where_one_was_going(
    world: World,
) -> None:
    world.engineer.set_password("a long enough one")
    world.engineer.save()
    client = Client()
    assert client.get("/incidents/")["Location"] == "/sign-in/?next=/incidents/"
    wrong = client.post("/sign-in/", {"username": world.engineer.email, "password": "wrong"})
    assert wrong.status_code == 200
    assert 'role="alert"' in wrong.content.decode()
    right = client.post(
        "/sign-in/?next=/incidents/",
        {
            "username": world.engineer.email.upper(),
            "password": "a long enough one",
            "next": "/incidents/",
        },
    )
    assert right["Location"] == "/incidents/"
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


def test_signing_in_leads_to_no_foreign_place(world: World) -> None:
    world.engineer.set_password("a long enough one")
    world.engineer.save()
    for foreign in (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "%2F%2Fevil.example",
    ):
        answer = Client().post(
            "/sign-in/",
            {"username": world.engineer.email, "password": "a long enough one", "next": foreign},
        )
        assert answer["Location"] in ("/", "%2F%2Fevil.example")


def test_somebody_switched_off_cannot_sign_in(world: World) -> None:
    client = as_user(world.engineer)
    world.engineer.is_active = False
    world.engineer.save()
    assert client.get("/").status_code == 302


def test_every_page_forbids_what_is_inline_and_foreign(world: World) -> None:
    client = as_user(world.engineer)
    for path in (*SIGNED_IN, *OPEN_TO_STRANGERS, "/nothing/"):
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        page = answer.content.decode()
        assert "<script>" not in page
        assert " style=" not in page
        assert " onclick=" not in page
    admin = Client()
    admin.force_login(world.admin)
    assert "unsafe-eval" in admin.get("/admin/")["Content-Security-Policy"]


def test_no_page_answers_a_stranger_but_those_on_the_list() -> None:
    client = Client()
    for path in SIGNED_IN:
        assert client.get(path).status_code == 302
    named = {pattern.name for pattern in every_pattern(get_resolver().url_patterns) if pattern.name}
    assert {"home", "sign-in", "phone", "preview", "list", "outbox", "clauses"} <= named
    assert client.get("/admin/")["Location"].startswith(("/admin/login/", "/sign-in/"))


def every_pattern(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from every_pattern(pattern.url_patterns)
        else:
            yield pattern


def test_the_pages_clock_is_told_the_servers_time(client: Client) -> None:
    answer = client.head("/clock/")
    assert answer.status_code == 204
    assert answer["X-Server-Now"].startswith("2026-03-04T10:01:00")


def test_a_missing_page_says_so_without_a_sign_in(client: Client) -> None:
    answer = client.get("/nothing/")
    assert answer.status_code == 404
    assert "Nothing here" in answer.content.decode()


def test_the_demo_says_that_it_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEMO", True)
    assert "This is a demo" in as_user(world.engineer).get("/").content.decode()
    monkeypatch.setattr(settings, "DEMO", False)
    assert "This is a demo" not in as_user(world.engineer).get("/").content.decode()


def test_the_front_page_of_the_admin_is_the_operations_dashboard(world: World) -> None:
    world.admin.is_staff = True
    world.admin.save()
    incident = world.declare("P1", at=WEDNESDAY - timedelta(minutes=10))
    page = as_user(world.admin).get("/admin/").content.decode()
    for words in (
        incident.ref,
        "Past due",
        "6 min 00 s past due",
        "Outbox",
        "On call",
        "version 1 in force",
    ):
        assert words in page
    for path in ("/incidents/declare/", "/preview/", "/outbox/", "/rotations/"):
        assert f'href="{path}"' in page


@pytest.mark.clause("C1", "C27")
def test_every_clause_has_a_place_to_link_to(world: World) -> None:
    page = as_user(world.engineer).get("/procedure/clauses/").content.decode()
    for code in ("C1", "C27", "C261", "X6"):
        assert f'id="{code}"' in page
    assert as_user(world.engineer).get("/procedure/clauses/?procedure=nope").status_code == 404


@pytest.mark.clause("C5", "C9")
def test_the_rotas_page_shows_who_holds_each_now_and_who_follows(world: World) -> None:
    page = as_user(world.secondary).get("/rotations/").content.decode()
    assert page.index("Primary") < page.index("Secondary (you)")
    assert "Mon 9 Mar 09:00" in page


def test_pages_ask_for_the_portals_health_only_every_few_seconds(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def problems(now: datetime) -> list[Problem]:
        asked.append(now)
        return [Problem("clock", f"Told {len(asked)} times.")]

    monkeypatch.setattr("portal.health.problems", problems)
    monkeypatch.setattr("portal.health._lately", None)
    settings.HEALTH_KEPT_SECONDS = 5
    assert [problems_lately(WEDNESDAY)[0].detail for _ in range(3)] == ["Told 1 times."] * 3
    settings.HEALTH_KEPT_SECONDS = 0
    assert problems_lately(WEDNESDAY)[0].detail == "Told 2 times."
