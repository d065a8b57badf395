"""Changing who will be on call over the API: overrides together, swaps, time off, and how refusals read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from directory.models import Team, User
from rotations.models import Override, RosterRules, Rota, Swap, TimeOff
from tests.directory import factories as people
from tests.rotations.api.test_rotations_api import Caller, short
from tests.rotations.factories import away_is_a_breach, make_reachable, make_rota, make_secondary

NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = {"starts_at": "2026-01-19T09:00:00Z", "ends_at": "2026-01-26T09:00:00Z"}
NEXT_WEEK = {"starts_at": "2026-01-26T09:00:00Z", "ends_at": "2026-02-02T09:00:00Z"}


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
def boss(team: Team) -> User:
    return people.make_manager(team, "Boss")


@pytest.fixture(autouse=True)
def primary(team: Team, crew: list[User]) -> Rota:
    """Cleo's turn is the week from the 19th on, Ann's the next."""
    return make_rota(team, crew, slug="primary", name="Primary")


class TestRefusals:
    @pytest.mark.clause("C11")
    def test_a_broken_roster_is_told_with_its_breaches(
        self, monkeypatch: pytest.MonkeyPatch, crew: list[User], boss: User
    ) -> None:
        away_is_a_breach(monkeypatch, crew[0])
        wanted = {"rota": "primary", "user": crew[0].email, **WEEK}
        answer = Caller(boss).post("overrides/", wanted)
        assert answer.status_code == 409
        assert answer["content-type"] == "application/problem+json"
        assert answer.json() == {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "The roster would break: Ann is away.",
            "code": "roster_broken",
            "reasons": [
                {
                    "code": "time_off",
                    "text": "Ann is away",
                    "clause": "C11",
                    "waivable": True,
                    "level": "primary",
                    "users": [crew[0].pk],
                    **WEEK,
                }
            ],
        }
        assert not Override.objects.exists()
        answer = Caller(boss).post("overrides/", wanted | {"waiver_reason": "She offered"})
        assert answer.status_code == 201

    @pytest.mark.clause("C11")
    def test_the_proof_itself_refuses_a_gap(self, crew: list[User], boss: User) -> None:
        wanted = {"rota": "primary", "user": None, "reason": "Closed", **WEEK}
        answer = Caller(boss).post("overrides/", wanted)
        assert (answer.status_code, answer.json()["code"]) == (409, "roster_broken")
        [gap] = [one for one in answer.json()["reasons"] if one["code"] == "gap"]
        assert (gap["clause"], gap["starts_at"], gap["ends_at"]) == (
            "C6", WEEK["starts_at"], WEEK["ends_at"],
        )  # fmt: skip
        assert Caller(crew[0]).post("overrides/", wanted).status_code == 403
        answer = Caller(boss).post("overrides/", wanted | {"waiver_reason": "Nothing runs"})
        assert (answer.status_code, answer.json()["user"]) == (201, None)

    def test_a_reason_to_waive_is_a_managers(self, crew: list[User]) -> None:
        wanted = {"rota": "primary", "waiver_reason": "Why not", **WEEK}
        assert Caller(crew[0]).post("overrides/", wanted).status_code == 403

    def test_taking_back_is_proved_too(
        self, monkeypatch: pytest.MonkeyPatch, crew: list[User], boss: User
    ) -> None:
        manager = Caller(boss)
        made = manager.post("overrides/", {"rota": "primary", "user": crew[0].pk, **WEEK}).json()
        away_is_a_breach(monkeypatch, crew[2], by_turn=True)
        path = f"overrides/{made['id']}/"
        assert manager.delete(path).json()["code"] == "roster_broken"
        assert Caller(crew[0]).delete(f"{path}?waiver_reason=x").status_code == 403
        assert manager.delete(f"{path}?waiver_reason=She+is+back").status_code == 204


class TestBatch:
    def rows(self, *people_meant: User) -> dict[str, Any]:
        return {
            "overrides": [
                {"rota": "primary", "user": who.pk, **week}
                for who, week in zip(people_meant, (WEEK, NEXT_WEEK), strict=False)
            ]
        }

    def test_all_or_none(self, crew: list[User], boss: User) -> None:
        ann, ben, cleo = crew
        manager = Caller(boss)
        gone = people.make_user(is_active=False)
        answer = manager.post("overrides/batch/", self.rows(ann, gone))
        assert (answer.status_code, answer.json()["code"]) == (409, "inactive")
        assert not Override.objects.exists()
        answer = manager.post("overrides/batch/", self.rows(ann, cleo))
        assert answer.status_code == 201
        assert [row["user"] for row in answer.json()["results"]] == [short(ann), short(cleo)]

    def test_of_what_one_may_not_change_nothing_is_made(self, crew: list[User]) -> None:
        ann, ben, _ = crew
        assert Caller(ann).post("overrides/batch/", self.rows(ann, ben)).status_code == 403
        assert not Override.objects.exists()

    @pytest.mark.parametrize("body", [{}, {"overrides": []}, {"overrides": [{}]}, {"overrides": 1}])
    def test_what_is_no_plan_is_refused(self, boss: User, body: Any) -> None:
        assert Caller(boss).post("overrides/batch/", body).status_code == 400


class TestSwaps:
    def ask(self, by: User, **said: Any) -> Any:
        return Caller(by).post("swaps/", {"rota": "primary", **WEEK, **said})

    def test_asked_and_accepted(self, crew: list[User]) -> None:
        ann, _, cleo = crew
        answer = self.ask(cleo, colleague=ann.email, note="Wedding")
        assert answer.status_code == 201
        swap = Swap.objects.get()
        asked = {
            "id": swap.pk,
            "rota": "primary",
            "giver": short(cleo),
            "colleague": short(ann),
            **WEEK,
            "back": None,
            "state": "asked",
            "note": "Wedding",
            "answer": "",
            "waiver_reason": "",
            "filed_by": short(cleo),
            "decided_by": None,
            "created_at": "2026-01-14T03:10:00Z",
            "answered_at": None,
            "settled_at": None,
        }
        assert answer.json() == asked
        assert Caller(ann).get(f"swaps/{swap.pk}/").json() == asked
        path = f"swaps/{swap.pk}/accept/"
        assert Caller(cleo).post(path).status_code == 403
        answer = Caller(ann).post(path)
        assert (answer.status_code, answer.json()["state"]) == (200, "taken")
        [held] = Caller(cleo).get("on-call/?at=2026-01-20T00:00:00Z").json()["results"]
        assert (held["user"], held["why"]) == (short(ann), "swap")

    def test_with_a_stretch_back(self, crew: list[User]) -> None:
        ann, _, cleo = crew
        back = {"rota": "primary", **NEXT_WEEK}
        answer = self.ask(cleo, colleague=ann.pk, back=back)
        assert (answer.status_code, answer.json()["back"]) == (201, back)
        Caller(ann).post(f"swaps/{answer.json()['id']}/accept/")
        assert Override.objects.count() == 2

    def test_the_other_verbs(self, team: Team, crew: list[User], boss: User) -> None:
        ann, ben, cleo = crew
        RosterRules.objects.filter(team=team).update(swaps_need_manager=True)

        def say(by: User, verb: str, swap: int, **body: Any) -> tuple[int, Any]:
            answer = Caller(by).post(f"swaps/{swap}/{verb}/", body)
            return answer.status_code, answer.json().get("state") or answer.json().get("code")

        first = self.ask(cleo, colleague=ann.pk).json()["id"]
        assert say(ann, "decline", first) == (400, None)
        assert say(boss, "approve", first) == (409, "not_accepted")
        assert say(ann, "accept", first) == (200, "accepted")
        assert say(ann, "approve", first)[0] == 403
        assert say(boss, "approve", first) == (200, "taken")
        assert say(cleo, "withdraw", first) == (409, "settled")
        assert say(ben, "undo", first)[0] == 403
        assert say(cleo, "undo", first, reason="Stays") == (200, "undone")
        second = self.ask(cleo, colleague=ben.pk).json()["id"]
        assert say(ben, "decline", second, reason="Away") == (200, "declined")
        third = self.ask(boss, giver=cleo.email, colleague=ben.email).json()["id"]
        assert say(cleo, "withdraw", third) == (200, "withdrawn")
        assert say(cleo, "undo", third) == (409, "not_taken")

    def test_an_outsider_sees_and_changes_nothing(self, crew: list[User]) -> None:
        ann, _, cleo = crew
        pk = self.ask(cleo, colleague=ann.pk).json()["id"]
        stranger = Caller(people.make_responder(people.make_team()))
        assert stranger.get("swaps/").json()["results"] == []
        assert stranger.get(f"swaps/{pk}/").status_code == 404
        elsewhere = Caller(people.make_manager(people.make_team()))
        for verb in ("accept", "withdraw", "approve", "undo"):
            assert stranger.post(f"swaps/{pk}/{verb}/").status_code == 404
            assert elsewhere.post(f"swaps/{pk}/{verb}/").status_code == 403
        assert elsewhere.post(f"swaps/{pk}/decline/", {"reason": "x"}).status_code == 403
        assert elsewhere.post(
            "swaps/", {"rota": "primary", "giver": cleo.pk, "colleague": ann.pk, **WEEK}
        ).status_code == 403  # fmt: skip

    @pytest.mark.parametrize(
        ("changed", "status", "code"),
        [
            ({"colleague": "me"}, 409, "oneself"),
            ({"colleague": "nobody@example.org"}, 400, None),
            ({"giver": "nobody@example.org"}, 400, None),
            ({"rota": "none"}, 404, "not_found"),
            ({"starts_at": "2026-01-14T00:00:00Z"}, 409, "begun"),
            ({"ends_at": "2026-01-27T09:00:00Z"}, 409, "not_theirs"),
            ({"note": "x" * 301}, 400, None),
            ({"back": {"rota": "none", **NEXT_WEEK}}, 404, "not_found"),
            ({"back": {"rota": "primary"}}, 400, None),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, crew: list[User], changed: Any, status: int, code: str | None
    ) -> None:
        answer = self.ask(crew[2], **({"colleague": crew[0].pk} | changed))
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert not Swap.objects.exists()

    def test_they_are_filtered(self, crew: list[User]) -> None:
        ann, ben, cleo = crew
        self.ask(cleo, colleague=ann.pk)
        self.ask(cleo, colleague=ben.pk)
        caller = Caller(ann)
        for query, count in (
            (f"user={ann.pk}", 1),
            (f"user={cleo.pk}", 2),
            ("state=asked", 2),
            ("state=taken", 0),
            ("rota=primary", 2),
        ):
            assert len(caller.get(f"swaps/?{query}").json()["results"]) == count


class TestTimeOff:
    OFF = {"starts_at": "2026-01-27T00:00:00+01:00", "ends_at": "2026-01-29T00:00:00Z"}

    def test_ones_own(self, crew: list[User]) -> None:
        ben = crew[1]
        answer = Caller(ben).post("time-off/", self.OFF | {"reason": "Surgery"})
        assert answer.status_code == 201
        row = TimeOff.objects.get()
        assert answer.json() == {
            "id": row.pk,
            "user": short(ben),
            "starts_at": "2026-01-26T23:00:00Z",
            "ends_at": "2026-01-29T00:00:00Z",
            "reason": "Surgery",
            "created_by": short(ben),
            "created_at": "2026-01-14T03:10:00Z",
        }
        path = f"time-off/{row.pk}/"
        changed = Caller(ben).client.patch(
            f"/api/v1/{path}", {"reason": "Rest"}, content_type="application/json"
        )
        assert (changed.status_code, changed.json()["reason"]) == (200, "Rest")
        assert [Caller(ben).delete(path).status_code for _ in range(2)] == [204, 404]

    def test_the_reason_is_for_oneself_and_ones_managers(
        self, crew: list[User], boss: User
    ) -> None:
        ann, ben, _ = crew
        Caller(ben).post("time-off/", self.OFF | {"reason": "Surgery"})
        read = {
            who.name: Caller(who).get("time-off/").json()["results"][0]["reason"]
            for who in (ann, ben, boss, people.make_manager(people.make_team(), "Other"))
        }
        assert read == {"Ann": "", "Ben": "Surgery", "Boss": "Surgery", "Other": ""}
        stranger = people.make_responder(people.make_team())
        assert Caller(stranger).get("time-off/").json()["results"] == []

    def test_anothers_by_the_manager_only(self, crew: list[User], boss: User) -> None:
        ann, ben, _ = crew
        wanted = self.OFF | {"user": ben.email}
        other = people.make_manager(people.make_team())
        for who in (ann, other):
            assert Caller(who).post("time-off/", wanted).status_code == 403
        assert Caller(boss).post("time-off/", wanted).status_code == 201
        path = f"time-off/{TimeOff.objects.get().pk}/"
        assert Caller(ann).delete(path).status_code == 403
        stranger = people.make_responder(people.make_team())
        assert Caller(stranger).delete(path).status_code == 404
        assert Caller(boss).delete(path).status_code == 204

    @pytest.mark.clause("C11")
    def test_who_is_on_call_then_hands_over_first(self, crew: list[User], boss: User) -> None:
        ann = crew[0]
        answer = Caller(ann).post("time-off/", self.OFF)
        assert (answer.status_code, answer.json()["code"]) == (409, "hand_over_first")
        assert answer.json()["detail"] == (
            "Hand over first: primary, 2026-01-26 09:00 to 2026-02-02 09:00 UTC."
        )
        assert [one["code"] for one in answer.json()["reasons"]] == ["time_off"]
        assert not TimeOff.objects.exists()
        assert Caller(ann).post("time-off/", self.OFF | {"waiver_reason": "x"}).status_code == 403
        wanted = self.OFF | {"user": ann.pk, "waiver_reason": "Ill"}
        assert Caller(boss).post("time-off/", wanted).status_code == 201

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"ends_at": "2026-01-26T23:00:00Z"}, 409),
            ({"starts_at": "2026-01-12T00:00:00Z", "ends_at": "2026-01-13T00:00:00Z"}, 409),
            ({"user": "nobody@example.org"}, 400),
            ({"starts_at": "soon"}, 400),
            ({"reason": "x" * 301}, 400),
        ],
    )
    def test_what_cannot_be_is_refused(self, crew: list[User], changed: Any, status: int) -> None:
        assert Caller(crew[1]).post("time-off/", self.OFF | changed).status_code == status
        assert not TimeOff.objects.exists()

    def test_they_are_filtered(self, crew: list[User]) -> None:
        Caller(crew[1]).post("time-off/", self.OFF)
        for query, count in (
            ("after=2026-01-28T00:00:00Z", 1),
            ("after=2026-01-29T00:00:00Z", 0),
            ("before=2026-01-26T23:00:00Z", 0),
            (f"user={crew[1].pk}", 1),
            (f"user={crew[0].pk}", 0),
        ):
            rows = Caller(crew[0]).get(f"time-off/?{query}").json()["results"]
            assert len(rows) == count


def test_a_whole_handover_between_primary_and_secondary(
    team: Team, crew: list[User], primary: Rota, boss: User
) -> None:
    make_secondary(primary, slug="secondary")
    ann, _, cleo = crew
    both = [
        {"rota": "primary", "user": ann.pk, **WEEK},
        {"rota": "secondary", "user": cleo.pk, **WEEK},
    ]
    assert Caller(boss).post("overrides/batch/", {"overrides": both}).status_code == 201
    rows = Caller(boss).get("on-call/?at=2026-01-20T00:00:00Z").json()["results"]
    assert [(row["level"], row["user"]["name"]) for row in rows] == [
        ("primary", "Ann"),
        ("secondary", "Cleo"),
    ]
