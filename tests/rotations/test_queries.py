"""Who is on call out of the rows, and the roster that incidents read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from deadlines.extension import PORTAL
from directory import services as directory_services
from directory.models import Team, User
from notifications.models import ContactMethod
from rotations import queries
from rotations.models import Rota, Swap
from rotations.permissions import visible_swaps
from rotations.queries import OnCall, next_shifts, roster, shifts_of, who_is_on_call
from rotations.rules.roster import Person
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota, make_secondary

pytestmark = pytest.mark.django_db
WEDNESDAY = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
SHIFT = (datetime(2026, 1, 12, 9, tzinfo=UTC), datetime(2026, 1, 19, 9, tzinfo=UTC))
HOUR = timedelta(hours=1)


def reach(user: User, kind: str = "mail", *, verified: bool = True, enabled: bool = True) -> None:
    ContactMethod.objects.create(
        user=user, kind=kind, channel="mail", address=f"{kind}.{user.email}", enabled=enabled,
        verified_at=WEDNESDAY if verified else None,
    )  # fmt: skip


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew, slug="primary")


@pytest.fixture
def secondary(primary: Rota) -> Rota:
    return make_secondary(primary, slug="secondary")


class TestWhoIsOnCall:
    @pytest.mark.clause("C14", "C19")
    def test_primary_and_secondary_with_their_shift(
        self, team: Team, crew: list[User], primary: Rota, secondary: Rota
    ) -> None:
        _, ben, cleo = crew
        assert who_is_on_call(at=WEDNESDAY) == [
            OnCall(primary.pk, "primary", team.pk, "primary", ben.pk, *SHIFT, "rota"),
            OnCall(secondary.pk, "secondary", team.pk, "secondary", cleo.pk, *SHIFT, "rota"),
        ]

    def test_an_override_says_so(self, crew: list[User], primary: Rota) -> None:
        ann = crew[0]
        make_override(primary, ann, WEDNESDAY - HOUR, WEDNESDAY + HOUR)
        (held,) = who_is_on_call(at=WEDNESDAY)
        assert (held.user_id, held.why) == (ann.pk, "override")
        assert (held.starts_at, held.ends_at) == (WEDNESDAY - HOUR, WEDNESDAY + HOUR)

    def test_a_long_override_is_known_from_its_middle(
        self, crew: list[User], primary: Rota
    ) -> None:
        start = WEDNESDAY - timedelta(days=200)
        make_override(primary, crew[0], start, start + timedelta(days=366))
        (held,) = who_is_on_call(at=WEDNESDAY)
        assert (held.starts_at, held.ends_at) == (start, start + timedelta(days=366))

    def test_inactive_rotas_and_rotas_without_members_are_left_out(
        self, team: Team, primary: Rota
    ) -> None:
        Rota.objects.update(active=False)
        make_rota(team)
        assert who_is_on_call(at=WEDNESDAY) == []

    def test_of_some_teams(self, team: Team, primary: Rota) -> None:
        other = people.make_team()
        make_rota(other, [people.make_engineer(other)])
        assert {held.team_id for held in who_is_on_call(at=WEDNESDAY)} == {team.pk, other.pk}
        assert [held.team_id for held in who_is_on_call(at=WEDNESDAY, team_ids=[other.pk])] == [
            other.pk
        ]
        assert who_is_on_call(at=WEDNESDAY, team_ids=[]) == []

    def test_it_costs_the_same_for_1_and_for_30_rotas(
        self, primary: Rota, secondary: Rota, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(5):
            who_is_on_call(at=WEDNESDAY)
        with django_assert_num_queries(1):
            who_is_on_call(at=WEDNESDAY + HOUR)
        for _ in range(15):
            other = people.make_team()
            rota = make_rota(other, [people.make_engineer(other) for _ in range(2)])
            make_override(make_secondary(rota), people.make_user(), WEDNESDAY, WEDNESDAY + HOUR)
        with django_assert_num_queries(5):
            assert len(who_is_on_call(at=WEDNESDAY)) == 32


class TestShifts:
    def test_a_persons_next_shifts(self, crew: list[User], primary: Rota, secondary: Rota) -> None:
        cleo = crew[2]
        found = next_shifts(cleo.pk, start=WEDNESDAY, end=WEDNESDAY + timedelta(weeks=2))
        assert [(shift.level, shift.starts_at) for shift in found] == [
            ("secondary", SHIFT[0]),
            ("primary", SHIFT[1]),
        ]

    def test_shifts_come_in_order(self, primary: Rota, secondary: Rota) -> None:
        found = shifts_of(Rota.objects.all(), start=WEDNESDAY, end=WEDNESDAY + timedelta(weeks=3))
        assert [shift.starts_at for shift in found] == sorted(shift.starts_at for shift in found)
        assert len(found) == 8


class TestRoster:
    @pytest.mark.clause("C12", "C14", "C16", "C19", "C20", "C23", "X13")
    def test_who_answers_for_a_team(
        self, team: Team, crew: list[User], primary: Rota, secondary: Rota
    ) -> None:
        ann, ben, cleo = crew
        manager, stand_in = people.make_user("Mia"), people.make_user("Noa")
        directory_services.set_role_holder(
            team.pk, "engineering-manager", manager.pk, backup_id=stand_in.pk, actor=PORTAL
        )
        found = roster(team.pk, at=WEDNESDAY)
        assert (found.holder("primary"), found.holder("secondary")) == (ben.pk, cleo.pk)
        assert found.default_owner == ben.pk
        assert found.holder("tertiary") == manager.pk
        assert found.backup_of("primary") == cleo.pk
        assert found.backup_of("secondary") == manager.pk
        assert found.role("engineering-manager") == (manager.pk, stand_in.pk)
        assert found.role("ciso") == ()
        assert found.team == (ann.pk, ben.pk, cleo.pk)
        assert set(found.people) == {ann.pk, ben.pk, cleo.pk, manager.pk, stand_in.pk}

    def test_reachable_is_who_has_a_verified_enabled_method_and_is_active(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        ann, ben, cleo = crew
        reach(ann, "pager")
        reach(ann, "mail")
        reach(ben, verified=False)
        reach(ben, "phone", enabled=False)
        reach(cleo)
        User.objects.filter(pk=cleo.pk).update(is_active=False)
        directory_services.set_role_holder(team.pk, "ciso", ann.pk, actor=PORTAL)
        found = roster(team.pk, at=WEDNESDAY)
        assert found.people[ann.pk] == Person(ann.pk, "Ann", ("pager", "mail"))
        assert [found.reachable(user.pk) for user in (ann, ben, cleo)] == [True, False, False]
        assert not found.reachable(10**9)

    def test_a_team_without_rows_has_an_empty_roster(self, team: Team) -> None:
        found = roster(team.pk, at=WEDNESDAY)
        assert (found.holder("primary"), found.holder("tertiary"), found.team) == (None, None, ())
        assert found.default_owner is None

    def test_it_costs_the_same_for_3_and_for_30_people(
        self, team: Team, primary: Rota, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with CaptureQueriesContext(connection) as few:
            roster(team.pk, at=WEDNESDAY)
        for number in range(30):
            user = people.make_engineer(team)
            reach(user)
            directory_services.set_role_holder(team.pk, f"role-{number}", user.pk, actor=PORTAL)
        with django_assert_num_queries(len(few)):
            roster(team.pk, at=WEDNESDAY)


class TestCommand:
    def said(self, **options: str) -> list[str]:
        out = StringIO()
        call_command("who_is_on_call", stdout=out, **options)
        return out.getvalue().splitlines()

    @pytest.mark.parametrize("at", ["2026-01-14T03:10", "2026-01-14T04:10+01:00"])
    def test_at_an_instant(self, primary: Rota, at: str) -> None:
        assert self.said(at=at) == [
            "primary (primary): Ben, 2026-01-12 09:00 to 2026-01-19 09:00 UTC, by rota"
        ]

    def test_now(self, primary: Rota) -> None:
        with time_machine.travel(WEDNESDAY - timedelta(weeks=1), tick=False):
            assert self.said() == [
                "primary (primary): Ann, 2026-01-05 09:00 to 2026-01-12 09:00 UTC, by rota"
            ]

    def test_nobody(self) -> None:
        assert self.said(at="2026-01-14T03:10") == ["Nobody is on call."]

    @pytest.mark.parametrize("wrong", ["soon", "0001-01-01T00:00+14:00"])
    def test_what_is_no_instant_is_refused(self, wrong: str) -> None:
        with pytest.raises(CommandError, match="--at takes"):
            self.said(at=wrong)


def test_the_roster_equals_the_pure_answer(
    crew: list[User], primary: Rota, secondary: Rota
) -> None:
    """The rows are read without loss: the facts of a derived rota hold its base's."""
    facts = queries.facts_of([primary.team_id])
    (turns,), (behind,) = facts[primary.pk].plans, facts[secondary.pk].plans
    assert turns.members == tuple(user.pk for user in crew)
    assert behind.base == facts[primary.pk]
    assert facts[secondary.pk].above == (facts[primary.pk],)


