"""People, teams and services over the API: how they read, who sees them, what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from deadlines.extension import PORTAL
from directory import services
from directory.models import Service, Team, User
from tests.directory import factories
from tests.directory.factories import bearer

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return factories.make_team("platform")


def read(client: Client, user: User, path: str) -> Any:
    answer = client.get(f"/api/v1/{path}", headers=bearer(user))
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_team_reads(client: Client, team: Team) -> None:
    ann, holder = factories.make_engineer(team, "Ann Lee"), factories.make_user("Eva May")
    services.set_role_holder(team.pk, "ciso", holder.pk, actor=PORTAL)
    assert read(client, ann, "teams/platform/") == {
        "slug": "platform",
        "name": "Platform",
        "procedure": team.procedure.slug,
        "zone": "UTC",
        "workdays": [0, 1, 2, 3, 4],
        "opens": "09:00:00",
        "closes": "17:00:00",
        "holiday_country": "US",
        "holiday_subdivision": "",
        "extra_holidays": [],
        "members": [{"id": ann.pk, "name": "Ann Lee", "email": ann.email}],
        "roles": [
            {
                "role": "ciso",
                "user": {"id": holder.pk, "name": "Eva May", "email": holder.email},
                "backup": None,
            }
        ],
    }


@pytest.mark.clause("C21")
def test_a_service_names_its_experts(client: Client, team: Team) -> None:
    ann = factories.make_engineer(team, "Ann Lee")
    service = factories.make_service(team, "redis", runbook_url="https://wiki.example.org/redis")
    service.smes.add(ann)
    (row,) = read(client, ann, "services/?team=platform")["results"]
    assert (row["slug"], row["team"], row["runbook_url"]) == (
        "redis", "platform", "https://wiki.example.org/redis",
    )  # fmt: skip
    assert [expert["id"] for expert in row["smes"]] == [ann.pk]


def test_people_are_found_by_address_and_team(client: Client, team: Team) -> None:
    ann = factories.make_engineer(team, "Ann Lee")
    factories.make_engineer(factories.make_team())
    found = read(client, ann, f"people/?email={ann.email.upper()}")["results"]
    assert [(row["id"], row["teams"]) for row in found] == [(ann.pk, ["platform"])]
    assert [row["id"] for row in read(client, ann, "people/?team=platform")["results"]] == [ann.pk]


WHO: dict[str, tuple[Callable[[Team], User], bool]] = {
    "admin": (lambda team: factories.make_admin(), True),
    "manager": (factories.make_manager, True),
    "engineer": (factories.make_engineer, True),
    "outsider": (lambda team: factories.make_engineer(factories.make_team()), True),
    "auditor": (lambda team: factories.make_auditor(), True),
    "own responder": (factories.make_responder, True),
    "other responder": (lambda team: factories.make_responder(factories.make_team()), False),
    "nobody in particular": (lambda team: factories.make_user(), False),
}


@pytest.mark.parametrize("who", WHO)
def test_who_sees_a_team_and_its_service(client: Client, team: Team, who: str) -> None:
    make, sees = WHO[who]
    user = make(team)
    factories.make_service(team, "redis")
    header = bearer(user)
    for path in ("teams/platform/", "services/redis/"):
        assert client.get(f"/api/v1/{path}", headers=header).status_code == (200 if sees else 404)
    for path in ("teams/", "services/"):
        slugs = [
            row["slug"] for row in client.get(f"/api/v1/{path}", headers=header).json()["results"]
        ]
        assert ({"platform", "redis"} & set(slugs) != set()) == sees


def test_a_responder_sees_the_own_team_s_people(client: Client, team: Team) -> None:
    colleague, me = factories.make_engineer(team), factories.make_responder(team)
    stranger = factories.make_engineer(factories.make_team())
    seen = {row["id"] for row in read(client, me, "people/")["results"]}
    assert seen == {colleague.pk, me.pk}
    assert client.get(f"/api/v1/people/{stranger.pk}/", headers=bearer(me)).status_code == 404


@pytest.mark.parametrize("path", ["teams/", "services/", "people/"])
def test_a_list_costs_the_same_with_1_and_with_30_rows(
    client: Client, team: Team, path: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    header = bearer(factories.make_auditor())

    def fill(count: int) -> None:
        for _ in range(count):
            other = factories.make_team()
            services.set_role_holder(
                other.pk, "ciso", factories.make_engineer(other).pk, actor=PORTAL
            )
            factories.make_service(other).smes.add(factories.make_engineer(other))

    fill(1)
    client.get(f"/api/v1/{path}", headers=header)
    with CaptureQueriesContext(connection) as few:
        client.get(f"/api/v1/{path}", headers=header)
    fill(30)
    with django_assert_num_queries(len(few)):
        client.get(f"/api/v1/{path}", headers=header)


def test_nothing_is_written_here(client: Client, team: Team) -> None:
    factories.make_service(team, "redis")
    header = bearer(factories.make_admin())
    for path in ("teams/platform/", "services/redis/"):
        for method in (client.put, client.patch, client.delete, client.post):
            assert method(f"/api/v1/{path}", headers=header).status_code == 405
    assert Service.objects.count() == 1
