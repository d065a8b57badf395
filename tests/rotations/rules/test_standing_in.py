"""Who stands in for whoever moves up: order, readiness, and who leaves or comes back meanwhile."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotations.enums import Unit
from rotations.rules.facts import PersonFacts, PlanFacts, RotaFacts, TeamFacts, TimeOffFacts
from rotations.rules.standing_in import StandIn, order_after, ready_among, stand_ins

NOW = datetime(2026, 1, 14, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def plan(*members: int, **changed: Any) -> PlanFacts:
    return PlanFacts(
        id=1, members=members, unit=Unit.WEEK, length=1, handoff_time=time(9), zone="UTC",
        starts_on=date(2026, 1, 5), **changed,
    )  # fmt: skip


def away(user_id: int, start: int, end: int) -> TimeOffFacts:
    return TimeOffFacts(user_id, NOW + HOUR * start, NOW + HOUR * end)


class TestOrder:
    @pytest.mark.parametrize(
        ("user_id", "order"), [(1, (2, 3)), (2, (3, 1)), (3, (1, 2)), (9, (1, 2, 3))]
    )
    def test_it_begins_behind_the_person(self, user_id: int, order: tuple[int, ...]) -> None:
        assert order_after(RotaFacts(1, (plan(1, 2, 3),)), user_id, at=NOW) == order

    def test_a_derived_plan_has_the_people_of_its_base(self) -> None:
        base = RotaFacts(1, (plan(1, 2, 3),))
        assert order_after(RotaFacts(2, (plan(base=base),)), 2, at=NOW) == (3, 1)

    def test_the_plan_in_force_counts(self) -> None:
        rota = RotaFacts(1, (plan(1, 2), plan(3, 4, effective_at=NOW)))
        assert order_after(rota, 1, at=NOW - HOUR) == (2,)
        assert order_after(rota, 1, at=NOW) == (3, 4)

    def test_before_any_plan_there_is_nobody(self) -> None:
        assert order_after(RotaFacts(1, (plan(1, effective_at=NOW),)), 1, at=NOW - HOUR) == ()


def test_only_the_ready_are_asked() -> None:
    people = {
        1: PersonFacts(1, "Ann", active=False),
        2: PersonFacts(2, "Ben", reachable=False),
        3: PersonFacts(3, "Cleo", ready=False),
        4: PersonFacts(4, "Dan"),
    }
    assert ready_among(TeamFacts(1, (), people=people), [5, 4, 3, 2, 1]) == (4,)


class TestPieces:
    def pieces(self, order: tuple[int, ...], *off: TimeOffFacts) -> list[tuple[int | None, int]]:
        """Who, and for how many hours of six."""
        found = stand_ins(order, off, start=NOW, end=NOW + HOUR * 6)
        return [(one.user_id, (one.ends_at - one.starts_at) // HOUR) for one in found]

    def test_the_first_in_order_stands_in_for_all_of_it(self) -> None:
        assert self.pieces((1, 2)) == [(1, 6)]

    def test_whoever_leaves_is_followed_and_is_not_called_back(self) -> None:
        assert self.pieces((1, 2), away(1, 2, 4)) == [(1, 2), (2, 4)]
        assert self.pieces((1, 2), away(1, 2, 4), away(2, 5, 9)) == [(1, 2), (2, 3), (1, 1)]

    def test_while_all_are_away_nobody_does(self) -> None:
        assert self.pieces(()) == [(None, 6)]
        assert self.pieces((1,), away(1, -1, 2)) == [(None, 2), (1, 4)]
        assert self.pieces((1, 2), away(1, -1, 9), away(2, 1, 3)) == [(2, 1), (None, 2), (2, 3)]
        assert self.pieces((1, 2), away(1, -1, 2), away(2, -1, 3), away(1, 2, 3)) == [
            (None, 3),
            (1, 3),
        ]

    @given(
        st.lists(st.integers(1, 4), unique=True),
        st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 8), st.integers(1, 5)), max_size=8),
    )
    def test_the_pieces_touch_and_nobody_in_them_is_away(
        self, order: list[int], spans: list[tuple[int, int, int]]
    ) -> None:
        off = [away(user_id, start, start + length) for user_id, start, length in spans]
        found = stand_ins(order, off, start=NOW, end=NOW + HOUR * 6)
        assert found[0].starts_at == NOW
        assert found[-1].ends_at == NOW + HOUR * 6
        for one, following in zip(found, found[1:], strict=False):
            assert one.ends_at == following.starts_at
            assert one.user_id != following.user_id
        for hour in range(6):
            at = NOW + HOUR * hour
            holder = _at(found, at)
            gone = {one.user_id for one in off if one.starts_at <= at < one.ends_at}
            assert holder not in gone
            assert (holder is None) == (not set(order) - gone)


def _at(found: tuple[StandIn, ...], at: datetime) -> int | None:
    return next(one.user_id for one in found if one.starts_at <= at < one.ends_at)
