"""Taking the pager now: for whom it works, until when, who stands in, and what is on record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from deadlines.extension import PORTAL, Actor
from directory.models import RoleHolder, Team, User
from directory.permissions import actor_of
from notifications.models import ContactMethod, PageOut
from rotations import services
from rotations.models import Breach, Override, Rota, Shift, TimeOff
from rotations.queries import roster, who_is_on_call
from rotations.services import RotaRefused
from tests.directory import factories as people
from tests.rotations.factories import (
    away_is_a_breach,
    make_override,
    make_reachable,
    make_rota,
    make_secondary,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
SHIFT_ENDS = datetime(2026, 1, 19, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [make_reachable(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    """Ben's in this week; Cleo is the secondary where there is one."""
    return make_rota(team, crew, name="Platform-Rota")


def holders(at: datetime) -> list[int]:
    return [held.user_id for held in who_is_on_call(at=at)]


def take(rota: Rota, user: User, now: datetime = NOW) -> Override | None:
    return services.take_over(rota.pk, actor=actor_of(user), now=now)


def made(rota: Rota) -> list[tuple[Any, ...]]:
    return list(
        Override.objects.filter(rota=rota)
        .order_by("pk")
        .values_list("user_id", "starts_at", "ends_at", "kind", "reason")
    )


def away(user: User, starts_at: datetime, ends_at: datetime) -> None:
    TimeOff.objects.create(user=user, starts_at=starts_at, ends_at=ends_at, created_at=NOW)


