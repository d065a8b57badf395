"""Rotas, drafts and what changes them in the admin: each door once open, once closed, at a constant price."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from directory.models import Team, User
from directory.permissions import actor_of
from rotations.enums import PlanState
from rotations.models import (
    Breach,
    Override,
    Plan,
    PlanMember,
    RosterRules,
    Rota,
    Shift,
    TimeOff,
)
from rotations.services import plans
from rotations.services.horizon import redraw
from tests.directory import factories as people
from tests.directory.forms import form_of
from tests.notifications.factories import make_method
from tests.rotations.factories import make_override, make_rota, make_secondary

NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
HANDOFF = datetime(2026, 1, 19, 8, tzinfo=UTC)
DAY = timedelta(days=1)
Enter = Callable[[User], Client]


@pytest.fixture(autouse=True)
def on_a_wednesday(db: None) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    return people.make_team("platform", zone="Europe/Berlin")


@pytest.fixture
def crew(team: Team) -> list[User]:
    crew = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]
    for person in crew:
        make_method(person, address=person.email)
    return crew


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew, slug="primary", zone="Europe/Berlin")


@pytest.fixture
def secondary(primary: Rota) -> Rota:
    secondary = make_secondary(primary, slug="secondary", zone="Europe/Berlin")
    redraw(primary.team_id, now=NOW - DAY)
    return secondary


@pytest.fixture
def boss(team: Team) -> User:
    return people.make_manager(team, "Mia")


@pytest.fixture
def enter(client: Client) -> Enter:
    def signed_in(user: User) -> Client:
        client.force_login(User.objects.get(pk=user.pk))
        return client

    return signed_in


def change(row: Any) -> str:
    return reverse(f"admin:rotations_{row._meta.model_name}_change", args=[row.pk])


def listed(model: Any) -> str:
    return reverse(f"admin:rotations_{model._meta.model_name}_changelist")


def draft_of(rota: Rota, user: User) -> Plan:
    return plans.open_draft(rota.pk, actor=actor_of(user), now=NOW)


def names(plan: Plan) -> list[str]:
    return list(plan.members.order_by("position").values_list("user__name", flat=True))


def posted(browser: Client, draft: Plan, order: Sequence[int] = (), **changed: str) -> Any:
    """The draft's form as the page shows it; `order` gives the rows' numbers."""
    form = form_of(browser.get(change(draft)))
    numbers = {f"members-{row}-position": str(number) for row, number in enumerate(order)}
    return form | numbers | changed


def unescaped(answer: Any) -> str:
    """The page's text, with its entities read."""
    return unescape(answer.content.decode())


def looked_at(answer: Any) -> dict[str, str]:
    """What the page of publishing together posts: the drafts it showed, at the next handoff."""
    [edits] = re.findall(r'name="edits" value="([^"]+)"', answer.content.decode())
    return {"when": "handoff", "waive": "", "edits": edits}


