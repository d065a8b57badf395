"""Who is on call over the API: an instant, a range, rotas, overrides and taking over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from directory.models import Team, User
from rotations.api import views
from rotations.models import Override, Rota, Swap, TimeOff
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_reachable, make_rota, make_secondary

NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def on_a_wednesday(db: None) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [make_reachable(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew, slug="primary")


class Caller:
    """A client of the API on behalf of one person."""

    def __init__(self, user: User) -> None:
        self.client = Client(headers={"authorization": f"Bearer {people.make_key(user, now=NOW)}"})

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")

    def post(self, path: str, data: Any = None) -> Any:
        return self.client.post(f"/api/v1/{path}", data or {}, content_type="application/json")

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")


def short(user: User) -> dict[str, Any]:
    return {"id": user.pk, "name": user.name, "email": user.email}


class TestOnCall:
    def test_now_and_at_an_instant(self, primary: Rota, crew: list[User]) -> None:
        caller = Caller(crew[0])
        assert caller.get("on-call/").json() == {
            "at": "2026-01-14T03:10:00Z",
            "results": [
                {
                    "rota": "primary",
                    "team": "platform",
                    "level": "primary",
                    "user": short(crew[1]),
                    "starts_at": "2026-01-12T09:00:00Z",
                    "ends_at": "2026-01-19T09:00:00Z",
                    "why": "rota",
                }
            ],
        }
        for at in (
            "2026-01-19T10:00:00%2B01:00",
            "2026-01-19T10:00:00+01:00",
            "2026-01-19T09:00:00Z",
        ):
            answer = caller.get(f"on-call/?at={at}").json()
            assert answer["at"] == "2026-01-19T09:00:00Z"
            assert answer["results"][0]["user"] == short(crew[2])

    @pytest.mark.parametrize(
        "at",
        [
            "soon",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-14:00",
            "2026-02-30",
            "",
        ],
    )
    def test_what_is_no_instant_is_refused(self, crew: list[User], primary: Rota, at: str) -> None:
        assert Caller(crew[0]).get(f"on-call/?at={at}").status_code == 400

    def test_of_one_team(self, crew: list[User], primary: Rota) -> None:
        other = people.make_team("data")
        make_rota(other, [people.make_engineer(other)], slug="data")
        rows = Caller(crew[0]).get("on-call/?team=data").json()["results"]
        assert [row["rota"] for row in rows] == ["data"]
        assert Caller(crew[0]).get("on-call/?team=none").json()["results"] == []

    def test_a_responder_of_another_team_sees_only_rotas_they_are_in(
        self, team: Team, primary: Rota
    ) -> None:
        guest = people.make_responder(people.make_team())
        assert Caller(guest).get("on-call/").json()["results"] == []
        make_rota(team, [guest], slug="guests")
        assert [row["rota"] for row in Caller(guest).get("on-call/").json()["results"]] == [
            "guests"
        ]
        assert Caller(guest).get("rotas/primary/").status_code == 404

    @pytest.mark.parametrize("gone", ["team_slugs", "cards_of"])
    def test_what_was_deleted_between_two_reads_of_one_look_is_left_out(
        self, monkeypatch: pytest.MonkeyPatch, crew: list[User], primary: Rota, gone: str
    ) -> None:
        monkeypatch.setattr(views, gone, lambda *_: {})
        for path in ("on-call/", "shifts/"):
            answer = Caller(crew[0]).get(path)
            assert (answer.status_code, answer.json()["results"]) == (200, [])

    def test_it_costs_the_same_with_1_and_with_30_rotas(
        self, crew: list[User], primary: Rota, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        caller = Caller(crew[0])
        paths = (
            "on-call/",
            f"on-call/?at={NOW.isoformat()}",
            "shifts/",
            "rotas/",
            "overrides/",
            "swaps/",
            "time-off/",
        )

        def add_a_team() -> None:
            team = people.make_team()
            rota = make_rota(team, [people.make_engineer(team) for _ in range(2)])
            asked = people.make_user()
            make_override(make_secondary(rota), asked, NOW, NOW + DAY)
            at: Any = {"starts_at": NOW, "ends_at": NOW + DAY, "created_at": NOW}
            Swap.objects.create(rota=rota, giver=asked, colleague=crew[0], filed_by=asked, **at)
            TimeOff.objects.create(user=asked, created_by=asked, **at)

        add_a_team()
        costs = {}
        for path in paths:
            caller.get(path)  # what is kept while it stands is read
            with CaptureQueriesContext(connection) as few:
                caller.get(path)
            costs[path] = len(few)
        for _ in range(29):
            add_a_team()
        for path in paths:
            caller.get(path)
            with django_assert_num_queries(costs[path]):
                caller.get(path)

    def test_now_costs_the_token_and_the_look_whether_all_still_stands(
        self, crew: list[User], primary: Rota, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        caller = Caller(crew[0])
        caller.get("on-call/?team=platform")
        with django_assert_num_queries(2):
            caller.get("on-call/?team=platform")

    def test_what_changed_is_in_the_next_answer(self, crew: list[User], primary: Rota) -> None:
        caller = Caller(crew[0])
        caller.get("on-call/")
        User.objects.filter(pk=crew[1].pk).update(name="Benedict")
        assert caller.get("on-call/").json()["results"][0]["user"]["name"] == "Benedict"
        make_override(primary, crew[0], NOW, NOW + DAY)
        [held] = caller.get("on-call/").json()["results"]
        assert (held["user"]["email"], held["why"]) == (crew[0].email, "override")


class TestShifts:
    def test_a_range_by_default_four_weeks(self, crew: list[User], primary: Rota) -> None:
        answer = Caller(crew[0]).get("shifts/").json()
        assert (answer["start"], answer["end"]) == ("2026-01-14T03:10:00Z", "2026-02-11T03:10:00Z")
        assert [row["user"]["name"] for row in answer["results"]] == [
            "Ben",
            "Cleo",
            "Ann",
            "Ben",
            "Cleo",
        ]

    def test_of_a_person(self, crew: list[User], primary: Rota) -> None:
        caller = Caller(crew[2])
        for user in ("me", str(crew[2].pk), crew[2].email):
            names = {
                row["user"]["name"] for row in caller.get(f"shifts/?user={user}").json()["results"]
            }
            assert names == {"Cleo"}
        assert caller.get("shifts/?user=nobody@example.org").json()["results"] == []

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("end=2026-01-14T03:10:00Z", 400),
            ("end=2026-01-14T03:10:01Z", 200),
            ("end=2026-04-16T03:10:00Z", 200),
            ("end=2026-04-16T03:10:01Z", 400),
            ("rota=primary&end=2027-02-18T03:10:00Z", 200),
            ("rota=primary&end=2027-02-18T03:10:01Z", 400),
            ("start=2199-12-31T00:00:00Z&end=2199-12-31T00:00:01Z", 200),
            ("start=x", 400),
        ],
    )
    def test_the_range_is_bounded(
        self, crew: list[User], primary: Rota, query: str, status: int
    ) -> None:
        assert Caller(crew[0]).get(f"shifts/?{query}").status_code == status


class TestRotas:
    def test_a_derived_rota_reads_with_its_people(self, crew: list[User], primary: Rota) -> None:
        make_secondary(primary, slug="secondary")
        row = Caller(crew[0]).get("rotas/secondary/").json()
        (plan,) = row["plans"]
        assert (plan["derived_from"], plan["offset"], row["level"]) == ("primary", 1, "secondary")
        (turns,) = Caller(crew[0]).get("rotas/primary/").json()["plans"]
        assert turns["members"] == [short(user) for user in crew]

    def test_they_are_filtered(self, crew: list[User], primary: Rota) -> None:
        make_secondary(primary, slug="secondary")
        caller = Caller(crew[0])
        for query in (
            "level=secondary",
            "team=platform&level=secondary",
            "active=true&level=secondary",
        ):
            assert [row["slug"] for row in caller.get(f"rotas/?{query}").json()["results"]] == [
                "secondary"
            ]

    @pytest.mark.clause("C22")
    def test_taking_over_twice_answers_the_same(self, crew: list[User], primary: Rota) -> None:
        caller = Caller(crew[2])
        answers = [caller.post("rotas/primary/take-over/") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["user"] == short(crew[2])
        assert answers[0].json()["why"] == "take_over"
        assert Override.objects.count() == 1

    def test_an_outsider_may_not(self, team: Team, primary: Rota) -> None:
        outsider = people.make_engineer(people.make_team())
        assert Caller(outsider).post("rotas/primary/take-over/").status_code == 403
        stranger = people.make_responder(people.make_team())
        assert Caller(stranger).post("rotas/primary/take-over/").status_code == 404

    def test_a_rota_nobody_holds_is_taken_and_a_retired_one_is_not(
        self, team: Team, crew: list[User]
    ) -> None:
        make_rota(team, slug="empty")
        answer = Caller(crew[0]).post("rotas/empty/take-over/")
        assert (answer.status_code, answer.json()["user"]) == (200, short(crew[0]))
        make_rota(team, crew, slug="retired", active=False)
        answer = Caller(crew[0]).post("rotas/retired/take-over/")
        assert (answer.status_code, answer.json()["code"]) == (409, "retired")
        assert answer["content-type"] == "application/problem+json"

    def test_whom_to_ask_is_told_to_who_belongs_to_it(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        stretch = "starts_at=2026-01-19T09:00:00Z&ends_at=2026-01-26T09:00:00Z"
        path = f"rotas/primary/suggestions/?{stretch}"
        rows = Caller(crew[2]).get(path).json()["results"]
        assert [(row["user"]["name"], row["free"]) for row in rows] == [
            ("Ann", True),
            ("Ben", True),
        ]
        assert rows[0]["said"] == "is free then and has carried nothing so far"
        for stranger in (people.make_engineer, people.make_responder):
            assert Caller(stranger(people.make_team())).get(path).status_code == 404
        for wrong in ("", stretch.replace("2026-01-26", "2026-05-26"), "starts_at=x&ends_at=y"):
            answer = Caller(crew[2]).get(f"rotas/primary/suggestions/?{wrong}")
            assert answer.status_code == 400


class TestOverrides:
    WANTED = {
        "rota": "primary",
        "starts_at": "2026-01-15T00:00:00Z",
        "ends_at": "2026-01-16T00:00:00+01:00",
    }

    def test_for_oneself(self, crew: list[User], primary: Rota) -> None:
        answer = Caller(crew[0]).post("overrides/", self.WANTED | {"reason": "Swap with Ben"})
        assert answer.status_code == 201
        made = Override.objects.get()
        assert answer.json() == {
            "id": made.pk,
            "rota": "primary",
            "user": short(crew[0]),
            "kind": "override",
            "starts_at": "2026-01-15T00:00:00Z",
            "ends_at": "2026-01-15T23:00:00Z",
            "reason": "Swap with Ben",
            "created_by": short(crew[0]),
            "created_at": "2026-01-14T03:10:00Z",
        }

    def test_for_another_by_the_manager_only(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        wanted = self.WANTED | {"user": crew[2].email.upper()}
        assert Caller(crew[0]).post("overrides/", wanted).status_code == 403
        assert (
            Caller(people.make_manager(people.make_team())).post("overrides/", wanted).status_code
            == 403
        )
        assert not Override.objects.exists()
        assert Caller(people.make_manager(team)).post("overrides/", wanted).status_code == 201
        assert Override.objects.get().user == crew[2]

    @pytest.mark.parametrize(
        ("changed", "status", "code"),
        [
            ({"ends_at": "2026-01-15T00:00:00Z"}, 409, "ends_before_it_starts"),
            ({"ends_at": "2028-01-15T00:00:00Z"}, 409, "too_long"),
            ({"starts_at": "2026-01-13T00:00:00Z", "ends_at": "2026-01-14T00:00:00Z"}, 409, "past"),
            ({"user": "nobody@example.org"}, 400, None),
            ({"user": "9" * 200}, 400, None),
            ({"rota": "none"}, 404, "not_found"),
            ({"reason": "x" * 301}, 400, None),
            ({"starts_at": "9999-12-31T00:00:00Z"}, 400, None),
            ({"rota": ["primary"]}, 400, None),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, crew: list[User], primary: Rota, changed: Any, status: int, code: str | None
    ) -> None:
        answer = Caller(crew[0]).post("overrides/", self.WANTED | changed)
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert not Override.objects.exists()

    def test_what_is_ours_alone_cannot_be_set(self, crew: list[User], primary: Rota) -> None:
        forged = {"id": 7, "created_by": crew[1].pk, "created_at": "2030-01-01T00:00:00Z"}
        Caller(crew[0]).post("overrides/", self.WANTED | forged)
        made = Override.objects.get()
        assert (made.created_by, made.created_at) == (crew[0], NOW)

    def test_taking_one_back(self, team: Team, crew: list[User], primary: Rota) -> None:
        made = make_override(primary, crew[0], NOW + DAY, NOW + DAY * 2)
        assert Caller(crew[1]).delete(f"overrides/{made.pk}/").status_code == 403
        stranger = people.make_responder(people.make_team())
        assert Caller(stranger).delete(f"overrides/{made.pk}/").status_code == 404
        manager = Caller(people.make_manager(team))
        assert [manager.delete(f"overrides/{made.pk}/").status_code for _ in range(2)] == [204, 404]
        assert not Override.objects.exists()

    def test_they_are_not_edited(self, team: Team, crew: list[User], primary: Rota) -> None:
        made = make_override(primary, crew[0], NOW + DAY, NOW + DAY * 2)
        manager = Caller(people.make_manager(team)).client
        for method in (manager.put, manager.patch):
            answer = method(f"/api/v1/overrides/{made.pk}/", {}, content_type="application/json")
            assert answer.status_code == 405