class TestTheStretch:
    @pytest.mark.clause("C22")
    def test_the_secondary_takes_over_until_the_shift_ends(
        self, primary: Rota, crew: list[User]
    ) -> None:
        make_secondary(primary)
        ann, ben, cleo = crew
        assert holders(NOW) == [ben.pk, cleo.pk]
        override = take(primary, cleo)
        assert override is not None
        assert (override.user, override.created_by, override.starts_at, override.ends_at) == (
            cleo, cleo, NOW, SHIFT_ENDS,
        )  # fmt: skip
        assert override.reason == "Taken over from Ben"
        assert holders(NOW) == [cleo.pk, ann.pk]
        assert holders(SHIFT_ENDS) == [cleo.pk, ann.pk]

    @pytest.mark.clause("C22")
    def test_it_is_on_record(self, primary: Rota, crew: list[User]) -> None:
        take(primary, crew[2])
        events = Override.pgh_event_model.objects.values_list(  # type: ignore[attr-defined]
            "pgh_label", "user_id", "created_by_id"
        )
        assert list(events) == [("insert", crew[2].pk, crew[2].pk)]

    def test_the_running_shift_is_split_at_now(self, primary: Rota, crew: list[User]) -> None:
        services.add_override(
            primary.pk, user_id=crew[0].pk, starts_at=NOW + DAY * 30, ends_at=NOW + DAY * 31,
            actor=PORTAL, now=NOW - DAY,
        )  # fmt: skip
        take(primary, crew[2])
        drawn = Shift.objects.filter(rota=primary, starts_at__lt=SHIFT_ENDS).order_by("starts_at")
        assert list(drawn.values_list("user_id", "starts_at", "ends_at", "frozen", "why")) == [
            (crew[1].pk, SHIFT_ENDS - DAY * 7, NOW, True, "rota"),
            (crew[2].pk, NOW, SHIFT_ENDS, False, "take_over"),
        ]

    @pytest.mark.clause("C22")
    def test_those_whose_shifts_it_moves_are_told(self, primary: Rota, crew: list[User]) -> None:
        make_secondary(primary)
        take(primary, crew[2])
        outs = PageOut.objects.filter(step_key__startswith="moved:").select_related("user")
        assert {out.user.name for out in outs if out.user} == {"Ann", "Ben", "Cleo"}
        assert {out.message["text"].partition("\n")[0] for out in outs} == {
            "Cleo has taken Platform-Rota over."
        }

    def test_twice_is_once(self, primary: Rota, crew: list[User]) -> None:
        take(primary, crew[2])
        assert take(primary, crew[2], NOW + HOUR) is None
        assert Override.objects.count() == 1

    def test_taking_it_back_holds_to_the_same_end(self, primary: Rota, crew: list[User]) -> None:
        take(primary, crew[2])
        back = take(primary, crew[1], NOW + HOUR)
        assert back is not None
        assert back.ends_at == SHIFT_ENDS
        assert holders(NOW + HOUR) == [crew[1].pk]

    def test_an_override_is_taken_over_to_its_own_end(
        self, primary: Rota, crew: list[User]
    ) -> None:
        make_override(primary, crew[0], NOW - HOUR, NOW + HOUR)
        override = take(primary, crew[2])
        assert override is not None
        assert override.ends_at == NOW + HOUR

    @pytest.mark.parametrize(
        ("turns", "until"),
        [
            ({"starts_on": date(2026, 2, 2)}, datetime(2026, 2, 2, 9, tzinfo=UTC)),
            ({"hours": "Mon-Fri 09:00-17:00"}, datetime(2026, 1, 14, 9, tzinfo=UTC)),
            ({"ends_on": date(2026, 1, 13)}, NOW + DAY),
        ],
        ids=["not begun", "outside its hours", "over"],
    )
    @pytest.mark.clause("C22")
    def test_a_rota_nobody_holds_is_taken_until_the_next_shift(
        self, team: Team, crew: list[User], turns: Any, until: datetime
    ) -> None:
        rota = make_rota(team, crew, **turns)
        assert holders(NOW) == []
        override = take(rota, crew[0])
        assert override is not None
        assert (override.ends_at, override.reason) == (until, "Taken over: nobody held it")
        assert holders(NOW) == [crew[0].pk]

    def test_a_rota_without_people_and_one_left_vacant_are_taken_too(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        empty = make_rota(team)
        taken = take(empty, crew[0])
        assert taken is not None
        assert taken.ends_at > NOW
        Override.objects.create(
            rota=primary, starts_at=NOW - HOUR, ends_at=NOW + HOUR, created_at=NOW - HOUR
        )
        taken = take(primary, crew[0])
        assert taken is not None
        assert taken.ends_at == NOW + HOUR


class TestWhoStandsIn:
    @pytest.mark.clause("C22")
    def test_the_next_in_order_becomes_secondary_by_an_override(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        ann, _, cleo = crew
        take(primary, cleo)
        assert made(second) == [(ann.pk, NOW, SHIFT_ENDS, "take_over", "Cleo took over as primary")]

    @pytest.mark.clause("C22")
    def test_who_is_away_unreachable_or_inactive_is_passed_over(self, team: Team) -> None:
        ann, ben, cleo, dan, eve, fay = (
            make_reachable(team, name) for name in ("Ann", "Ben", "Cleo", "Dan", "Eve", "Fay")
        )
        primary = make_rota(team, [ann, ben, cleo, dan, eve, fay])
        second = make_secondary(primary)
        away(dan, NOW - DAY, NOW + DAY * 30)
        ContactMethod.objects.filter(user=eve).update(verified_at=None)
        User.objects.filter(pk=fay.pk).update(is_active=False)
        take(primary, cleo)
        assert [row[0] for row in made(second)] == [ann.pk]
        assert holders(NOW) == [cleo.pk, ann.pk]

    def test_who_leaves_during_the_stretch_is_followed_by_the_next(self, team: Team) -> None:
        ann, ben, cleo, dan = (make_reachable(team, name) for name in ("Ann", "Ben", "Cleo", "Dan"))
        primary = make_rota(team, [ann, ben, cleo, dan])
        second = make_secondary(primary)
        away(dan, NOW + DAY, NOW + DAY * 2)
        take(primary, cleo)
        assert [row[:3] for row in made(second)] == [
            (dan.pk, NOW, NOW + DAY),
            (ann.pk, NOW + DAY, SHIFT_ENDS),
        ]

    @pytest.mark.clause("C12", "C22", "X13")
    def test_with_nobody_ready_the_slot_is_vacant_and_the_manager_stands_in(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann, ben = (make_reachable(team, name) for name in ("Ann", "Ben"))
        boss = make_reachable(team, "Boss")
        RoleHolder.objects.create(team=team, role="engineering-manager", user=boss)
        primary = make_rota(team, [ann, ben])
        second = make_secondary(primary)
        assert holders(NOW) == [ben.pk, ann.pk]
        take(primary, ann)
        assert made(second) == [
            (None, NOW, SHIFT_ENDS, "take_over", "Ann took over as primary; nobody is ready")
        ]
        assert holders(NOW) == [ann.pk]
        now = roster(team.pk, at=NOW)
        assert (now.holder("primary"), now.holder("secondary")) == (ann.pk, None)
        assert now.backup_of("primary") == boss.pk
        assert holders(SHIFT_ENDS) == [ann.pk, ben.pk]
        kept = Breach.objects.get(kind="no_second")
        assert (kept.starts_at, kept.ends_at, kept.gone_at) == (NOW, SHIFT_ENDS, None)

    def test_an_independent_secondary_is_filled_in_its_own_order(self, team: Team) -> None:
        ann, ben, cleo, dan = (make_reachable(team, name) for name in ("Ann", "Ben", "Cleo", "Dan"))
        primary = make_rota(team, [ann, ben])
        second = make_rota(team, [dan, cleo], level="secondary")
        assert holders(NOW) == [ben.pk, cleo.pk]
        take(primary, cleo)
        assert [row[0] for row in made(second)] == [dan.pk]

    def test_who_is_not_the_secondary_leaves_the_secondary_alone(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        ann, _, cleo = crew
        take(primary, ann)
        assert made(second) == []
        assert holders(NOW) == [ann.pk, cleo.pk]

    def test_taking_it_back_takes_the_stand_in_back(self, primary: Rota, crew: list[User]) -> None:
        second = make_secondary(primary)
        _, ben, cleo = crew
        override = take(primary, cleo)
        assert override is not None
        later = NOW + HOUR
        services.remove_override(override.pk, actor=actor_of(cleo), now=later)
        assert holders(later) == [ben.pk, cleo.pk]
        assert [row[2] for row in made(second)] == [later]


class TestNothingRefusesIt:
    @pytest.mark.clause("C22")
    def test_what_it_breaks_is_kept_as_a_breach(
        self, monkeypatch: pytest.MonkeyPatch, primary: Rota, crew: list[User]
    ) -> None:
        away_is_a_breach(monkeypatch, crew[2])
        assert take(primary, crew[2]) is not None
        kept = Breach.objects.get()
        assert (kept.said, kept.gone_at, kept.waived_by) == ("Cleo is away", None, None)

    def test_only_people_take_over(self, primary: Rota) -> None:
        for actor in (PORTAL, Actor("integration", 1, "x"), Actor("user", 10**12, "gone")):
            with pytest.raises(RotaRefused) as refused:
                services.take_over(primary.pk, actor=actor, now=NOW)
            assert refused.value.code == "not_a_person"

    def test_an_outsider_may_not(self, primary: Rota) -> None:
        with pytest.raises(PermissionDenied):
            take(primary, make_reachable(people.make_team()))

    def test_the_primary_does_not_become_their_own_backup(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        with pytest.raises(RotaRefused) as refused:
            take(second, crew[1])
        assert refused.value.code == "own_backup"
        assert not Override.objects.exists()

    def test_a_retired_rota_pages_nobody(self, primary: Rota, crew: list[User]) -> None:
        Rota.objects.filter(pk=primary.pk).update(active=False)
        with pytest.raises(RotaRefused) as refused:
            take(primary, crew[2])
        assert refused.value.code == "retired"


@pytest.mark.django_db(transaction=True)
def test_one_person_taking_over_three_times_at_once_leaves_one_override() -> None:
    """Three real connections; the roster's lock puts them in a row."""
    first, second = people.make_user(), people.make_user()
    primary = make_rota(people.make_team(), [first, second])

    def click(user: User) -> None:
        try:
            services.take_over(primary.pk, actor=actor_of(user), now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=3) as pool:
        list(pool.map(click, [first] * 3))
    assert list(Override.objects.values_list("user_id", flat=True)) == [first.pk]
    assert holders(NOW) == [first.pk]


@pytest.mark.django_db(transaction=True)
def test_two_people_taking_over_at_once_both_succeed_and_one_holds_it() -> None:
    team = people.make_team()
    ann, ben, cleo = (make_reachable(team) for _ in range(3))
    primary = make_rota(team, [ann, ben, cleo])
    make_secondary(primary)

    def click(user: User) -> None:
        try:
            services.take_over(primary.pk, actor=actor_of(user), now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(click, [ann, cleo]))
    assert Override.objects.filter(rota=primary).count() == 2
    first, second = holders(NOW)
    assert first in (ann.pk, cleo.pk)
    assert second != first
