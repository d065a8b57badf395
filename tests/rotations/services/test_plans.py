"""Drafts, publishing, and what refuses it, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from deadlines.enums import State
from deadlines.extension import Actor
from deadlines.models import Deadline
from directory.models import Team, User
from directory.permissions import actor_of
from notifications.models import ContactMethod, PageOut
from rotations import health
from rotations.enums import BreachKind, PlanState, Why
from rotations.models import Breach, Plan, Rota, Shift, TimeOff
from rotations.queries import who_is_on_call
from rotations.queries.calendar import lines_of
from rotations.queries.foresight import foresee, row_of
from rotations.services import RotaRefused, plans
from rotations.services.horizon import redraw
from rotations.services.looking import look
from rotations.services.promising import LOOK
from rotations.services.refusal import RosterBroken
from tests.directory import factories as people
from tests.notifications.factories import make_method
from tests.rotations.factories import make_rota, make_secondary
from tests.rotations.waiting import wait_for_who_waits

NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)  # a Wednesday, in the second shift
HANDOFF = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.fixture
def team(db: None) -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    crew = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo", "Dan")]
    for person in crew:
        make_method(person, address=person.email)
    return crew


@pytest.fixture
def boss(team: Team) -> Actor:
    return actor_of(people.make_manager(team, "Mia"))


@pytest.fixture
def pair(team: Team, crew: list[User]) -> tuple[Rota, Rota]:
    """A primary of Ann, Ben, Cleo and Dan, and the secondary that follows it."""
    primary = make_rota(team, crew, slug="primary")
    secondary = make_secondary(primary, slug="secondary")
    redraw(team.pk, now=NOW - timedelta(days=1))
    return primary, secondary


def ids(users: Sequence[User]) -> list[int]:
    return [user.pk for user in users]


def members(plan: Plan) -> list[str]:
    return list(plan.members.values_list("user__name", flat=True))


def holders(rota: Rota, at: datetime = NOW, weeks: int = 4) -> list[str]:
    """Who holds the rota in each of the weeks that begin with the handoffs after the instant."""
    by_id = {user.pk: user.name for user in User.objects.all()}
    found = []
    for week in range(weeks):
        [held] = [
            one
            for one in who_is_on_call(at=HANDOFF + WEEK * week, team_ids=[rota.team_id])
            if one.rota_id == rota.pk
        ]
        found.append(by_id[held.user_id])
    return found


def edit(draft: Plan, boss: Actor, users: Sequence[User], **turns: Any) -> Plan:
    return plans.edit_draft(
        draft.pk, edit=draft.edit, members=ids(users), actor=boss, now=NOW, **turns
    )


class TestDraft:
    def test_is_a_copy_of_the_plan_in_force_told_from_the_running_shift_on(
        self, pair: tuple[Rota, Rota], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        assert (draft.state, draft.starts_on) == (PlanState.DRAFT, date(2026, 1, 12))
        assert members(draft) == ["Ben", "Cleo", "Dan", "Ann"]
        assert plans.open_draft(pair[0].pk, actor=boss, now=NOW) == draft

    def test_published_unchanged_moves_nobody(self, pair: tuple[Rota, Rota], boss: Actor) -> None:
        before = holders(pair[0]), holders(pair[1])
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        outcome = plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert (holders(pair[0]), holders(pair[1])) == before
        assert outcome.moved == []

    def test_one_person_more_leaves_the_others_turns_before_them(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor, team: Team
    ) -> None:
        assert holders(pair[0]) == ["Cleo", "Dan", "Ann", "Ben"]
        eve = people.make_engineer(team, "Eve")
        make_method(eve, address=eve.email)
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        order = [*crew[1:], crew[0], eve]
        draft = edit(draft, boss, order)
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert holders(pair[0], weeks=5) == ["Cleo", "Dan", "Ann", "Eve", "Ben"]

    @pytest.mark.parametrize("name", ["starts_on", "ends_on"])
    @pytest.mark.parametrize("day", [date(2014, 12, 31), date(2101, 1, 1), date.min, date.max])
    def test_a_day_that_no_clock_can_tell_is_refused(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor, name: str, day: date
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        with pytest.raises(RotaRefused, match="between 2015 and 2100") as refused:
            edit(draft, boss, crew, **{name: day})
        assert refused.value.code == "invalid"

    def test_changes_nothing_and_tells_nobody(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        before = holders(pair[0]), list(Shift.objects.values_list("uid", "sequence"))
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        edit(draft, boss, crew[:2], length=2)
        assert (holders(pair[0]), list(Shift.objects.values_list("uid", "sequence"))) == before

    def test_of_a_rota_without_a_plan_is_empty(self, team: Team, boss: Actor) -> None:
        rota = plans.make_rota(
            team, slug="new", name="New", level="primary", actor=boss, now=NOW
        )  # fmt: skip
        draft = rota.plans.get()
        assert (draft.state, members(draft)) == (PlanState.DRAFT, [])
        with pytest.raises(RotaRefused) as refused:
            plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert refused.value.code == "nobody"

    def test_who_edits_an_old_one_is_told_by_whom_and_when_it_was_changed(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor, team: Team
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        other = actor_of(people.make_manager(team, "Noa"))
        edit(draft, other, crew[:3])
        with pytest.raises(RotaRefused) as refused:
            edit(draft, boss, crew[1:])
        assert refused.value.code == "changed_meanwhile"
        assert "Noa changed this draft on 14 Jan at 03:10 UTC" in refused.value.message
        assert members(draft) == ["Ann", "Ben", "Cleo"]
        with pytest.raises(RotaRefused):
            plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        with pytest.raises(RotaRefused):
            plans.discard_draft(draft.pk, edit=draft.edit, actor=boss)

    def test_saved_again_as_it_is_counts_no_change(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        once = edit(draft, boss, crew[:3], hours="Mon-Fri 09:00-17:00")
        twice = edit(once, boss, crew[:3], hours="Mon-Fri 09:00-17:00")
        assert (once.edit, twice.edit) == (2, 2)

    @pytest.mark.parametrize(
        ("turns", "said"),
        [
            ({"hours": "sometimes"}, "names no days and hours"),
            ({"length": 0}, "greater than or equal to 1"),
            ({"ends_on": date(2026, 1, 1)}, "must end after it starts"),
            ({"zone": "Europe/Atlantis"}, "zone"),
        ],
    )
    def test_refuses_what_makes_no_sense(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor, turns: Any, said: str
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        with pytest.raises(RotaRefused, match=said):
            edit(draft, boss, crew, **turns)

    def test_refuses_who_has_left(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        User.objects.filter(pk=crew[2].pk).update(is_active=False)
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        with pytest.raises(RotaRefused) as refused:
            edit(draft, boss, crew[1:])
        assert refused.value.code == "inactive"

    def test_is_thrown_away(self, pair: tuple[Rota, Rota], boss: Actor) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        for _ in range(2):
            plans.discard_draft(draft.pk, edit=draft.edit, actor=boss)
        assert not Plan.objects.filter(state=PlanState.DRAFT).exists()

    def test_a_derived_one_takes_its_people_from_its_base(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[1].pk, actor=boss, now=NOW)
        edit(draft, boss, crew, offset=2)
        assert members(draft) == []


class TestPublish:
    @pytest.mark.clause("C4", "C5", "C8")
    def test_takes_over_at_the_next_handoff_in_the_order_of_the_list(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        ann, ben, cleo, dan = crew
        draft = edit(draft, boss, [ben, dan, cleo, ann])
        outcome = plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        draft.refresh_from_db()
        assert (draft.state, draft.effective_at) == (PlanState.PUBLISHED, HANDOFF)
        assert (draft.published_at, draft.published_by_id) == (NOW, boss.id)
        assert holders(pair[0]) == ["Dan", "Cleo", "Ann", "Ben"]
        week = Shift.objects.get(rota=pair[0], starts_at=HANDOFF)
        assert (week.user, week.ends_at - week.starts_at) == (dan, WEEK)
        assert {moved.user_id for moved in outcome.moved} == {cleo.pk, dan.pk}

    @pytest.mark.clause("C9", "C10", "C11")
    def test_the_secondary_follows_with_the_same_boundaries_and_is_never_the_primary(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, list(reversed(crew)), handoff_weekday=1)
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        of = {
            rota: Shift.objects.filter(rota=rota, starts_at__gte=NOW).order_by("starts_at")
            for rota in pair
        }
        spans = [list(of[rota].values_list("starts_at", "ends_at")) for rota in pair]
        assert spans[0] == spans[1]
        users = [list(of[rota].values_list("user_id", flat=True)) for rota in pair]
        assert users[0][1:] == users[1][:-1]  # the next in order stands behind
        assert all(first != second for first, second in zip(*users, strict=True))

    def test_from_now_on_splits_the_shift_that_runs(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, [crew[3], crew[0], crew[1], crew[2]])
        plans.publish(draft.pk, edit=draft.edit, effective="now", actor=boss, now=NOW)
        ended, begun = Shift.objects.filter(rota=pair[0], starts_at__lt=HANDOFF).order_by("ends_at")
        assert (ended.user, ended.ends_at, ended.frozen) == (crew[1], NOW, True)
        assert (begun.user, begun.starts_at, begun.ends_at) == (crew[3], NOW, HANDOFF)

    def test_never_before_now(self, pair: tuple[Rota, Rota], boss: Actor) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        with pytest.raises(RotaRefused) as refused:
            plans.publish(
                draft.pk, edit=1, effective=NOW - timedelta(minutes=1), actor=boss, now=NOW
            )
        assert refused.value.code == "past"

    def test_refuses_one_based_on_a_plan_superseded_meanwhile_until_it_was_looked_at(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor, team: Team
    ) -> None:
        mine = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        Plan.objects.filter(pk=mine.pk).update(state=PlanState.WITHDRAWN)  # out of the way
        theirs = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        plans.publish(theirs.pk, edit=1, actor=boss, now=NOW)
        Plan.objects.filter(pk=mine.pk).update(state=PlanState.DRAFT)
        with pytest.raises(RotaRefused) as refused:
            plans.publish(mine.pk, edit=1, effective="now", actor=boss, now=NOW)
        assert refused.value.code == "superseded"
        assert "Mia published another plan on 14 Jan at 03:10 UTC" in refused.value.message
        seen = plans.edit_draft(
            mine.pk, edit=1, members=ids(crew), based_on=theirs.pk, actor=boss, now=NOW
        )
        plans.publish(mine.pk, edit=seen.edit, effective="now", actor=boss, now=NOW)

    def test_one_for_the_same_instant_gives_way(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        for order in ([1, 3, 2, 0], [1, 0, 2, 3]):
            draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
            draft = edit(draft, boss, [crew[place] for place in order])
            plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert holders(pair[0])[0] == "Ann"
        assert list(pair[0].plans.order_by("pk").values_list("state", flat=True)) == [
            "published",
            "withdrawn",
            "published",
        ]

    def test_a_first_plan_changes_nothing_that_was(
        self, team: Team, crew: list[User], boss: Actor
    ) -> None:
        rota = plans.make_rota(team, slug="new", name="N", level="shadow", actor=boss, now=NOW)
        draft = edit(rota.plans.get(), boss, crew, starts_on=date(2026, 1, 5))
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert Plan.objects.get().effective_at == HANDOFF
        assert who_is_on_call(at=NOW, team_ids=[team.pk]) == []
        assert holders(rota)[0] == "Cleo"

    def test_only_the_teams_manager_may(self, pair: tuple[Rota, Rota], boss: Actor) -> None:
        stranger = actor_of(people.make_manager(people.make_team()))
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        calls: list[Any] = [
            lambda: plans.open_draft(pair[0].pk, actor=stranger, now=NOW),
            lambda: plans.edit_draft(draft.pk, edit=1, members=[], actor=stranger, now=NOW),
            lambda: plans.discard_draft(draft.pk, edit=1, actor=stranger),
            lambda: plans.publish(draft.pk, edit=1, actor=stranger, now=NOW),
            lambda: plans.withdraw(draft.pk, actor=stranger, now=NOW),
            lambda: plans.retire(pair[1].pk, actor=stranger, now=NOW),
            lambda: plans.revive(pair[1].pk, actor=stranger, now=NOW),
            lambda: plans.edit_rota(pair[0].pk, name="X", level="shadow", actor=stranger),
            lambda: plans.set_rules(pair[0].team_id, two_people=False, actor=stranger, now=NOW),
        ]
        for call in calls:
            with pytest.raises(PermissionDenied):
                call()
        assert list(Plan.objects.filter(state=PlanState.DRAFT)) == [draft]

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_one_wins_and_the_other_is_told(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        together, answers = Barrier(2), []

        def go() -> None:
            together.wait(10)
            try:
                plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
                answers.append("published")
            except RotaRefused as refusal:
                answers.append(refusal.code)
            finally:
                connection.close()

        threads = [Thread(target=go) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers) == ["not_a_draft", "published"]

    @pytest.mark.django_db(transaction=True)
    def test_who_writes_a_draft_and_publishes_it_in_one_stroke_never_waits_for_who_waits_for_them(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        answers = []

        def other() -> None:
            try:
                plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
            except RotaRefused as refusal:
                answers.append(refusal.code)
            finally:
                connection.close()

        thread = Thread(target=other)
        with transaction.atomic():
            written = edit(draft, boss, crew[::-1])
            thread.start()
            wait_for_who_waits()
            plans.publish(draft.pk, edit=written.edit, actor=boss, now=NOW)
        thread.join(30)
        assert answers == ["not_a_draft"]


class TestProved:
    @pytest.mark.clause("C6")
    def test_a_breach_that_blocks_refuses_and_leaves_everything_as_it_was(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        before = holders(pair[0])
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, crew, hours="Mon-Fri 09:00-17:00")
        with pytest.raises(RosterBroken) as refused:
            plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert "C6" in {breach.clause for breach in refused.value.breaches}
        draft.refresh_from_db()
        assert (draft.state, holders(pair[0])) == (PlanState.DRAFT, before)
        assert not Breach.objects.filter(blocking=True).exists()
        assert not PageOut.objects.exists()

    @pytest.mark.clause("C11")
    def test_a_manager_waives_it_with_a_reason_that_is_kept(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, crew[1:2])
        with pytest.raises(RosterBroken) as refused:
            plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert {breach.clause for breach in refused.value.breaches} == {"C11"}
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW, waiver_reason="Company trip")
        draft.refresh_from_db()
        assert (draft.state, draft.waiver_reason) == (PlanState.PUBLISHED, "Company trip")
        breach = Breach.objects.get(clause="C11")
        assert (breach.waived_by_id, breach.waived_reason) == (boss.id, "Company trip")

    @pytest.mark.clause("C230")
    def test_who_is_away_for_maintenance_is_not_put_on_call_meanwhile(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        ann, ben, cleo, dan = crew
        TimeOff.objects.create(
            user=dan, starts_at=HANDOFF, ends_at=HANDOFF + timedelta(hours=4),
            reason="Maintenance of the racks", created_at=NOW,
        )  # fmt: skip
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, [ben, dan, ann, cleo])
        with pytest.raises(RosterBroken) as refused:
            plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        [breach] = refused.value.breaches
        assert (breach.kind, breach.user_ids, breach.level) == ("time_off", (dan.pk,), "primary")
        assert (breach.starts_at, breach.ends_at) == (HANDOFF, HANDOFF + timedelta(hours=4))
        draft = edit(draft, boss, [ben, ann, cleo, dan])
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)

    def test_exactly_those_whose_shifts_moved_are_told_and_nobody_while_drafting(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        ann, ben, cleo, dan = crew
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, [ben, dan, cleo, ann])
        assert not PageOut.objects.exists()
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        told = PageOut.objects.filter(step_label="Your shifts have changed")
        assert set(told.values_list("user_id", flat=True)) == {cleo.pk, dan.pk}
        plans.withdraw(draft.pk, actor=boss, now=NOW)
        assert told.count() == 4

    def test_a_reason_without_a_breach_is_not_kept(
        self, pair: tuple[Rota, Rota], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        plans.publish(draft.pk, edit=1, actor=boss, now=NOW, waiver_reason="Just in case")
        draft.refresh_from_db()
        assert draft.waiver_reason == ""

    @pytest.mark.clause("C6")
    def test_a_pair_changes_together_without_a_breach_in_between(
        self, team: Team, crew: list[User], boss: Actor
    ) -> None:
        days = make_rota(team, crew[:2], slug="days", hours="Mon-Sun 08:00-20:00")
        nights = make_rota(team, crew[2:], slug="nights", hours="Mon-Sun 20:00-08:00")
        drafts = {}
        for rota, hours in ((days, "Mon-Sun 09:00-21:00"), (nights, "Mon-Sun 21:00-09:00")):
            draft = plans.open_draft(rota.pk, actor=boss, now=NOW)
            users = list(User.objects.filter(rota_places__plan=draft))
            drafts[draft.pk] = edit(draft, boss, users, hours=hours).edit
        for pk, number in drafts.items():
            with pytest.raises(RosterBroken):
                plans.publish(pk, edit=number, actor=boss, now=NOW)
        plans.publish_together(drafts, actor=boss, now=NOW)
        instants = Plan.objects.filter(pk__in=drafts).values_list("effective_at", flat=True)
        assert set(instants) == {HANDOFF}

    def test_drafts_of_two_teams_are_not_published_together(
        self, pair: tuple[Rota, Rota], boss: Actor
    ) -> None:
        foreign = plans.open_draft(
            make_rota(people.make_team()).pk, actor=actor_of(people.make_admin()), now=NOW
        )
        mine = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        with pytest.raises(RotaRefused) as refused:
            plans.publish_together({mine.pk: 1, foreign.pk: 1}, actor=boss, now=NOW)
        assert refused.value.code == "several_teams"


class TestWithdraw:
    def test_a_plan_that_has_not_begun_is_taken_back(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        before = holders(pair[0])
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, list(reversed(crew)))
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        assert holders(pair[0]) != before
        for _ in range(2):
            plans.withdraw(draft.pk, actor=boss, now=NOW)
        assert holders(pair[0]) == before

    @pytest.mark.clause("C6")
    def test_the_only_plan_of_the_only_primary_is_taken_back_with_a_reason(
        self, team: Team, crew: list[User], boss: Actor
    ) -> None:
        rota = plans.make_rota(team, slug="new", name="New", level="primary", actor=boss, now=NOW)
        draft = edit(rota.plans.get(), boss, crew)
        plans.publish(draft.pk, edit=draft.edit, effective=HANDOFF, actor=boss, now=NOW)
        with pytest.raises(RosterBroken):
            plans.withdraw(draft.pk, actor=boss, now=NOW)
        plans.withdraw(draft.pk, actor=boss, now=NOW, waiver_reason="Not this year")
        assert Plan.objects.get(pk=draft.pk).state == PlanState.WITHDRAWN

    def test_one_that_has_begun_stays(self, pair: tuple[Rota, Rota], boss: Actor) -> None:
        with pytest.raises(RotaRefused) as refused:
            plans.withdraw(pair[0].plans.get().pk, actor=boss, now=NOW)
        assert refused.value.code == "begun"


class TestRota:
    def test_a_retired_one_puts_nobody_on_call_and_a_revived_one_does_again(
        self, pair: tuple[Rota, Rota], boss: Actor
    ) -> None:
        before = holders(pair[1])
        with pytest.raises(RosterBroken):
            plans.retire(pair[1].pk, actor=boss, now=NOW)
        plans.retire(pair[1].pk, actor=boss, now=NOW, waiver_reason="Too few of us")
        assert not Shift.objects.filter(rota=pair[1], ends_at__gt=NOW).exists()
        plans.revive(pair[1].pk, actor=boss, now=NOW)
        assert holders(pair[1]) == before

    def test_one_that_others_follow_does_not_retire(
        self, pair: tuple[Rota, Rota], boss: Actor
    ) -> None:
        with pytest.raises(RotaRefused) as refused:
            plans.retire(pair[0].pk, actor=boss, now=NOW)
        assert refused.value.code == "derived"

    @pytest.mark.clause("C6", "C11")
    def test_the_last_primary_retires_only_with_a_reason_and_comes_back_without(
        self, team: Team, crew: list[User], boss: Actor
    ) -> None:
        primary = make_rota(team, crew, slug="primary")
        with pytest.raises(RosterBroken) as refused:
            plans.retire(primary.pk, actor=boss, now=NOW)
        assert [one.clause for one in refused.value.breaches] == ["C6"]  # one was alone before
        plans.retire(primary.pk, actor=boss, now=NOW, waiver_reason="Sam's team answers now")
        gap = Breach.objects.get(kind=BreachKind.GAP)
        assert (gap.waived_reason, gap.level) == ("Sam's team answers now", "primary")
        look(team.pk, now=NOW + timedelta(hours=1))
        assert not Breach.objects.filter(gone_at=None).exists()
        plans.revive(primary.pk, actor=boss, now=NOW)
        assert holders(primary, weeks=1) == ["Cleo"]

    @pytest.mark.clause("C6")
    def test_one_of_two_primaries_that_does_not_leave_a_gap_retires(
        self, pair: tuple[Rota, Rota], team: Team, crew: list[User], boss: Actor
    ) -> None:
        both = make_rota(team, crew[2:], slug="nights")
        plans.retire(both.pk, actor=boss, now=NOW)
        assert not Rota.objects.get(pk=both.pk).active

    def test_is_named_anew_and_keeps_its_level_once_it_has_a_plan(
        self, pair: tuple[Rota, Rota], team: Team, boss: Actor
    ) -> None:
        plans.edit_rota(pair[1].pk, name="Second", level="secondary", actor=boss)
        assert Rota.objects.get(pk=pair[1].pk).name == "Second"
        with pytest.raises(RotaRefused) as refused:
            plans.edit_rota(pair[1].pk, name="Second", level="shadow", actor=boss)
        assert refused.value.code == "published"
        new = plans.make_rota(team, slug="new", name="N", level="primary", actor=boss, now=NOW)
        assert plans.edit_rota(new.pk, name="N", level="shadow", actor=boss).level == "shadow"

    def test_rules_of_the_team_are_changed_and_the_roster_looked_at_anew(
        self, pair: tuple[Rota, Rota], boss: Actor, team: Team
    ) -> None:
        kept = plans.set_rules(team.pk, horizon_weeks=8, two_people=False, actor=boss, now=NOW)
        assert (kept.horizon_weeks, kept.two_people) == (8, False)
        last = Shift.objects.filter(rota=pair[0]).latest("starts_at")
        assert last.starts_at < NOW + WEEK * 8


class TestAPlanThatEnds:
    @pytest.mark.clause("C6")
    def test_just_before_the_horizon_was_let_stand_for_what_was_seen_of_it(
        self, pair: tuple[Rota, Rota], team: Team, crew: list[User], boss: Actor
    ) -> None:
        horizon = NOW + WEEK * 26
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        draft = edit(draft, boss, crew, ends_on=(horizon - timedelta(days=2)).date())
        plans.publish(
            draft.pk, edit=draft.edit, actor=boss, now=NOW, waiver_reason="Two days, I see to it"
        )
        told = Breach.objects.filter(kind=BreachKind.GAP, gone_at=None, told_at__isnull=False)
        look(team.pk, now=horizon - timedelta(days=3))
        assert not told.exists()
        look(team.pk, now=horizon - timedelta(days=1))
        assert told.get().woke_at == horizon - timedelta(days=1)


class TestBeforeTheFirstPlan:
    @pytest.fixture
    def rota(self, team: Team, boss: Actor) -> Rota:
        return plans.make_rota(team, slug="new", name="New", level="primary", actor=boss, now=NOW)

    @pytest.mark.clause("C6")
    def test_nobody_looks_nothing_is_amiss_and_nobody_is_woken(
        self, team: Team, rota: Rota, boss: Actor
    ) -> None:
        Rota.objects.update(created_at=NOW)
        assert health.check(NOW + timedelta(hours=1)) == []
        look(team.pk, now=NOW + timedelta(hours=1))
        secondary = plans.make_rota(
            team, slug="second", name="Second", level="secondary", actor=boss, now=NOW
        )
        plans.retire(secondary.pk, actor=boss, now=NOW)
        assert not Breach.objects.exists()
        assert not PageOut.objects.exists()
        [line] = lines_of([rota], start=NOW, end=NOW + WEEK, now=NOW)
        assert line.gaps == ()

    @pytest.mark.clause("C6")
    @pytest.mark.parametrize("effective", ["handoff", "now"])
    def test_the_first_one_is_published_and_looked_at_from_then_on(
        self, team: Team, crew: list[User], rota: Rota, boss: Actor, effective: Any
    ) -> None:
        draft = edit(rota.plans.get(), boss, crew)
        row = row_of(draft, ids(crew))
        assert foresee(rota, row, effective_at=HANDOFF, now=NOW).blocking == ()
        outcome = plans.publish(draft.pk, edit=draft.edit, effective=effective, actor=boss, now=NOW)
        assert not any(breach.blocking for breach in outcome.new)
        assert {row.kind for row in Breach.objects.all()} >= {BreachKind.NO_SECOND}
        assert Deadline.objects.filter(kind=LOOK, state=State.PENDING).count() == 1


class TestForesight:
    def test_says_when_a_plan_published_before_takes_over_again(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = edit(plans.open_draft(pair[0].pk, actor=boss, now=NOW), boss, crew)
        plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        again = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        row = row_of(again, ids(crew))
        assert foresee(pair[0], row, effective_at=NOW, now=NOW).until == HANDOFF
        assert foresee(pair[0], row, effective_at=HANDOFF, now=NOW).until is None

    def test_shows_what_publishing_then_does(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        order = [crew[1], crew[3], crew[2], crew[0]]
        seen = foresee(pair[0], row_of(draft, ids(order)), effective_at=HANDOFF, now=NOW)
        assert len(seen.shifts[pair[0].pk]) == 12
        assert members(draft) == ["Ben", "Cleo", "Dan", "Ann"]  # nothing was written
        draft = edit(draft, boss, order)
        outcome = plans.publish(draft.pk, edit=draft.edit, actor=boss, now=NOW)
        drawn = Shift.objects.filter(rota=pair[0], ends_at__gt=NOW).order_by("starts_at")[:12]
        assert [(one.user_id, one.ends_at) for one in seen.shifts[pair[0].pk]] == [
            (one.user_id, one.ends_at) for one in drawn
        ]
        assert [one.why for one in seen.shifts[pair[0].pk]] == [Why.ROTA] * 12
        assert {one.user_id for one in seen.movers} == {one.user_id for one in outcome.moved}

    def test_tells_what_is_new_from_what_stands(
        self, pair: tuple[Rota, Rota], crew: list[User], boss: Actor
    ) -> None:
        ContactMethod.objects.filter(user=crew[0]).delete()
        draft = plans.open_draft(pair[0].pk, actor=boss, now=NOW)
        order = ids([*crew[1:], crew[0]])
        same = foresee(pair[0], row_of(draft, order), effective_at=HANDOFF, now=NOW)
        assert "unreachable" in {breach.kind for breach in same.standing}
        assert same.blocking == ()
        draft.hours = "Mon-Fri 09:00-17:00"
        seen = foresee(pair[0], row_of(draft, order), effective_at=HANDOFF, now=NOW)
        assert "gap" in {breach.kind for breach in seen.blocking}