class TestRota:
    def test_its_page_tells_who_holds_it_by_which_plan(
        self, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        page = enter(boss).get(change(secondary)).content.decode()
        assert "<strong>Cleo</strong> is on call now" in page
        assert "Follows Primary, the next person in order" in page
        assert "Change the turns" in page

    def test_the_list_tells_it_in_a_line(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        page = enter(boss).get(listed(Rota)).content.decode()
        for said in ("Ann, Ben, Cleo", "Every week from Monday 09:00 Europe/Berlin", "in order"):
            assert said in page

    def test_a_manager_makes_one_for_the_own_team_only_and_comes_to_its_draft(
        self, team: Team, boss: User, enter: Enter
    ) -> None:
        browser, other = enter(boss), people.make_team()
        add = reverse("admin:rotations_rota_add")
        form = form_of(browser.get(add)) | {"name": "Nights", "slug": "nights"}
        assert browser.post(add, form | {"team": str(other.pk)}).status_code == 200
        assert not Rota.objects.exists()
        answer = browser.post(add, form | {"team": str(team.pk)})
        assert answer.headers["Location"] == change(Plan.objects.get())
        assert Rota.objects.get().team == team

    def test_its_level_stays_once_it_has_a_plan(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        form = form_of(browser.get(change(primary)))
        assert "level" not in form
        answer = browser.post(change(primary), form | {"name": "First", "level": "shadow"})
        assert answer.status_code == 302, answer.context["errors"]
        primary.refresh_from_db()
        assert (primary.name, primary.level) == ("First", "primary")

    def test_another_teams_manager_only_looks(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        draft = draft_of(primary, boss)
        browser = enter(people.make_manager(people.make_team()))
        assert browser.get(change(primary)).status_code == 200
        assert "Change the turns" not in browser.get(change(primary)).content.decode()
        page = browser.get(change(draft))
        assert page.status_code == 200
        assert b"Save draft" not in page.content
        closed = [
            change(primary),
            change(draft),
            f"/admin/rotations/rota/{primary.pk}/draft/",
            f"/admin/rotations/rota/{primary.pk}/retire/",
            f"/admin/rotations/rota/{primary.pk}/revive/",
            f"/admin/rotations/plan/{draft.pk}/foresee/",
            f"/admin/rotations/plan/{draft.pk}/discard/",
            f"/admin/rotations/plan/{primary.plans.get(state='published').pk}/withdraw/",
            f"/admin/rotations/rota/publish-together/?rotas={primary.pk}",
        ]
        assert {url: browser.post(url, {}).status_code for url in closed} == dict.fromkeys(
            closed, 403
        )
        assert Plan.objects.filter(state=PlanState.DRAFT).count() == 1

    def test_it_is_retired_and_put_back(self, secondary: Rota, boss: User, enter: Enter) -> None:
        browser = enter(boss)
        for verb, active in (("retire", False), ("revive", True)):
            url = f"/admin/rotations/rota/{secondary.pk}/{verb}/"
            assert browser.get(url).status_code == 200
            browser.post(url, {"waiver_reason": "The team is dissolved"})
            secondary.refresh_from_db()
            assert secondary.active is active

    def test_one_that_others_follow_says_why_it_does_not_retire(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        answer = enter(boss).post(f"/admin/rotations/rota/{primary.pk}/retire/", {})
        assert answer.status_code == 422
        assert "Secondary follows this rota" in answer.content.decode()

    def test_nothing_is_deleted(self, primary: Rota, enter: Enter) -> None:
        browser = enter(people.make_admin())
        delete = reverse("admin:rotations_rota_delete", args=[primary.pk])
        assert browser.post(delete, {"post": "yes"}).status_code == 403

    @pytest.mark.clause("C22")
    def test_taking_over_is_a_button_that_asks(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        url = f"/admin/rotations/rota/{primary.pk}/take-over/"
        browser = enter(boss)
        assert b"Take this rota over?" in browser.get(url).content
        assert not Override.objects.exists()
        browser.post(url, {"_form_submitted": "True"})
        assert Override.objects.get().user == boss
        stranger = enter(people.make_manager(people.make_team()))
        assert stranger.post(url, {"_form_submitted": "True"}).status_code == 403


class TestDraft:
    def test_the_button_opens_one_and_comes_back_to_it(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        url = f"/admin/rotations/rota/{primary.pk}/draft/"
        first = browser.post(url).headers["Location"]
        assert first == browser.post(url).headers["Location"] == change(Plan.objects.latest("pk"))
        assert browser.get(url).status_code == 405

    def test_shows_the_next_shifts_and_who_would_move_before_anything_is_saved(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        assert names(draft) == ["Ben", "Cleo", "Ann"]
        url = f"/admin/rotations/plan/{draft.pk}/foresee/"
        page = browser.post(url, posted(browser, draft, (0, 2, 1))).content.decode()
        shifts = page.split("roster-shifts")[1].split("<li")[1:]
        assert "Mon 19 Jan 2026 09:00 – Mon 26 Jan 2026 09:00 CET" in page
        assert [("Ann" in shifts[1], "moved" in shifts[1]), "moved" in shifts[0]] == [
            (True, True),
            False,
        ]
        assert "In force from <strong>Mon 19 Jan 2026 09:00 CET</strong>" in page
        assert "Shifts move for Ann, Cleo" in page
        draft.refresh_from_db()
        assert (draft.edit, names(draft)) == (1, ["Ben", "Cleo", "Ann"])

    def test_show_does_the_same_without_scripts_and_keeps_what_was_typed(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        form = posted(browser, draft, (0, 2, 1), hours="Mon-Fri 09:00-17:00") | {"_show": "1"}
        answer = browser.post(change(draft), form)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "Mon 19 Jan 2026 09:00 – Mon 19 Jan 2026 17:00 CET" in page
        assert "correct the error" not in page
        again = form_of(answer)
        assert (again["hours"], again["members-1-position"]) == ("Mon-Fri 09:00-17:00", "2")
        draft.refresh_from_db()
        assert draft.hours == ""

    def test_what_is_not_complete_is_said_in_the_panel(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        url = f"/admin/rotations/plan/{draft.pk}/foresee/"
        page = browser.post(url, posted(browser, draft, hours="sometimes")).content.decode()
        assert "Not complete yet" in page
        assert "names no days and hours" in page

    def test_is_saved_in_the_order_of_the_numbers(
        self, primary: Rota, boss: User, crew: list[User], team: Team, enter: Enter
    ) -> None:
        dan = people.make_engineer(team, "Dan")
        browser, draft = enter(boss), draft_of(primary, boss)
        form = posted(browser, draft, (5, 1, 3)) | {"members-3-user": str(dan.pk)}
        form |= {"members-TOTAL_FORMS": "5", "members-4-user": "", "members-4-position": "4"}
        answer = browser.post(change(draft), form | {"members-3-position": "", "_save": "1"})
        assert answer.status_code == 302, answer.context["errors"]
        draft.refresh_from_db()
        assert names(draft) == ["Cleo", "Ann", "Ben", "Dan"]
        assert (draft.edit, draft.edited_by, draft.state) == (2, boss, PlanState.DRAFT)

    @pytest.mark.clause("C8")
    def test_is_published_with_what_the_form_says(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        form = posted(browser, draft, (0, 2, 1), handoff_time="10:00")
        answer = browser.post(change(draft), form | {"_publish": "1"}, follow=True)
        assert "in force from Mon 19 Jan 2026 09:00 CET" in answer.content.decode()
        draft.refresh_from_db()
        assert (draft.state, draft.effective_at, draft.published_by) == (
            PlanState.PUBLISHED,
            HANDOFF,
            boss,
        )
        assert names(draft) == ["Ben", "Ann", "Cleo"]

    def test_an_instant_is_read_on_the_rotas_clock(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        assert "On the rota's clock, Europe/Berlin." in unescaped(browser.get(change(draft)))
        form = posted(
            browser, draft, when="at", at_0="2026-01-20", at_1="12:00", _publish="1"
        )  # fmt: skip
        assert browser.post(change(draft), form).status_code == 302
        draft.refresh_from_db()
        assert draft.effective_at == datetime(2026, 1, 20, 11, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("name", "other"), [("starts_on", "ends_on"), ("ends_on", "starts_on")]
    )
    @pytest.mark.parametrize("day", ["2100-12-30", "9999-12-31"])
    def test_a_far_day_is_said_in_the_form_or_opens_again(
        self, primary: Rota, boss: User, enter: Enter, name: str, other: str, day: str
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        form = posted(browser, draft, zone="America/New_York", handoff_time="23:00", _save="1")
        kept = {"ends_on": "", "starts_on": form["starts_on"]}[other]
        answer = browser.post(change(draft), form | {name: day, other: kept})
        if day.startswith("9"):
            assert answer.status_code == 200
            assert "between 2015 and 2100" in answer.content.decode()
        else:
            assert answer.status_code == 302, answer.context["errors"]
        assert browser.get(change(draft)).status_code == 200

    def test_an_instant_too_far_is_said_in_the_form(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        form = posted(browser, draft, when="at", at_0="9999-12-31", at_1="12:00", _publish="1")
        answer = browser.post(change(draft), form)
        assert answer.status_code == 200
        assert "before 2101" in answer.content.decode()
        draft.refresh_from_db()
        assert draft.state == PlanState.DRAFT

    def test_what_the_service_refuses_comes_back_as_typed(
        self, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        form = posted(
            browser, draft, (0, 2, 1), when="at", at_0="2026-01-01", at_1="12:00", _publish="1"
        )
        answer = browser.post(change(draft), form)
        assert "cannot take over before now" in answer.content.decode()
        assert form_of(answer)["members-1-position"] == "2"
        draft.refresh_from_db()
        assert (draft.state, draft.edit) == (PlanState.DRAFT, 1)

    def test_of_two_managers_the_second_is_told_and_nothing_typed_is_lost(
        self, team: Team, primary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        mine = posted(browser, draft, (2, 1, 0), _save="1")
        noa = people.make_manager(team, "Noa")
        plans.edit_draft(
            draft.pk, edit=1, members=[crew[0].pk], actor=actor_of(noa), now=NOW, length=2
        )
        answer = browser.post(change(draft), mine)
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "Noa changed this draft on 14 Jan at 04:10 CET" in page
        again = form_of(answer)
        assert [again[f"members-{row}-user"] for row in range(3)] == [
            str(crew[1].pk),
            str(crew[2].pk),
            str(crew[0].pk),
        ]
        assert again["length"] == "1"
        draft.refresh_from_db()
        assert names(draft) == ["Ann"]
        assert browser.post(change(draft), again | {"_save": "1"}).status_code == 302
        draft.refresh_from_db()
        assert (names(draft), draft.length) == (["Ann", "Cleo", "Ben"], 1)

    def test_what_was_typed_into_a_draft_published_meanwhile_goes_on_in_a_new_one(
        self, team: Team, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        mine = posted(browser, draft, (2, 1, 0), _save="1")
        plans.publish(draft.pk, edit=1, actor=actor_of(people.make_manager(team, "Noa")), now=NOW)
        there = browser.post(change(draft), mine)
        assert there.status_code == 307
        answer = browser.post(there.headers["Location"], mine)
        assert "published or thrown away meanwhile" in answer.content.decode()
        new = Plan.objects.get(state=PlanState.DRAFT)
        again = browser.post(change(new), form_of(answer) | {"_save": "1"})
        assert again.status_code == 302, again.context["errors"]
        assert names(new) == ["Ann", "Cleo", "Ben"]

    def test_one_superseded_meanwhile_is_told_of_the_other_plan_and_then_published(
        self, team: Team, primary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        mine = posted(browser, draft, (2, 1, 0), _publish="1", when="now")
        Plan.objects.filter(pk=draft.pk).update(state=PlanState.WITHDRAWN)
        theirs = draft_of(primary, boss)
        plans.publish(theirs.pk, edit=1, actor=actor_of(people.make_manager(team)), now=NOW)
        Plan.objects.filter(pk=draft.pk).update(state=PlanState.DRAFT)
        answer = browser.post(change(draft), mine)
        assert "published another plan" in answer.content.decode()
        again = browser.post(change(draft), form_of(answer) | {"_publish": "1"})
        assert again.status_code == 302, again.context["errors"]
        draft.refresh_from_db()
        assert (draft.state, draft.effective_at) == (PlanState.PUBLISHED, NOW)

    def test_is_thrown_away_after_a_question(self, primary: Rota, boss: User, enter: Enter) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        url = f"/admin/rotations/plan/{draft.pk}/discard/?edit=1"
        assert b"Throw away the draft" in browser.get(url).content
        browser.post(url)
        assert not Plan.objects.filter(pk=draft.pk).exists()

    def test_a_plan_that_has_not_begun_is_withdrawn_on_its_rotas_page(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        plans.publish(draft.pk, edit=1, actor=actor_of(boss), now=NOW)
        url = f"/admin/rotations/plan/{draft.pk}/withdraw/"
        assert url in browser.get(change(primary)).content.decode()
        assert browser.get(url).status_code == 200
        browser.post(url, {"waiver_reason": ""})
        draft.refresh_from_db()
        assert draft.state == PlanState.WITHDRAWN

    def test_what_was_published_is_only_read(self, primary: Rota, boss: User, enter: Enter) -> None:
        browser, plan = enter(boss), primary.plans.get()
        assert browser.get(change(plan)).status_code == 200
        assert b"Save draft" not in browser.get(change(plan)).content

    def test_drafts_of_a_pair_are_published_together_from_the_list(
        self, primary: Rota, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        drafts = [draft_of(rota, boss) for rota in (primary, secondary)]
        answer = browser.post(
            listed(Rota),
            {"action": "publish_drafts", "_selected_action": [primary.pk, secondary.pk]},
            follow=True,
        )
        assert "Publish 2 drafts of Platform together?" in answer.content.decode()
        assert "On the rota's clock, Europe/Berlin." in unescaped(answer)
        url = f"/admin/rotations/rota/publish-together/?rotas={primary.pk},{secondary.pk}"
        assert browser.post(url, looked_at(answer)).status_code == 302
        found = Plan.objects.filter(pk__in=[draft.pk for draft in drafts])
        assert set(found.values_list("state", "effective_at")) == {("published", HANDOFF)}

    def test_what_was_changed_after_the_page_was_shown_is_shown_before_it_is_published(
        self, team: Team, primary: Rota, secondary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        browser, noa = enter(boss), actor_of(people.make_manager(team, "Noa"))
        draft = draft_of(primary, boss)
        url = f"/admin/rotations/rota/publish-together/?rotas={primary.pk},{secondary.pk}"
        form = looked_at(browser.get(url))
        order = [crew[0].pk, crew[2].pk, crew[1].pk]
        plans.edit_draft(draft.pk, edit=1, members=order, actor=noa, now=NOW)
        answer = browser.post(url, form)
        assert answer.status_code == 422
        assert "Noa changed this draft on 14 Jan at 04:10 CET" in answer.content.decode()
        form = looked_at(answer)
        draft_of(secondary, boss)
        answer = browser.post(url, form)
        assert "Not these drafts were shown" in answer.content.decode()
        assert Plan.objects.filter(state=PlanState.DRAFT).count() == 2
        assert browser.post(url, looked_at(answer)).status_code == 302
        assert not Plan.objects.filter(state=PlanState.DRAFT).exists()


class TestHistory:
    def test_tells_every_change_with_who_and_when(
        self, primary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        browser, draft = enter(boss), draft_of(primary, boss)
        browser.post(change(draft), posted(browser, draft, (2, 1, 0), length="2", _publish="1"))
        page = browser.get(reverse("admin:rotations_rota_history", args=[primary.pk]))
        told = page.context["changes"]
        lengths = [
            (one.who, fields) for one in told for fields in one.fields if fields[0] == "length"
        ]
        assert ("Mia", ("length", "1", "2")) in lengths
        states = [fields for one in told for fields in one.fields if fields[0] == "state"]
        assert ("state", "draft", "published") in states
        people = [one for one in told if one.what == f"people of plan {draft.pk}"]
        assert [(one.who, one.fields) for one in people] == [
            ("Mia", [("Ann", "2", "0"), ("Ben", "0", "2")]),
            ("Mia", [("Ben", "–", "0"), ("Cleo", "–", "1"), ("Ann", "–", "2")]),
        ]
        assert b"Mia" in page.content

    def test_is_seen_by_other_teams_and_not_by_engineers(
        self, team: Team, primary: Rota, enter: Enter
    ) -> None:
        url = reverse("admin:rotations_rota_history", args=[primary.pk])
        assert enter(people.make_auditor()).get(url).status_code == 200
        assert enter(people.make_engineer(team)).get(url).status_code == 302


class TestRules:
    def test_a_manager_sets_the_own_teams(
        self, team: Team, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        rules = RosterRules.objects.get(team=team)
        browser = enter(boss)
        form = form_of(browser.get(change(rules))) | {"horizon_weeks": "8", "min_rest_hours": "11"}
        answer = browser.post(change(rules), form)
        assert answer.status_code == 302, answer.context["errors"]
        rules.refresh_from_db()
        assert (rules.horizon_weeks, rules.min_rest_hours, rules.team) == (8, 11, team)
        stranger = enter(people.make_manager(people.make_team()))
        assert stranger.get(change(rules)).status_code == 200
        assert stranger.post(change(rules), form).status_code == 403


def make_breach(team: Team, **fields: Any) -> Breach:
    defaults: dict[str, Any] = {
        "key": f"gap-{Breach.objects.count()}", "kind": "gap", "clause": "C6", "level": "primary",
        "starts_at": NOW + DAY, "ends_at": NOW + DAY * 2, "blocking": True,
        "said": "Nobody is primary", "found_at": NOW,
    }  # fmt: skip
    return Breach.objects.create(team=team, **(defaults | fields))


class TestBreach:
    def test_is_shown_with_clause_minutes_and_people(
        self, team: Team, crew: list[User], primary: Rota, boss: User, enter: Enter
    ) -> None:
        make_breach(team, user_ids=[crew[0].pk])
        page = enter(boss).get(listed(Breach)).content.decode()
        for said in ("C6", "Thu 15 Jan 2026 04:10 – Fri 16 Jan 2026 04:10 CET", "Ann", "stands"):
            assert said in page
        assert "1 breach" in enter(boss).get(listed(Rota)).content.decode()
        assert "Nobody is primary" in enter(boss).get(change(primary)).content.decode()

    def test_is_waived_with_a_reason_by_the_teams_manager_only(
        self, team: Team, boss: User, enter: Enter
    ) -> None:
        breach = make_breach(team)
        url = f"/admin/rotations/breach/{breach.pk}/waive/"
        assert enter(people.make_manager(people.make_team())).get(url).status_code == 403
        browser = enter(boss)
        assert browser.get(url).status_code == 200
        assert browser.post(url, {"reason": ""}).status_code == 422
        assert browser.post(url, {"reason": "Company trip"}).status_code == 302
        breach.refresh_from_db()
        assert (breach.waived_by, breach.waived_at, breach.waived_reason) == (
            boss,
            NOW,
            "Company trip",
        )


class TestOverride:
    ADD = "/admin/rotations/override/add/"

    def wanted(self, browser: Client, rota: Rota, user: User, **changed: str) -> dict[str, Any]:
        return form_of(browser.get(self.ADD)) | {
            "rota": str(rota.pk), "user": str(user.pk), "reason": "Ill",
            "starts_at_0": "2026-01-15", "starts_at_1": "09:00",
            "ends_at_0": "2026-01-16", "ends_at_1": "09:00",
        } | changed  # fmt: skip

    def test_a_manager_puts_somebody_on_the_rota(
        self, primary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        answer = browser.post(self.ADD, self.wanted(browser, primary, crew[0]))
        assert answer.status_code == 302, answer.context["errors"]
        made = Override.objects.get()
        assert (made.user, made.created_by, made.created_at) == (crew[0], boss, NOW)
        assert browser.get(change(made)).status_code == 200
        assert browser.post(change(made), {"reason": "Other"}).status_code == 403

    def test_is_read_and_shown_on_the_managers_clock_and_says_so(
        self, team: Team, primary: Rota, crew: list[User], enter: Enter
    ) -> None:
        browser = enter(people.make_manager(team, "Noa", zone="America/New_York"))
        assert browser.get(self.ADD).content.decode().count("On your clock, America/New_York.") == 2
        refused = browser.post(self.ADD, self.wanted(browser, primary, crew[0], ends_at_0=""))
        assert 'value="09:00"' in refused.content.decode()
        browser.post(self.ADD, self.wanted(browser, primary, crew[0]))
        made = Override.objects.get()
        assert made.starts_at == datetime(2026, 1, 15, 14, tzinfo=UTC)
        for url in (change(made), listed(Override)):
            assert "Thu 15 Jan 2026 09:00 EST" in browser.get(url).content.decode()

    def test_not_on_another_teams(self, primary: Rota, crew: list[User], enter: Enter) -> None:
        browser = enter(people.make_manager(people.make_team()))
        assert browser.post(self.ADD, self.wanted(browser, primary, crew[0])).status_code == 200
        assert not Override.objects.exists()

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"ends_at_0": "2026-01-14"}, "must end after it starts"),
            ({"starts_at_0": "2026-01-01", "ends_at_0": "2026-01-02"}, "would change the past"),
            ({"ends_at_0": "2028-01-02"}, "a year at most"),
            ({"starts_at_0": "2101-01-01", "ends_at_0": "2101-01-02"}, "an end before 2101"),
        ],
    )
    def test_what_makes_no_sense_is_said_in_the_form(
        self,
        primary: Rota,
        crew: list[User],
        boss: User,
        enter: Enter,
        changed: dict[str, str],
        said: str,
    ) -> None:
        browser = enter(boss)
        answer = browser.post(self.ADD, self.wanted(browser, primary, crew[0], **changed))
        assert said in answer.content.decode()
        assert not Override.objects.exists()

    def test_deleting_one_that_runs_ends_it(
        self, primary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        runs = make_override(primary, crew[0], NOW - DAY, NOW + DAY)
        delete = reverse("admin:rotations_override_delete", args=[runs.pk])
        enter(boss).post(delete, {"post": "yes"})
        assert Override.objects.get().ends_at == NOW

    def test_one_that_would_break_the_roster_says_so_and_is_waived_with_a_reason(
        self, secondary: Rota, boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        form = self.wanted(browser, secondary, boss, reason="Nobody is needed") | {"user": ""}
        answer = browser.post(self.ADD, form)
        assert "The roster would break" in answer.content.decode()
        assert form_of(answer)["reason"] == "Nobody is needed"
        assert not Override.objects.exists()
        assert browser.post(self.ADD, form | {"waive": "Office party"}).status_code == 302
        assert Override.objects.get().user is None
        assert Breach.objects.get(clause="C11").waived_reason == "Office party"


class TestTimeOff:
    ADD = "/admin/rotations/timeoff/add/"

    def wanted(self, browser: Client, user: User, day: int) -> dict[str, Any]:
        return form_of(browser.get(self.ADD)) | {
            "user": str(user.pk), "reason": "Holiday",
            "starts_at_0": f"2026-01-{day}", "starts_at_1": "00:00",
            "ends_at_0": f"2026-01-{day + 1}", "ends_at_1": "00:00",
        }  # fmt: skip

    def test_a_manager_plans_that_of_the_own_teams_people(
        self, team: Team, primary: Rota, boss: User, enter: Enter
    ) -> None:
        dan = people.make_engineer(team, "Dan")
        browser = enter(boss)
        answer = browser.post(self.ADD, self.wanted(browser, dan, 20))
        assert answer.status_code == 302, answer.context["errors"]
        off = TimeOff.objects.get()
        assert (off.user, off.created_by, off.created_at) == (dan, boss, NOW)
        form = form_of(browser.get(change(off))) | {"ends_at_0": "2026-01-22"}
        assert browser.post(change(off), form).status_code == 302
        off.refresh_from_db()
        assert off.ends_at == datetime(2026, 1, 22, tzinfo=UTC)
        history = browser.get(reverse("admin:rotations_timeoff_history", args=[off.pk]))
        assert "Mia" in history.content.decode()
        delete = reverse("admin:rotations_timeoff_delete", args=[off.pk])
        assert browser.get(delete).status_code == 200
        browser.post(delete, {"waiver_reason": ""})
        assert not TimeOff.objects.exists()

    def test_is_read_and_shown_on_the_readers_clock_and_says_so(
        self, team: Team, primary: Rota, enter: Enter
    ) -> None:
        dan = people.make_engineer(team, "Dan")
        browser = enter(people.make_manager(team, "Noa", zone="America/New_York"))
        browser.post(self.ADD, self.wanted(browser, dan, 20))
        off = TimeOff.objects.get()
        assert off.starts_at == datetime(2026, 1, 20, 5, tzinfo=UTC)
        page = browser.get(change(off))
        assert page.content.decode().count("On your clock, America/New_York.") == 2
        assert page.content.decode().count('value="00:00:00"') == 2
        with timezone.override("America/New_York"):
            form = form_of(page) | {"reason": "Ill"}
        assert browser.post(change(off), form).status_code == 302
        kept = TimeOff.objects.get()
        assert (kept.starts_at, kept.reason) == (off.starts_at, "Ill")
        assert "Tue 20 Jan 2026 00:00 EST" in browser.get(listed(TimeOff)).content.decode()
        auditor = enter(people.make_auditor(zone="Europe/Berlin"))
        assert "Tue 20 Jan 2026 06:00 CET" in auditor.get(change(off)).content.decode()

    def test_who_is_on_call_then_hands_over_first(
        self, secondary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        answer = browser.post(self.ADD, self.wanted(browser, crew[2], 20))
        assert "Hand over first: primary, 2026-01-19" in answer.content.decode()
        assert not TimeOff.objects.exists()

    def test_one_without_an_end_is_refused_in_the_form(
        self, primary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        browser = enter(boss)
        form = self.wanted(browser, crew[0], 20) | {"ends_at_0": "9999-12-31"}
        answer = browser.post(self.ADD, form)
        assert answer.status_code == 200
        assert "an end before 2101" in answer.content.decode()
        assert not TimeOff.objects.exists()

    def test_not_that_of_other_teams_people(
        self, team: Team, primary: Rota, crew: list[User], boss: User, enter: Enter
    ) -> None:
        off = TimeOff.objects.create(
            user=crew[0], starts_at=NOW + DAY, ends_at=NOW + DAY * 2, created_at=NOW
        )
        browser = enter(people.make_manager(people.make_team()))
        assert browser.post(self.ADD, self.wanted(browser, crew[0], 20)).status_code == 403
        assert browser.post(change(off), {"reason": "Mine"}).status_code in (302, 403)
        delete = reverse("admin:rotations_timeoff_delete", args=[off.pk])
        browser.post(delete, {"waiver_reason": ""})
        assert TimeOff.objects.get().reason == ""


@pytest.mark.parametrize("model", [Rota, Plan, Override, Breach, Shift, TimeOff])
def test_a_list_costs_the_same_with_1_and_with_30_rows(
    model: Any, enter: Enter, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = enter(people.make_auditor())

    def fill(count: int) -> None:
        for _ in range(count):
            other = people.make_team()
            rota = make_rota(other, [people.make_engineer(other) for _ in range(2)])
            make_override(make_secondary(rota), people.make_user(), NOW, NOW + DAY)
            make_breach(other, user_ids=[people.make_user().pk])
            redraw(other.pk, now=NOW)
            TimeOff.objects.create(
                user=people.make_engineer(other), starts_at=NOW, ends_at=NOW + DAY, created_at=NOW
            )

    fill(2)
    browser.get(listed(model))
    with CaptureQueriesContext(connection) as few:
        assert browser.get(listed(model)).status_code == 200
        asked = len(few)
    fill(30)
    browser.get(listed(model))  # what is kept while it stands is read anew
    with django_assert_num_queries(asked):
        browser.get(listed(model))


def test_a_drafts_page_costs_the_same_with_4_and_with_30_people(
    team: Team,
    primary: Rota,
    boss: User,
    enter: Enter,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    browser, draft = enter(boss), draft_of(primary, boss)

    def add(position: int) -> None:
        PlanMember.objects.create(plan=draft, user=people.make_engineer(team), position=position)

    add(9)
    browser.get(change(draft))
    with CaptureQueriesContext(connection) as few:
        browser.get(change(draft))
        asked = len(few)
    for position in range(26):
        add(position)
    browser.get(change(draft))
    with django_assert_num_queries(asked):
        browser.get(change(draft))
