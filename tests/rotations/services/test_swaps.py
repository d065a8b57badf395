"""Swaps: asked, answered, approved, taken back; who may, what is refused, who is told, and who wins a race."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections

from deadlines.models import Deadline
from deadlines.services import enforce
from directory.models import Team, User
from directory.permissions import actor_of
from notifications.models import PageOut
from rotations import services
from rotations.enums import SwapState
from rotations.models import Breach, Override, RosterRules, Rota, Shift, Swap
from rotations.queries import who_is_on_call
from rotations.services import RosterBroken, RotaRefused, StretchBack
from tests.directory import factories as people
from tests.rotations.factories import away_is_a_breach, make_reachable, make_rota, make_secondary

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
MONDAY = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [make_reachable(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def boss(team: Team) -> User:
    return people.make_manager(team, "Boss")


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    """Cleo's turn is the week from Monday on, Ann's the next, Ben's the one after."""
    return make_rota(team, crew, slug="primary", name="Primary")


def ask(rota: Rota, giver: User, colleague: User, *, by: User | None = None, **said: Any) -> Swap:
    given: dict[str, Any] = {"starts_at": MONDAY, "ends_at": MONDAY + WEEK, "now": NOW, **said}
    return services.ask_swap(
        rota.pk, giver_id=giver.pk, colleague_id=colleague.pk, actor=actor_of(by or giver), **given
    )


def accept(swap: Swap, by: User, now: datetime = NOW + HOUR) -> Swap:
    return services.accept_swap(swap.pk, actor=actor_of(by), now=now)


def holder(at: datetime, level: str = "primary") -> str:
    return " ".join(
        User.objects.get(pk=held.user_id).name
        for held in who_is_on_call(at=at)
        if held.level == level
    )


def told(swap: Swap, key: str) -> list[str]:
    outs = PageOut.objects.filter(subject_type="swap", subject_id=swap.pk, step_key=key)
    return sorted(out.user.name for out in outs.select_related("user") if out.user)


def moved() -> dict[str, str]:
    """Who was told that their shifts moved, and in which words."""
    outs = PageOut.objects.filter(subject_type="roster", step_key__startswith="moved:")
    return {
        out.user.name: out.message["text"].partition("\n")[0]
        for out in outs.select_related("user").order_by("pk")
        if out.user
    }


def text(swap: Swap, key: str) -> str:
    said: str = PageOut.objects.filter(
        subject_type="swap", subject_id=swap.pk, step_key=key
    )[0].message["text"]  # fmt: skip
    return said


def promised(swap: Swap) -> list[tuple[str, datetime, str]]:
    rows = Deadline.objects.filter(subject_type="swap", subject_id=swap.pk).order_by("due_at")
    return list(rows.values_list("kind", "due_at", "state"))


