"""When a message is tried again."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifications.rules.retry import RetryPlan, wait_before_next

PLAN = RetryPlan(first=2, cap=15, max_tries=40)


def test_waits_double_up_to_the_cap() -> None:
    waits = [wait_before_next(PLAN, tries, chance=0.5) for tries in range(1, 7)]

    assert waits == [timedelta(seconds=number) for number in (2, 4, 8, 15, 15, 15)]


def test_the_last_try_is_the_last() -> None:
    assert wait_before_next(PLAN, 39, chance=0.5) is not None
    assert wait_before_next(PLAN, 40, chance=0.5) is None


def test_a_sane_wish_is_heeded_and_an_insane_one_is_not() -> None:
    assert wait_before_next(PLAN, 1, chance=0.5, wish=20) == timedelta(seconds=20)
    assert wait_before_next(PLAN, 1, chance=0.5, wish=86_400) == timedelta(seconds=60)
    assert wait_before_next(PLAN, 1, chance=0.5, wish=0) == timedelta(seconds=2)


@given(
    tries=st.integers(1, 10_000),
    chance=st.floats(0, 1),
    wish=st.none() | st.floats(0, 1e12),
)
def test_a_wait_is_never_over_a_minute_and_never_nothing(
    tries: int, chance: float, wish: float | None
) -> None:
    wait = wait_before_next(RetryPlan(2, 15, 100_000), tries, chance=chance, wish=wish)

    assert wait is not None
    assert timedelta(seconds=1) <= wait <= timedelta(seconds=60)
