"""Rotas as a table: written out harmless, read in all or nothing."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client

from deadlines.extension import Actor
from directory.models import Team, User
from directory.permissions import actor_of
from rotations.enums import PlanState
from rotations.models import Plan, Rota
from rotations.rules.cells import harmless, meant
from rotations.services import plans
from rotations.services.horizon import lock_roster, redraw
from rotations.transfer import COLUMNS, as_csv, bring_in
from tests.directory import factories as people
from tests.notifications.factories import make_method
from tests.rotations.factories import make_rota, make_secondary
from tests.rotations.waiting import wait_for_who_waits

NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)


@pytest.fixture
def team(db: None) -> Team:
    return people.make_team("platform", zone="Europe/Berlin")


@pytest.fixture
def crew(team: Team) -> list[User]:
    crew = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]
    for person in crew:
        make_method(person, address=person.email)
    return crew


@pytest.fixture
def rotas(team: Team, crew: list[User]) -> tuple[Rota, Rota]:
    primary = make_rota(team, crew, slug="primary", zone="Europe/Berlin")
    secondary = make_secondary(primary, slug="secondary")
    redraw(team.pk, now=NOW - timedelta(days=1))
    return primary, secondary


@pytest.fixture
def boss(team: Team) -> Actor:
    return actor_of(people.make_manager(team, "Mia"))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def table(*rows: dict[str, str]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    written = StringIO()
    writer = csv.DictWriter(written, names)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def read(text: str, boss: Actor, **options: Any) -> Any:
    return bring_in(text, actor=boss, now=NOW, **({"dry_run": False} | options))


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-5", "@SUM(A1)", "\tx", "\rx", "plain", "", "'x"]
)
def test_a_cell_is_no_formula_and_means_what_it_meant(text: str) -> None:
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert meant(harmless(text)) == text


def test_what_is_written_out_says_the_plan_in_force_and_its_people(
    rotas: tuple[Rota, Rota], crew: list[User]
) -> None:
    Rota.objects.filter(pk=rotas[0].pk).update(name="=HYPERLINK(1)")
    first, second = rows_of(as_csv(Rota.objects.order_by("pk"), now=NOW))
    assert tuple(first) == COLUMNS
    assert first == {
        "slug": "primary", "team": "platform", "name": "'=HYPERLINK(1)", "level": "primary",
        "unit": "week", "length": "1", "handoff_weekday": "Monday", "handoff_time": "09:00",
        "zone": "Europe/Berlin", "starts_on": "2026-01-05", "ends_on": "", "hours": "",
        "derived_from": "", "offset": "1", "people": " ".join(user.email for user in crew),
    }  # fmt: skip
    assert (second["derived_from"], second["people"]) == ("primary", "")


def test_what_was_written_out_changes_nothing_read_in_again(
    rotas: tuple[Rota, Rota], boss: Actor
) -> None:
    brought = read(as_csv(Rota.objects.order_by("pk"), now=NOW), boss)
    assert (brought.faulty, brought.changed, len(brought.rows)) == (False, 0, 2)
    assert not Plan.objects.filter(state=PlanState.DRAFT).exists()


def test_a_dry_run_tells_the_differences_and_what_the_proof_says_and_writes_nothing(
    rotas: tuple[Rota, Rota], crew: list[User], boss: Actor, team: Team
) -> None:
    order = f"{crew[1].email} {crew[0].email}"
    text = table({"slug": "primary", "people": order}, {"slug": "new", "team": "platform",
        "level": "shadow", "starts_on": "2026-01-05", "people": crew[2].email})  # fmt: skip
    brought = read(text, boss, dry_run=True)
    assert not brought.faulty, brought
    before = " ".join(user.email for user in crew)
    assert brought.rows[0].changes == [("people", before, order)]
    assert (brought.rows[1].what, brought.rows[1].number) == ("new", 3)
    assert {held.user_id for held in brought.foresights[team.pk].shifts[rotas[0].pk]} == {
        crew[0].pk,
        crew[1].pk,
    }
    assert Rota.objects.count() == 2
    assert not Plan.objects.filter(state=PlanState.DRAFT).exists()


def test_rows_become_drafts(rotas: tuple[Rota, Rota], crew: list[User], boss: Actor) -> None:
    order = f"{crew[1].email}; {crew[0].email}"
    brought = read(table({"slug": "primary", "people": order, "handoff_weekday": "tue"}), boss)
    assert (brought.faulty, brought.changed) == (False, 1)
    draft = Plan.objects.get(state=PlanState.DRAFT)
    assert list(draft.members.values_list("user", flat=True)) == [crew[1].pk, crew[0].pk]
    assert (draft.rota, draft.handoff_weekday, draft.handoff_time.hour) == (rotas[0], 1, 9)


def test_or_are_published_together(rotas: tuple[Rota, Rota], crew: list[User], boss: Actor) -> None:
    text = table(
        {"slug": "primary", "people": " ".join(user.email for user in crew[::-1])},
        {"slug": "secondary", "offset": "2"},
    )
    assert not read(text, boss, publish=True).faulty
    begins = Plan.objects.filter(effective_at__isnull=False).values_list("effective_at", flat=True)
    assert list(begins) == [datetime(2026, 1, 19, 8, tzinfo=UTC)] * 2


def test_one_fault_refuses_all_and_each_is_named_with_its_line(
    rotas: tuple[Rota, Rota], crew: list[User], boss: Actor
) -> None:
    other = make_rota(people.make_team(), slug="other")
    text = table(
        {"slug": "primary", "length": "2"},
        {"slug": "secondary", "length": "many", "starts_on": "soon"},
        {"slug": other.slug, "length": "2"},
        {"slug": "lost", "team": "nowhere"},
        {"slug": "x", "team": "platform", "people": "nobody@example.org"},
    )
    brought = read(text, boss)
    assert brought.faulty
    faults = {row.number: " ".join(row.faults) for row in brought.rows}
    assert faults[2] == ""
    assert "length" in faults[3]
    assert "starts_on" in faults[3]
    assert "Only the team's manager" in faults[4]
    assert "no such team" in faults[5]
    assert "nobody@example.org" in faults[6]
    assert not Plan.objects.filter(state=PlanState.DRAFT).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nx\n", "The first line names the columns"),
        ("slug,colour\nx,red\n", "Not a column: colour"),
        ("slug\nx\nx\n", "twice"),
        ("slug\n", "no rows"),
        ("slug,name\nx,y,z\n", "no table"),
    ],
)
def test_what_is_no_table_of_rotas_is_refused(
    rotas: tuple[Rota, Rota], boss: Actor, text: str, said: str
) -> None:
    assert said in read(text, boss).refused


def test_what_another_manager_has_written_into_a_draft_is_not_written_over(
    rotas: tuple[Rota, Rota], crew: list[User], boss: Actor, team: Team
) -> None:
    noa = actor_of(people.make_manager(team, "Noa"))
    draft = plans.open_draft(rotas[0].pk, actor=noa, now=NOW)
    text = table({"slug": "primary", "length": "2"})
    assert not read(text, boss, dry_run=True).faulty, "one that was only opened says nothing yet"
    order = [crew[2].pk, crew[0].pk]
    plans.edit_draft(draft.pk, edit=1, members=order, actor=noa, now=NOW)
    for dry_run in (True, False):
        brought = read(text, boss, dry_run=dry_run)
        assert (
            "Noa changed the draft of Primary on 14 Jan at 04:10 CET" in brought.rows[0].faults[0]
        )
    draft.refresh_from_db()
    assert (draft.length, list(draft.members.values_list("user", flat=True))) == (1, order)
    assert not read(text, noa).faulty
    draft.refresh_from_db()
    assert draft.length == 2


@pytest.mark.clause("C11")
def test_a_table_that_would_break_the_roster_is_not_published(
    rotas: tuple[Rota, Rota], crew: list[User], boss: Actor
) -> None:
    text = table({"slug": "primary", "people": crew[0].email})
    brought = read(text, boss, publish=True)
    assert "The roster would break" in brought.refused
    assert not Plan.objects.exclude(state=PlanState.PUBLISHED).exists()
    assert not read(text, boss, publish=True, waiver_reason="Two are ill").faulty


@pytest.mark.django_db(transaction=True)
def test_several_teams_are_taken_in_the_order_in_which_everybody_takes_them() -> None:
    """Who holds the first team's roster may take the second's as well, whatever the table's order."""
    first, second = people.make_team("first"), people.make_team("second")
    admin = actor_of(people.make_admin())
    for team in (first, second):
        make_rota(team, [people.make_engineer(team, team.slug) for _ in range(2)], slug=team.slug)
        redraw(team.pk, now=NOW)
    text = table({"slug": "second", "length": "2"}, {"slug": "first", "length": "2"})
    faulty = []

    def read_in() -> None:
        try:
            faulty.append(read(text, admin, publish=True, waiver_reason="They know").faulty)
        finally:
            connection.close()

    thread = Thread(target=read_in)
    with transaction.atomic():
        lock_roster(first.pk)
        thread.start()
        wait_for_who_waits()
        lock_roster(second.pk)
    thread.join(30)
    assert faulty == [False]