class TestAsking:
    def test_the_colleague_is_asked_and_nothing_moves(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann, note="My sister marries")
        assert (swap.state, swap.filed_by, swap.created_at) == (SwapState.ASKED, cleo, NOW)
        assert not Override.objects.exists()
        assert holder(MONDAY) == "Cleo"
        assert told(swap, "asked") == ["Ann"]
        assert text(swap, "asked") == (
            "Cleo asks Ann to take a shift of Cleo's.\n\n"
            "Primary: Mon 19 Jan 2026 09:00 to Mon 26 Jan 2026 09:00 UTC.\n\n"
            "“My sister marries”\n\n"
            "My shifts: http://localhost:8000/shifts/"
        )

    def test_the_same_request_is_one(self, primary: Rota, crew: list[User]) -> None:
        ann, ben, cleo = crew
        first = ask(primary, cleo, ann)
        assert ask(primary, cleo, ann, now=NOW + HOUR) == first
        assert ask(primary, cleo, ben) != first
        assert Swap.objects.count() == 2

    def test_a_manager_asks_for_others_and_both_are_told(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann, by=boss)
        assert told(swap, "asked") == ["Ann", "Cleo"]
        assert text(swap, "asked").startswith("Boss asks Ann to take a shift of Cleo's.")

    def test_nobody_else_asks(self, primary: Rota, crew: list[User]) -> None:
        ann, ben, cleo = crew
        other = people.make_manager(people.make_team())
        for who in (ann, ben, other, people.make_auditor()):
            with pytest.raises(PermissionDenied):
                ask(primary, cleo, ann, by=who)

    def test_who_manages_one_team_does_not_ask_for_a_stretch_of_another(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        far = make_rota(people.make_team("far"), [ann], slug="far")
        back = StretchBack(far.pk, MONDAY, MONDAY + WEEK)
        with pytest.raises(PermissionDenied):
            ask(primary, cleo, ann, by=boss, back=back)

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"ends_at": MONDAY}, "ends_before_it_starts"),
            ({"starts_at": NOW - DAY, "ends_at": NOW + DAY}, "begun"),
            ({"starts_at": NOW - DAY, "ends_at": NOW}, "past"),
            ({"ends_at": MONDAY + timedelta(days=367)}, "too_long"),
            ({"ends_at": MONDAY + WEEK + HOUR}, "not_theirs"),
            ({"starts_at": MONDAY - HOUR}, "not_theirs"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, primary: Rota, crew: list[User], changed: Any, code: str
    ) -> None:
        with pytest.raises(RotaRefused) as refused:
            ask(primary, crew[2], crew[0], **changed)
        assert refused.value.code == code
        assert not Swap.objects.exists()

    def test_the_colleague_is_somebody_else_of_the_team_and_active(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        cleo = crew[2]
        gone = make_reachable(team, is_active=False)
        outsider = make_reachable(people.make_team())
        for colleague, code in (
            (cleo, "oneself"),
            (gone, "inactive"),
            (outsider, "not_of_the_rota"),
        ):
            with pytest.raises(RotaRefused) as refused:
                ask(primary, cleo, colleague)
            assert refused.value.code == code

    @pytest.mark.clause("C11")
    def test_what_would_break_the_roster_is_not_even_asked(
        self, monkeypatch: pytest.MonkeyPatch, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        away_is_a_breach(monkeypatch, ann)
        with pytest.raises(RosterBroken):
            ask(primary, cleo, ann)
        with pytest.raises(PermissionDenied):
            ask(primary, cleo, ann, waiver_reason="It is fine")
        swap = ask(primary, cleo, ann, by=boss, waiver_reason="She comes back for it")
        assert not Breach.objects.exists()
        accept(swap, ann)
        kept = Breach.objects.get()
        assert (kept.waived_by, kept.waived_reason) == (boss, "She comes back for it")

    @pytest.mark.clause("C11")
    def test_the_primary_of_a_week_does_not_become_its_secondary(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        ann, _, cleo = crew
        assert holder(MONDAY, "secondary") == "Ann"
        with pytest.raises(RotaRefused) as refused:
            ask(second, ann, cleo)
        assert refused.value.code == "own_backup"


class TestAccepting:
    @pytest.mark.clause("C167")
    def test_the_colleague_takes_it_and_the_shifts_move(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        assert (swap.state, swap.answered_at, swap.settled_at) == (
            SwapState.TAKEN, NOW + HOUR, NOW + HOUR,
        )  # fmt: skip
        made = Override.objects.get()
        assert (made.kind, made.swap, made.user, made.starts_at, made.ends_at, made.created_by) == (
            "swap", swap, ann, MONDAY, MONDAY + WEEK, ann,
        )  # fmt: skip
        [held] = who_is_on_call(at=MONDAY)
        assert (held.user_id, held.why) == (ann.pk, "swap")
        drawn = Shift.objects.get(starts_at=MONDAY, rota=primary)
        assert (drawn.user, drawn.why) == (ann, "swap")
        said = "Ann takes a shift of Cleo's."
        assert (moved(), told(swap, "taken")) == ({"Ann": said, "Cleo": said}, [])

    def test_the_manager_who_asked_hears_of_it(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann, by=boss), ann)
        assert (sorted(moved()), told(swap, "taken")) == (["Ann", "Cleo"], ["Boss"])

    def test_beyond_what_is_drawn_both_are_told_all_the_same(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        far: Any = {"starts_at": MONDAY + WEEK * 30, "ends_at": MONDAY + WEEK * 31}
        swap = accept(ask(primary, cleo, ann, **far), ann)
        assert (sorted(moved()), told(swap, "taken")) == (["Ann", "Cleo"], [])

    @pytest.mark.clause("C168")
    def test_the_secondary_swaps_as_well_and_the_primary_stays(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        ann, ben, _ = crew
        accept(ask(second, ann, ben), ben)
        assert (holder(MONDAY), holder(MONDAY, "secondary")) == ("Cleo", "Ben")

    def test_in_exchange_the_giver_takes_a_stretch_back(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        back = StretchBack(primary.pk, MONDAY + WEEK, MONDAY + WEEK * 2)
        accept(ask(primary, cleo, ann, back=back), ann)
        assert [holder(MONDAY + WEEK * n) for n in range(3)] == ["Ann", "Cleo", "Ben"]

    @pytest.mark.clause("C11")
    def test_primary_and_secondary_change_places(self, primary: Rota, crew: list[User]) -> None:
        second = make_secondary(primary)
        ann, _, cleo = crew
        back = StretchBack(second.pk, MONDAY, MONDAY + WEEK)
        swap = accept(ask(primary, cleo, ann, back=back), ann)
        assert (holder(MONDAY), holder(MONDAY, "secondary")) == ("Ann", "Cleo")
        assert swap.overrides.count() == 2

    def test_a_stretch_back_has_to_be_the_colleagues(self, primary: Rota, crew: list[User]) -> None:
        ann, ben, cleo = crew
        back = StretchBack(primary.pk, MONDAY + WEEK, MONDAY + WEEK * 2)
        with pytest.raises(RotaRefused) as refused:
            ask(primary, cleo, ben, back=back)
        assert (refused.value.code, refused.value.message[:23]) == (
            "not_theirs", "Ben does not hold Prima",
        )  # fmt: skip

    def test_nobody_accepts_in_the_colleagues_place(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, ben, cleo = crew
        swap = ask(primary, cleo, ann)
        for who in (ben, cleo, boss, people.make_admin()):
            with pytest.raises(PermissionDenied):
                accept(swap, who)
        assert not Override.objects.exists()

    def test_twice_is_once(self, primary: Rota, crew: list[User]) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann)
        assert accept(swap, ann).state == accept(swap, ann).state == SwapState.TAKEN
        assert Override.objects.count() == 1

    @pytest.mark.clause("C11")
    def test_it_is_proved_again(
        self, monkeypatch: pytest.MonkeyPatch, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann)
        away_is_a_breach(monkeypatch, ann)
        with pytest.raises(RosterBroken):
            accept(swap, ann)
        swap.refresh_from_db()
        assert swap.state == SwapState.ASKED
        assert not Override.objects.exists()

    def test_what_the_giver_no_longer_holds_cannot_be_taken_and_all_are_told(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, ben, cleo = crew
        swap = ask(primary, cleo, ann)
        services.add_override(
            primary.pk, user_id=ben.pk, starts_at=MONDAY, ends_at=MONDAY + DAY,
            actor=actor_of(boss), now=NOW,
        )  # fmt: skip
        with pytest.raises(RotaRefused) as refused:
            accept(swap, ann)
        assert refused.value.code == "not_theirs"
        swap.refresh_from_db()
        assert (swap.state, swap.answer) == (SwapState.LAPSED, "The roster has changed since.")
        assert told(swap, "off") == ["Ann", "Cleo"]
        assert holder(MONDAY) == "Ben"

    def test_what_has_begun_is_too_late(self, primary: Rota, crew: list[User]) -> None:
        ann, _, cleo = crew
        with pytest.raises(RotaRefused) as refused:
            accept(ask(primary, cleo, ann), ann, MONDAY)
        assert refused.value.code == "begun"

    def test_others_who_were_asked_need_not_answer(self, primary: Rota, crew: list[User]) -> None:
        ann, ben, cleo = crew
        first, second = ask(primary, cleo, ann), ask(primary, cleo, ben)
        accept(first, ann)
        second.refresh_from_db()
        assert (second.state, second.answer) == (SwapState.WITHDRAWN, "Ann has taken it")
        assert told(second, "withdrawn") == ["Ben"]
        with pytest.raises(RotaRefused) as refused:
            accept(second, ben)
        assert refused.value.code == "settled"

    def test_part_of_a_shift_is_swapped(self, primary: Rota, crew: list[User]) -> None:
        ann, _, cleo = crew
        accept(ask(primary, cleo, ann, starts_at=MONDAY + DAY, ends_at=MONDAY + DAY * 2), ann)
        assert [holder(MONDAY + DAY * n) for n in range(3)] == ["Cleo", "Ann", "Cleo"]


class TestApproval:
    @pytest.fixture(autouse=True)
    def asks_the_manager(self, team: Team, primary: Rota, boss: User) -> None:
        RosterRules.objects.filter(team=team).update(swaps_need_manager=True)

    def approve(self, swap: Swap, by: User, **said: Any) -> Swap:
        return services.approve_swap(swap.pk, actor=actor_of(by), now=NOW + HOUR * 2, **said)

    def test_it_waits_for_the_manager(self, primary: Rota, crew: list[User], boss: User) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        assert swap.state == SwapState.ACCEPTED
        assert holder(MONDAY) == "Cleo"
        assert (told(swap, "accepted"), told(swap, "approval")) == (["Cleo"], ["Boss"])
        swap = self.approve(swap, boss)
        assert self.approve(swap, boss).state == SwapState.TAKEN
        assert (swap.decided_by, holder(MONDAY)) == (boss, "Ann")
        assert sorted(moved()) == ["Ann", "Cleo"]

    def test_only_the_manager_approves_and_only_what_was_accepted(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, ben, cleo = crew
        swap = ask(primary, cleo, ann)
        with pytest.raises(RotaRefused) as refused:
            self.approve(swap, boss)
        assert refused.value.code == "not_accepted"
        accept(swap, ann)
        for who in (ann, ben, cleo, people.make_manager(people.make_team())):
            with pytest.raises(PermissionDenied):
                self.approve(swap, who)

    def test_what_the_manager_asked_for_is_approved_already(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        assert accept(ask(primary, cleo, ann, by=boss), ann).state == SwapState.TAKEN

    def test_the_manager_declines_with_a_reason(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        services.decline_swap(swap.pk, reason="Ann is new", actor=actor_of(boss), now=NOW + HOUR)
        swap.refresh_from_db()
        assert (swap.state, swap.answer, swap.decided_by) == (
            SwapState.DECLINED, "Ann is new", boss,
        )  # fmt: skip
        assert told(swap, "declined") == ["Ann", "Cleo"]

    @pytest.mark.clause("C11")
    def test_it_is_proved_once_more_and_the_manager_lets_it_stand(
        self, monkeypatch: pytest.MonkeyPatch, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        away_is_a_breach(monkeypatch, ann)
        with pytest.raises(RosterBroken):
            self.approve(swap, boss)
        assert self.approve(swap, boss, waiver_reason="Agreed").waiver_reason == "Agreed"
        assert Breach.objects.get().waived_by == boss


class TestEndings:
    def test_declined_with_a_reason(self, primary: Rota, crew: list[User], boss: User) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann, by=boss)
        said: dict[str, Any] = {"actor": actor_of(ann), "now": NOW + HOUR}
        with pytest.raises(RotaRefused) as refused:
            services.decline_swap(swap.pk, reason=" ", **said)
        assert refused.value.code == "no_reason"
        for _ in range(2):
            services.decline_swap(swap.pk, reason="I am away", **said)
        swap.refresh_from_db()
        assert (swap.state, swap.answer, swap.answered_at) == (
            SwapState.DECLINED, "I am away", NOW + HOUR,
        )  # fmt: skip
        assert told(swap, "declined") == ["Boss", "Cleo"]
        assert "“I am away”" in text(swap, "declined")
        with pytest.raises(RotaRefused):
            accept(swap, ann)

    def test_withdrawn_by_the_giver_or_the_manager(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, ben, cleo = crew
        swap = ask(primary, cleo, ann)
        with pytest.raises(PermissionDenied):
            services.withdraw_swap(swap.pk, actor=actor_of(ben), now=NOW)
        for _ in range(2):
            services.withdraw_swap(swap.pk, actor=actor_of(cleo), now=NOW)
        assert told(swap, "withdrawn") == ["Ann"]
        other = ask(primary, cleo, ben)
        services.withdraw_swap(other.pk, actor=actor_of(boss), now=NOW)
        assert told(other, "withdrawn") == ["Ben", "Cleo"]

    def test_a_taken_one_is_neither_declined_nor_withdrawn(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        verbs: list[Callable[[], object]] = [
            lambda: services.decline_swap(swap.pk, reason="No", actor=actor_of(ann), now=NOW),
            lambda: services.withdraw_swap(swap.pk, actor=actor_of(cleo), now=NOW),
        ]
        for say in verbs:
            with pytest.raises(RotaRefused) as refused:
                say()
            assert refused.value.code == "settled"


class TestUndoing:
    def undo(self, swap: Swap, by: User, now: datetime = NOW + DAY, **said: Any) -> Swap:
        return services.undo_swap(swap.pk, actor=actor_of(by), now=now, **said)

    @pytest.mark.parametrize("who", ["Ann", "Cleo", "Boss"])
    def test_before_it_begins_either_side_or_the_manager_takes_it_back(
        self, primary: Rota, crew: list[User], boss: User, who: str
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        person = {"Ann": ann, "Cleo": cleo, "Boss": boss}[who]
        for _ in range(2):
            undone = self.undo(swap, person, reason="Plans changed")
        assert (undone.state, undone.decided_by) == (SwapState.UNDONE, person)
        assert not Override.objects.exists()
        assert holder(MONDAY) == "Cleo"
        said = f"{who} has taken the swap back: Cleo has the shift again. “Plans changed”"
        assert (moved(), told(swap, "undone")) == ({"Ann": said, "Cleo": said}, [])

    def test_nobody_else_does(self, primary: Rota, crew: list[User]) -> None:
        ann, ben, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        for who in (ben, people.make_manager(people.make_team())):
            with pytest.raises(PermissionDenied):
                self.undo(swap, who)

    def test_once_it_runs_the_manager_does_from_now_on(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        during = MONDAY + DAY
        with pytest.raises(PermissionDenied, match="It has begun"):
            self.undo(swap, cleo, during)
        self.undo(swap, boss, during)
        assert Override.objects.get().ends_at == during
        assert (holder(MONDAY), holder(during)) == ("Ann", "Cleo")

    def test_what_is_over_or_never_held_is_not_undone(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, ben, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        for taken, at, code in (
            (swap, MONDAY + WEEK, "over"),
            (ask(primary, ann, ben, starts_at=MONDAY + WEEK, ends_at=MONDAY + WEEK * 2), NOW, "not_taken"),
        ):  # fmt: skip
            with pytest.raises(RotaRefused) as refused:
                self.undo(taken, boss, at)
            assert refused.value.code == code

    @pytest.mark.clause("C11")
    def test_a_giver_who_cannot_have_it_back_is_not_given_it(
        self, monkeypatch: pytest.MonkeyPatch, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        away_is_a_breach(monkeypatch, cleo, by_turn=True)
        with pytest.raises(RosterBroken):
            self.undo(swap, ann)
        assert holder(MONDAY) == "Ann"
        self.undo(swap, boss, waiver_reason="She is back")

    def test_the_override_of_a_swap_is_not_taken_back_by_itself(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        accept(ask(primary, cleo, ann), ann)
        with pytest.raises(RotaRefused) as refused:
            services.remove_override(Override.objects.get().pk, actor=actor_of(boss), now=NOW)
        assert refused.value.code == "swap"


class TestTheClock:
    def test_who_does_not_answer_is_reminded_and_then_it_lapses(
        self, primary: Rota, crew: list[User], boss: User
    ) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann, by=boss)
        assert promised(swap) == [
            ("rotations.swap_reminder", NOW + DAY, "pending"),
            ("rotations.swap_reminder", MONDAY - DAY, "pending"),
            ("rotations.swap_lapse", MONDAY, "pending"),
        ]
        reminders = [f"{swap.pk}:reminder:{n}" for n in range(2)]
        assert enforce(now=NOW + DAY - HOUR).handled == 0
        assert enforce(now=NOW + DAY).failed == 0
        assert [told(swap, key) for key in reminders] == [["Ann"], []]
        for who in (f"{key}:giver" for key in reminders[:1]):
            assert told(swap, who) == ["Boss", "Cleo"]
            assert "You might ask instead:\n- Ben is free then" in text(swap, who)
        enforce(now=MONDAY - DAY)
        assert [told(swap, key) for key in reminders] == [["Ann"], ["Ann"]]
        enforce(now=MONDAY)
        swap.refresh_from_db()
        assert (swap.state, swap.settled_at) == (SwapState.LAPSED, MONDAY)
        assert told(swap, "lapsed") == ["Boss", "Cleo"]
        assert holder(MONDAY) == "Cleo"

    def test_what_was_answered_is_not_called_to_mind(self, primary: Rota, crew: list[User]) -> None:
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        assert {state for _, _, state in promised(swap)} == {"cancelled"}

    def test_what_waits_for_the_manager_reminds_the_manager(
        self, team: Team, primary: Rota, crew: list[User], boss: User
    ) -> None:
        RosterRules.objects.filter(team=team).update(swaps_need_manager=True)
        ann, _, cleo = crew
        swap = accept(ask(primary, cleo, ann), ann)
        enforce(now=NOW + DAY)
        assert told(swap, f"{swap.pk}:reminder:0") == ["Boss"]
        enforce(now=MONDAY)
        swap.refresh_from_db()
        assert swap.state == SwapState.LAPSED

    def test_a_shift_that_begins_soon_is_called_to_mind_no_more_than_it_can_be(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, _, cleo = crew
        swap = ask(primary, cleo, ann, now=MONDAY - HOUR)
        assert promised(swap) == [("rotations.swap_lapse", MONDAY, "pending")]


def together(*calls: Callable[[], Any]) -> list[Exception]:
    """Runs the calls at the same moment, each on its own connection; returns what they raised."""
    barrier, raised = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        try:
            barrier.wait(30)
            call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


@pytest.fixture
def racing(transactional_db: None) -> tuple[Rota, User, User, User]:
    team = people.make_team()
    ann, ben, cleo = (make_reachable(team, name) for name in ("Ann", "Ben", "Cleo"))
    return make_rota(team, [ann, ben, cleo]), ann, ben, cleo


class TestRaces:
    """Real connections to PostgreSQL: the roster's lock, then the swap's."""

    def test_two_people_accept_the_same_stretch_at_once_and_one_wins(
        self, racing: tuple[Rota, User, User, User]
    ) -> None:
        rota, ann, ben, cleo = racing
        swaps = [ask(rota, cleo, ann), ask(rota, cleo, ben)]
        raised = together(lambda: accept(swaps[0], ann), lambda: accept(swaps[1], ben))
        assert [type(error) for error in raised] == [RotaRefused]
        assert [error.code for error in raised if isinstance(error, RotaRefused)] == ["settled"]
        assert sorted(Swap.objects.values_list("state", flat=True)) == ["taken", "withdrawn"]
        made = Override.objects.get()
        assert made.swap is not None
        assert (made.swap.state, made.user) == ("taken", made.swap.colleague)

    def test_one_person_accepting_three_times_at_once_takes_it_once(
        self, racing: tuple[Rota, User, User, User]
    ) -> None:
        rota, ann, _, cleo = racing
        swap = ask(rota, cleo, ann)
        assert together(*[lambda: accept(swap, ann)] * 3) == []
        assert Override.objects.count() == 1

    def test_accepting_races_withdrawing_and_one_of_them_counts(
        self, racing: tuple[Rota, User, User, User]
    ) -> None:
        rota, ann, _, cleo = racing
        swap = ask(rota, cleo, ann)
        raised = together(
            lambda: accept(swap, ann),
            lambda: services.withdraw_swap(swap.pk, actor=actor_of(cleo), now=NOW + HOUR),
        )
        swap.refresh_from_db()
        assert [error.code for error in raised if isinstance(error, RotaRefused)] == ["settled"]
        assert Override.objects.count() == (1 if swap.state == SwapState.TAKEN else 0)
        assert swap.state in (SwapState.TAKEN, SwapState.WITHDRAWN)

    def test_the_clock_and_the_colleague_meet_without_a_deadlock(
        self, racing: tuple[Rota, User, User, User]
    ) -> None:
        rota, ann, _, cleo = racing
        swap = ask(rota, cleo, ann)
        raised = together(lambda: accept(swap, ann, MONDAY - HOUR), lambda: enforce(now=MONDAY))
        swap.refresh_from_db()
        taken = swap.state == SwapState.TAKEN
        assert [type(error) for error in raised] == ([] if taken else [RotaRefused])
        assert Override.objects.exists() == taken