class TestWhoSeesWhichSwaps:
    @pytest.fixture
    def swaps(self, team: Team, crew: list[User], primary: Rota) -> list[Swap]:
        """One of the team, and one back to it from another team."""
        elsewhere = make_rota(people.make_team(), crew)
        at: Any = {
            "starts_at": WEDNESDAY,
            "ends_at": WEDNESDAY + timedelta(days=1),
            "created_at": WEDNESDAY,
        }
        who: Any = {"giver": crew[0], "colleague": crew[1], "filed_by": crew[0]}
        back: Any = {
            "back_rota": primary, "back_starts_at": WEDNESDAY, "back_ends_at": WEDNESDAY + timedelta(days=1),
        }  # fmt: skip
        return [
            Swap.objects.create(rota=primary, **who, **at),
            Swap.objects.create(rota=elsewhere, **who, **at, **back),
            Swap.objects.create(rota=elsewhere, **who, **at),
        ]

    def test_everybody_with_a_role_all_others_those_of_their_rotas_and_their_own(
        self, team: Team, swaps: list[Swap]
    ) -> None:
        engineer = people.make_engineer(people.make_team())
        assert set(visible_swaps(engineer)) == set(swaps)
        guest = people.make_responder(people.make_team())
        assert not visible_swaps(guest).exists()
        make_rota(team, [guest], slug="guests")
        assert not visible_swaps(guest).exists()
        swaps[2].colleague = guest
        swaps[2].save()
        assert set(visible_swaps(guest)) == {swaps[2]}
        assert set(visible_swaps(people.make_responder(team))) == {swaps[0], swaps[1]}

    def test_no_plan_asks_again_for_each_swap_which_rotas_are_seen(
        self, team: Team, swaps: list[Swap]
    ) -> None:
        for reader in (people.make_engineer(team), people.make_responder(team)):
            assert "SubPlan" not in visible_swaps(reader).explain()
