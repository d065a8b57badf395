"""Rotas and overrides in the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from directory.models import Team, User
from rotations.models import Override, Rota, RotaMember
from tests.directory import factories as people
from tests.directory.forms import form_of
from tests.rotations.factories import make_override, make_rota, make_secondary

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
    return [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew, slug="primary", zone="Europe/Berlin")


@pytest.fixture
def enter(client: Client) -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client.force_login(User.objects.get(pk=user.pk))
        return client

    return signed_in


def change(row: Any) -> str:
    return reverse(f"admin:rotations_{row._meta.model_name}_change", args=[row.pk])


class TestRota:
    def test_the_page_shows_who_is_next_on_the_rotas_clock(
        self, team: Team, primary: Rota, crew: list[User], enter: Any
    ) -> None:
        make_override(primary, crew[0], NOW + DAY, NOW + DAY * 2)
        page = enter(people.make_manager(team)).get(change(primary)).content.decode()
        lines = [line.split("</li>")[0] for line in page.split("<li>")[1:] if "2026" in line]
        assert lines[:4] == [
            "Mon 12 Jan 2026 09:00 – Thu 15 Jan 2026 04:10 CET: Ben",
            "Thu 15 Jan 2026 04:10 – Fri 16 Jan 2026 04:10 CET: Ann (override)",
            "Fri 16 Jan 2026 04:10 – Mon 19 Jan 2026 09:00 CET: Ben",
            "Mon 19 Jan 2026 09:00 – Mon 26 Jan 2026 09:00 CET: Cleo",
        ]
        assert len(lines) == 8

    def test_a_manager_changes_the_order(
        self, team: Team, primary: Rota, crew: list[User], enter: Any
    ) -> None:
        browser = enter(people.make_manager(team))
        form = form_of(browser.get(change(primary)))
        answer = browser.post(
            change(primary), form | {"members-0-position": "5", "handoff_time": "10:00"}
        )
        assert answer.status_code == 302, answer.context["errors"]
        order = RotaMember.objects.order_by("position").values_list("user__name", flat=True)
        assert list(order) == ["Ben", "Cleo", "Ann"]

    def test_a_manager_makes_one_for_the_own_team_only(self, team: Team, enter: Any) -> None:
        other = people.make_team()
        browser = enter(people.make_manager(team))
        add = reverse("admin:rotations_rota_add")
        form = form_of(browser.get(add)) | {
            "name": "Nights",
            "slug": "nights",
            "starts_on": "2026-01-05",
        }
        assert browser.post(add, form | {"team": str(other.pk)}).status_code == 200
        assert not Rota.objects.exists()
        answer = browser.post(add, form | {"team": str(team.pk)})
        assert answer.status_code == 302, answer.context["errors"]
        assert Rota.objects.get().team == team

    def test_a_rota_is_derived_from_one_of_the_same_team_that_is_not_derived(
        self, team: Team, primary: Rota, enter: Any
    ) -> None:
        secondary = make_secondary(primary)
        foreign = make_rota(people.make_team())
        third = make_rota(team)
        browser = enter(people.make_admin())
        form = form_of(browser.get(change(third)))
        for wrong in (secondary, foreign):
            assert (
                browser.post(change(third), form | {"derived_from": str(wrong.pk)}).status_code
                == 200
            )
        assert (
            browser.post(change(third), form | {"derived_from": str(primary.pk)}).status_code == 302
        )
        form = form_of(browser.get(change(primary)))
        assert (
            browser.post(
                change(primary), form | {"derived_from": str(make_rota(team).pk)}
            ).status_code
            == 200
        )

    def test_another_teams_manager_only_looks(self, primary: Rota, enter: Any) -> None:
        browser = enter(people.make_manager(people.make_team()))
        assert browser.get(change(primary)).status_code == 200
        assert browser.post(change(primary), {"name": "Mine"}).status_code == 403
        delete = reverse("admin:rotations_rota_delete", args=[primary.pk])
        assert browser.post(delete, {"post": "yes"}).status_code == 403
        assert Rota.objects.get().name == "Primary"

    def test_rows_of_other_teams_are_not_deleted_in_bulk(
        self, team: Team, primary: Rota, enter: Any
    ) -> None:
        foreign = make_rota(people.make_team())
        browser = enter(people.make_manager(team))
        browser.post(
            reverse("admin:rotations_rota_changelist"),
            {
                "action": "delete_selected",
                "_selected_action": [foreign.pk, primary.pk],
                "post": "yes",
            },
        )
        assert Rota.objects.count() == 2

    @pytest.mark.clause("C22")
    def test_taking_over_is_a_button_that_asks(self, team: Team, primary: Rota, enter: Any) -> None:
        manager = people.make_manager(team)
        url = f"/admin/rotations/rota/{primary.pk}/take-over/"
        browser = enter(manager)
        assert b"Take this rota over?" in browser.get(url).content
        assert not Override.objects.exists()
        browser.post(url, {"_form_submitted": "True"})
        assert Override.objects.get().user == manager
        stranger = enter(people.make_manager(people.make_team()))
        assert stranger.post(url, {"_form_submitted": "True"}).status_code == 403


class TestOverride:
    ADD = "/admin/rotations/override/add/"

    def wanted(self, browser: Client, rota: Rota, user: User, **changed: str) -> dict[str, Any]:
        return form_of(browser.get(self.ADD)) | {
            "rota": str(rota.pk), "user": str(user.pk), "reason": "Ill",
            "starts_at_0": "2026-01-15", "starts_at_1": "09:00",
            "ends_at_0": "2026-01-16", "ends_at_1": "09:00",
        } | changed  # fmt: skip

    def test_a_manager_puts_somebody_on_the_rota(
        self, team: Team, primary: Rota, crew: list[User], enter: Any
    ) -> None:
        manager = people.make_manager(team)
        browser = enter(manager)
        answer = browser.post(self.ADD, self.wanted(browser, primary, crew[0]))
        assert answer.status_code == 302, answer.context["errors"]
        made = Override.objects.get()
        assert (made.user, made.created_by, made.created_at) == (crew[0], manager, NOW)
        page = browser.get(change(made))
        assert page.status_code == 200
        assert browser.post(change(made), {"reason": "Other"}).status_code == 403

    def test_not_on_another_teams(
        self, team: Team, primary: Rota, crew: list[User], enter: Any
    ) -> None:
        browser = enter(people.make_manager(people.make_team()))
        assert browser.post(self.ADD, self.wanted(browser, primary, crew[0])).status_code == 200
        assert not Override.objects.exists()

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"ends_at_0": "2026-01-14"}, "must end after it starts"),
            ({"starts_at_0": "2026-01-01", "ends_at_0": "2026-01-02"}, "would change the past"),
            ({"ends_at_0": "2028-01-02"}, "a year at most"),
        ],
    )
    def test_what_makes_no_sense_is_said_in_the_form(
        self,
        team: Team,
        primary: Rota,
        crew: list[User],
        enter: Any,
        changed: dict[str, str],
        said: str,
    ) -> None:
        browser = enter(people.make_manager(team))
        answer = browser.post(self.ADD, self.wanted(browser, primary, crew[0], **changed))
        assert said in answer.content.decode()
        assert not Override.objects.exists()

    def test_deleting_one_that_runs_ends_it(
        self, team: Team, primary: Rota, crew: list[User], enter: Any
    ) -> None:
        runs = make_override(primary, crew[0], NOW - DAY, NOW + DAY)
        delete = reverse("admin:rotations_override_delete", args=[runs.pk])
        enter(people.make_manager(team)).post(delete, {"post": "yes"})
        assert Override.objects.get().ends_at == NOW


@pytest.mark.parametrize("model", [Rota, Override])
def test_a_list_costs_the_same_with_1_and_with_30_rows(
    model: Any, enter: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = enter(people.make_auditor())
    url = reverse(f"admin:rotations_{model._meta.model_name}_changelist")

    def fill(count: int) -> None:
        for _ in range(count):
            other = people.make_team()
            rota = make_rota(other, [people.make_engineer(other) for _ in range(2)])
            make_override(make_secondary(rota), people.make_user(), NOW, NOW + DAY)

    fill(2)
    browser.get(url)
    with CaptureQueriesContext(connection) as few:
        assert browser.get(url).status_code == 200
    fill(30)
    with django_assert_num_queries(len(few)):
        browser.get(url)


def test_a_rotas_page_costs_the_same_with_3_and_with_30_members(
    team: Team, primary: Rota, enter: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = enter(people.make_manager(team))
    browser.get(change(primary))
    RotaMember.objects.create(rota=primary, user=people.make_engineer(team), position=9)
    with CaptureQueriesContext(connection) as few:
        browser.get(change(primary))
    for position in range(30):
        RotaMember.objects.create(rota=primary, user=people.make_engineer(team), position=position)
    with django_assert_num_queries(len(few)):
        browser.get(change(primary))
