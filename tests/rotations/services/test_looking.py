"""The hourly look: the past frozen, the future drawn, breaches kept, managers told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deadlines.enums import State
from deadlines.models import Deadline
from deadlines.services import cancel, enforce
from directory.models import Team, User
from directory.permissions import actor_of
from notifications.composing import compose
from notifications.enums import MethodKind, PageOutState, PageState, Purpose
from notifications.models import ContactMethod, Page, PageOut
from notifications.queries import limits
from notifications.services import record_as_delivered
from rotations import health
from rotations.apps import begin_to_look
from rotations.enums import BreachKind
from rotations.models import Breach, Override, Rota, Shift
from rotations.queries.messages import messages_of
from rotations.rules.proof import Breach as Found
from rotations.services import breaches, changing, looking
from rotations.services.looking import look
from rotations.services.promising import LOOK, keep_looking, next_look
from rotations.services.refusal import RosterBroken
from rotations.services.waivers import waive_breach
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
HANDOFF = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Proof:
    """The proof as a test wants it: what it is to find, cut at where it begins."""

    def __init__(self) -> None:
        self.finds: list[Found] = []

    def __call__(self, team: object, *, start: datetime, end: datetime) -> tuple[Found, ...]:
        return tuple(
            replace(one, starts_at=max(one.starts_at, start), key=f"{one.key}@{max(one.starts_at, start)}")
            for one in self.finds
            if one.ends_at > start
        )  # fmt: skip


@pytest.fixture
def proof(monkeypatch: pytest.MonkeyPatch) -> Proof:
    found = Proof()
    for module in (looking, changing):
        monkeypatch.setattr(module, "prove", found)
    return found


@pytest.fixture
def team() -> Team:
    return people.make_team("platform", name="Platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew, name="Primary")


@pytest.fixture
def manager(team: Team) -> User:
    person = people.make_manager(team, "Mo")
    ContactMethod.objects.create(
        user=person, kind=MethodKind.PAGER, channel="mail", address=person.email, verified_at=NOW
    )
    return person


def finding(kind: BreachKind = BreachKind.TIME_OFF, **values: Any) -> Found:
    defaults: dict[str, Any] = {
        "kind": kind, "key": f"{kind}", "clause": "C6", "level": "primary", "rota_id": None,
        "user_ids": (), "starts_at": HANDOFF, "ends_at": HANDOFF + DAY, "blocking": True,
        "said": "Nobody holds primary.",
    }  # fmt: skip
    return Found(**(defaults | values))


def digests() -> list[PageOut]:
    return list(PageOut.objects.filter(purpose=Purpose.DIGEST).order_by("pk"))


def said(out: PageOut, now: datetime = NOW) -> str | None:
    message = messages_of([out], now)(out)
    return message.text if message else None


def pages() -> list[PageOut]:
    return list(PageOut.objects.filter(purpose=Purpose.PAGE).order_by("pk"))


class TestTheLook:
    @pytest.mark.clause("C6", "C11")
    def test_every_hour_the_past_is_frozen_and_the_horizon_rolls_on(
        self, team: Team, primary: Rota
    ) -> None:
        keep_looking(team.pk, now=NOW)
        promise = Deadline.objects.get(kind=LOOK)
        assert NOW < promise.due_at <= NOW + HOUR
        at = promise.due_at
        for _ in range(3):
            enforce(now=at)
            promise.refresh_from_db()
            assert (promise.due_at, promise.state) == (at + HOUR, State.PENDING)
            at += HOUR
        edge = Shift.objects.latest("starts_at").ends_at
        promise.due_at = promise.run_at = NOW + WEEK * 2
        promise.save()
        enforce(now=NOW + WEEK * 2)
        assert Shift.objects.latest("starts_at").ends_at == edge + WEEK * 2
        assert Shift.objects.filter(frozen=True).count() == 2

    def test_where_table_and_rules_differ_the_rules_win_and_people_hear_of_it(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        assert look(team.pk, now=NOW)["moved"] == []
        make_override(primary, crew[0], HANDOFF, HANDOFF + DAY)  # past the one door
        assert look(team.pk, now=NOW + HOUR)["moved"] == [crew[0].pk, crew[2].pk]
        assert set(PageOut.objects.values_list("user__name", flat=True)) == {"Ann", "Cleo"}
        assert look(team.pk, now=NOW + HOUR * 2)["moved"] == []

    def test_the_first_look_tells_nobody_what_they_knew(self, team: Team, primary: Rota) -> None:
        look(team.pk, now=NOW)
        assert Shift.objects.exists()
        assert not PageOut.objects.exists()

    def test_a_team_without_a_rota_has_no_roster(self, team: Team, manager: User) -> None:
        look(team.pk, now=NOW)
        assert not Breach.objects.exists()
        assert not PageOut.objects.exists()

    def test_teams_are_looked_at_at_times_of_their_own(self) -> None:
        times = {next_look(team_id, NOW) for team_id in range(1, 1001)}
        assert len(times) == 1000
        assert all(NOW < at <= NOW + HOUR for at in times)

    def test_after_a_long_silence_many_teams_take_turns(self, team: Team, primary: Rota) -> None:
        others = [people.make_team() for _ in range(looking.MANY + 1)]
        for one in (team, *others):
            make_rota(one)
            keep_looking(one.pk, now=NOW)
        enforce(now=NOW + DAY)
        due = set(Deadline.objects.filter(kind=LOOK).values_list("due_at", flat=True))
        assert len(due) > looking.MANY
        assert NOW + DAY < min(due) <= max(due) <= NOW + DAY + HOUR
        assert Deadline.objects.filter(kind=LOOK, due_at__lte=NOW + DAY + looking.LATE).count() > 1


class TestBreaches:
    def test_one_that_runs_is_the_same_in_every_look(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        proof.finds = [finding(starts_at=NOW - HOUR, ends_at=NOW + DAY)]
        for hours in range(4):
            look(team.pk, now=NOW + HOUR * hours)
        row = Breach.objects.get()
        assert (row.found_at, row.starts_at, row.gone_at) == (NOW, NOW, None)
        proof.finds = []
        look(team.pk, now=NOW + HOUR * 4)
        row.refresh_from_db()
        assert row.gone_at == NOW + HOUR * 4

    def test_one_that_comes_again_is_another(self, team: Team, primary: Rota, proof: Proof) -> None:
        for finds in ([finding()], [], [finding()]):
            proof.finds = finds
            look(team.pk, now=NOW)
        assert sorted(row.gone_at is None for row in Breach.objects.all()) == [False, True]

    def test_a_waived_one_stays_waived(self, team: Team, primary: Rota, proof: Proof) -> None:
        boss = people.make_manager(team)
        with changing.changing(team.pk, now=NOW, waived_by=boss, waiver_reason="Moving house"):
            proof.finds = [finding()]
        look(team.pk, now=NOW + HOUR)
        row = Breach.objects.get()
        assert (row.waived_by, row.waived_at, row.waived_reason) == (boss, NOW, "Moving house")
        assert not PageOut.objects.exists()

    def test_what_grows_beyond_what_was_let_stand_is_open_again_and_told(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        boss = people.make_manager(team)
        with changing.changing(team.pk, now=NOW, waived_by=boss, waiver_reason="One hour is fine"):
            proof.finds = [finding(ends_at=HANDOFF + HOUR)]
        proof.finds = [finding(ends_at=HANDOFF + DAY * 4)]
        look(team.pk, now=NOW + HOUR)
        row = Breach.objects.get()
        assert (row.waived_by, row.waived_at, row.waived_reason) == (None, None, "")
        assert [out.user for out in PageOut.objects.all()] == [boss]

    def test_what_only_goes_on_with_the_horizon_stays_waived(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        boss = people.make_manager(team)
        horizon = NOW + WEEK * 26
        with changing.changing(team.pk, now=NOW, waived_by=boss, waiver_reason="Known"):
            proof.finds = [finding(ends_at=horizon)]
        proof.finds = [finding(ends_at=horizon + HOUR)]
        look(team.pk, now=NOW + HOUR)
        assert Breach.objects.get().waived_by == boss

    def test_what_goes_on_with_the_horizon_stays_waived_after_a_long_silence(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        boss = people.make_manager(team)
        with changing.changing(team.pk, now=NOW, waived_by=boss, waiver_reason="Known"):
            proof.finds = [finding(ends_at=NOW + WEEK * 26)]
        proof.finds = [finding(ends_at=NOW + WEEK * 28)]
        look(team.pk, now=NOW + WEEK * 2)
        assert Breach.objects.get().waived_by == boss
        assert not PageOut.objects.exists()

    @pytest.mark.clause("C6")
    def test_a_day_before_the_end_of_what_was_let_stand_it_is_asked_again(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        horizon = NOW + WEEK * 26
        begins = horizon - DAY * 2
        with changing.changing(team.pk, now=NOW, waived_by=manager, waiver_reason="Two days"):
            proof.finds = [finding(BreachKind.GAP, starts_at=begins, ends_at=horizon)]
        proof.finds = [finding(BreachKind.GAP, starts_at=begins, ends_at=horizon + WEEK * 26)]
        look(team.pk, now=NOW + WEEK)
        look(team.pk, now=horizon - DAY - HOUR)
        assert not PageOut.objects.exists()
        look(team.pk, now=horizon - DAY)
        assert [out.user for out in pages()] == [manager]
        assert [out.user for out in digests()] == [manager]
        row = Breach.objects.get()
        assert (row.waived_at, row.waived_until, row.gone_at) == (None, None, None)

    def test_one_that_ends_where_it_was_let_stand_is_not_asked_again(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        with changing.changing(team.pk, now=NOW, waived_by=manager, waiver_reason="A day"):
            proof.finds = [finding(BreachKind.GAP)]
        for hours in (0, 12, 23):
            look(team.pk, now=HANDOFF + HOUR * hours)
        assert Breach.objects.get().waived_by == manager
        assert not PageOut.objects.exists()

    @pytest.mark.clause("C6")
    def test_what_was_let_stand_tomorrow_and_begins_now_is_open_again(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        with changing.changing(team.pk, now=NOW, waived_by=manager, waiver_reason="A day"):
            proof.finds = [finding(BreachKind.GAP)]
        proof.finds = [finding(BreachKind.GAP, starts_at=NOW)]
        look(team.pk, now=NOW + HOUR)
        assert Breach.objects.get().waived_by is None
        assert [out.user for out in pages()] == [manager]

    @pytest.mark.clause("C6")
    def test_what_was_let_stand_after_it_woke_somebody_wakes_again_when_it_grows(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding(BreachKind.GAP)]
        look(team.pk, now=HANDOFF - HOUR)
        row = waive_breach(
            Breach.objects.get().pk, reason="A day", actor=actor_of(manager), now=HANDOFF
        )
        assert row.waived_until == HANDOFF + DAY
        proof.finds = [finding(BreachKind.GAP, ends_at=HANDOFF + DAY * 3)]
        look(team.pk, now=HANDOFF + HOUR)
        assert [(out.user, out.round) for out in pages()] == [(manager, 0), (manager, 1)]

    def test_what_is_on_record_beyond_the_horizon_waits_for_it(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        boss, far = people.make_manager(team), NOW + WEEK * 40
        with changing.changing(
            team.pk, now=NOW, waived_by=boss, waiver_reason="Closed then", reach=far + WEEK
        ):
            proof.finds = [finding(starts_at=far, ends_at=far + WEEK)]
        proof.finds = []
        look(team.pk, now=NOW + HOUR)
        assert Breach.objects.get().gone_at is None

    def test_the_database_keeps_one_open_row_of_a_finding(self, team: Team, primary: Rota) -> None:
        one = finding()
        assert len(breaches.keep_breaches(team.pk, [one, one], now=NOW)) == 1
        assert breaches.keep_breaches(team.pk, [one], now=NOW) == []


class TestChangesAreJudged:
    def test_a_change_that_brings_a_blocking_breach_is_refused_whole(
        self, team: Team, primary: Rota, crew: list[User], proof: Proof
    ) -> None:
        def change() -> None:
            with changing.changing(team.pk, now=NOW):
                make_override(primary, crew[0], HANDOFF, HANDOFF + DAY)
                proof.finds = [finding()]

        with pytest.raises(RosterBroken) as refused:
            change()
        assert [one.said for one in refused.value.breaches] == ["Nobody holds primary."]
        assert not Override.objects.exists()
        assert not Breach.objects.exists()

    def test_what_was_amiss_before_refuses_nothing(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        proof.finds = [finding()]
        with changing.changing(team.pk, now=NOW) as outcome:
            proof.finds = [finding(starts_at=HANDOFF + HOUR)]
        assert (outcome.new, len(outcome.breaches)) == ((), 1)

    def test_what_must_be_is_done_and_kept_on_record(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        with changing.changing(team.pk, now=NOW, must=True) as outcome:
            proof.finds = [finding()]
        assert len(outcome.new) == 1
        assert Breach.objects.get().waived_at is None


class TestManagersAreTold:
    def test_once_in_the_morning_s_digest_of_what_went_wrong_by_itself(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding(), finding(BreachKind.HOLIDAY, blocking=False, said="A holiday")]
        for hours in range(3):
            look(team.pk, now=NOW + HOUR * hours)
        [out] = digests()
        assert out.user == manager
        assert said(out) is not None
        assert "Nobody holds primary (C6): Mon 19 Jan 09:00 UTC to Tue 20 Jan 09:00 UTC" in str(
            said(out)
        )
        assert "holiday" not in str(said(out))
        assert Page.objects.get(page_out=out).next_try_at == NOW.replace(hour=9, minute=0)
        assert not pages()

    def test_what_is_mended_before_it_was_told_is_not_told(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding()]
        look(team.pk, now=NOW)
        proof.finds = []
        look(team.pk, now=NOW + HOUR)
        [out] = digests()
        assert said(out) is None

    def test_what_is_mended_after_it_was_told_is_a_line_in_the_next_digest(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding()]
        look(team.pk, now=NOW)
        PageOut.objects.update(sent_at=NOW + HOUR * 6, state=PageOutState.SENT)
        proof.finds = []
        look(team.pk, now=NOW + DAY)
        _, gone = digests()
        assert gone.user == manager
        assert "Is no more in the roster of Platform" in gone.message["text"]
        assert "Nobody holds primary" in gone.message["text"]

    def test_admins_are_told_where_there_is_no_manager(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        admin = people.make_admin()
        proof.finds = [finding()]
        look(team.pk, now=NOW)
        assert [out.user for out in digests()] == [admin]

    @pytest.mark.clause("C6")
    def test_nobody_on_call_within_a_day_wakes_the_manager_once(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding(BreachKind.GAP)]
        look(team.pk, now=NOW)
        assert not pages()
        for hours in (0, 1, 2, 30):
            look(team.pk, now=HANDOFF - DAY + HOUR * hours)
        [out] = pages()
        assert (out.user, out.clause, out.state) == (manager, "C6", PageOutState.WAITING)
        message = messages_of([out], HANDOFF - DAY)(out)
        assert message is not None
        assert message.subject == (
            "Nobody is on call for Platform: Mon 19 Jan 09:00 UTC to Tue 20 Jan 09:00 UTC"
        )
        assert "/p/" in message.links[0].url

    def test_nothing_else_wakes_and_a_waived_gap_does_not(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        with changing.changing(team.pk, now=NOW, waived_by=manager, waiver_reason="Known"):
            proof.finds = [finding(BreachKind.GAP)]
        proof.finds.append(finding(BreachKind.NO_SECOND, said="Only Ann"))
        look(team.pk, now=HANDOFF - HOUR)
        assert not pages()
        assert len(digests()) == 1

    def test_the_page_ends_when_somebody_is_on_call_again(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding(BreachKind.GAP)]
        look(team.pk, now=HANDOFF - HOUR)
        with changing.changing(team.pk, now=HANDOFF - HOUR / 2):
            proof.finds = []
        [out] = pages()
        assert (out.state, said(out)) == (PageOutState.SUPERSEDED, None)

    def test_admins_are_woken_when_no_manager_can_be_reached(
        self, team: Team, primary: Rota, proof: Proof
    ) -> None:
        people.make_manager(team)
        admin = people.make_admin()
        proof.finds = [finding(BreachKind.GAP)]
        look(team.pk, now=HANDOFF - HOUR)
        assert [(out.user == admin, out.state) for out in pages()] == [
            (False, PageOutState.UNREACHABLE),
            (True, PageOutState.UNREACHABLE),
        ]

    def test_a_digest_and_a_page_can_be_composed_together(
        self, team: Team, primary: Rota, manager: User, proof: Proof
    ) -> None:
        proof.finds = [finding(BreachKind.GAP)]
        look(team.pk, now=HANDOFF - HOUR)
        teller = messages_of(list(PageOut.objects.all()), HANDOFF)
        assert all(teller(out) for out in PageOut.objects.all())
        assert compose([], now=NOW, in_force=limits()) == []
        record_as_delivered(now=HANDOFF)
        assert not Page.objects.filter(state=PageState.PENDING, next_try_at__lte=HANDOFF).exists()


class TestNoTeamIsForgotten:
    def test_after_migrate_every_team_with_a_rota_is_looked_at_at_once(
        self, team: Team, primary: Rota
    ) -> None:
        begin_to_look()
        begin_to_look()
        promise = Deadline.objects.get(kind=LOOK)
        assert promise.subject_id == team.pk
        enforce()
        assert Shift.objects.filter(rota=primary).exists()

    def test_the_first_change_of_a_team_begins_it(self, team: Team, primary: Rota) -> None:
        with changing.changing(team.pk, now=NOW):
            pass
        assert Deadline.objects.filter(kind=LOOK, state=State.PENDING).count() == 1

    def test_the_health_check_says_so_and_mends_it(self, team: Team, primary: Rota) -> None:
        Rota.objects.update(created_at=NOW - HOUR)
        [problem] = health.check(NOW)
        assert problem.severity == "warning"
        assert health.check(NOW) == []
        cancel("roster", team.pk, now=NOW, reason="by hand")
        assert len(health.check(NOW + HOUR)) == 1
        assert health.check(NOW + HOUR) == []

    def test_the_health_check_knows_a_roster_not_proved_for_hours(
        self, team: Team, primary: Rota
    ) -> None:
        keep_looking(team.pk, now=NOW)
        assert health.check(NOW + HOUR * 2) == []
        [problem] = health.check(NOW + HOUR * 4)
        assert problem.severity == "error"