class TestAdmin:
    URL = "/admin/rotations/rota/import/"

    @pytest.fixture(autouse=True)
    def then(self, db: None) -> Any:
        with time_machine.travel(NOW, tick=False):
            yield

    def test_a_table_is_looked_at_first_and_then_read_in(
        self, rotas: tuple[Rota, Rota], crew: list[User], boss: Actor, client: Client
    ) -> None:
        client.force_login(User.objects.get(name=boss.label))
        assert client.get(self.URL).status_code == 200
        given = {"text": table({"slug": "primary", "length": "2"}), "then": "draft", "waive": ""}
        looked = client.post(self.URL, given)
        assert "What it would do; nothing is written yet" in looked.content.decode()
        assert "<del>1</del> → <ins>2</ins>" in looked.content.decode()
        assert not Plan.objects.filter(state=PlanState.DRAFT).exists()
        assert client.post(self.URL, given | {"_sure": "1"}).status_code == 302
        assert Plan.objects.get(state=PlanState.DRAFT).length == 2

    def test_a_faulty_one_says_what_is_wrong(
        self, rotas: tuple[Rota, Rota], boss: Actor, client: Client
    ) -> None:
        client.force_login(User.objects.get(name=boss.label))
        given = {"text": "slug\n<script>\n", "then": "draft", "waive": "", "_sure": "1"}
        answer = client.post(self.URL, given)
        assert answer.status_code == 422
        assert "There is no such team" in answer.content.decode()
        assert "<script>\n" not in answer.content.decode()

    def test_who_edits_no_team_reads_nothing_in_and_may_write_out(
        self, rotas: tuple[Rota, Rota], client: Client
    ) -> None:
        client.force_login(people.make_auditor())
        assert client.get(self.URL).status_code == 403
        answer = client.get("/admin/rotations/rota/export/")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert [row["slug"] for row in rows_of(answer.content.decode())] == ["primary", "secondary"]
