"""What is said of a turn and when, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotations.rules.turns import Notice, Turn, Turning, joined, notices, worth_saying

START = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def turn(starts_at: datetime = START, ends_at: datetime = START + WEEK, user_id: int = 1) -> Turn:
    return Turn(user_id, 7, starts_at, ends_at)


def test_a_turn_is_announced_twice_begins_and_ends() -> None:
    assert [(notice.what, notice.at) for notice in notices([turn()])] == [
        (Turning.DAY, START - HOUR * 24),
        (Turning.HOUR, START - HOUR),
        (Turning.ON, START),
        (Turning.OFF, START + WEEK),
    ]


def test_shifts_that_touch_are_one_turn_unless_person_or_rota_differ() -> None:
    later = turn(START + WEEK, START + WEEK * 2)
    assert joined([later, turn()]) == [turn(START, START + WEEK * 2)]
    other = turn(START + WEEK, START + WEEK * 2, user_id=2)
    assert joined([other, turn()]) == [turn(), other]
    rota = Turn(1, 8, START + WEEK, START + WEEK * 2)
    assert joined([rota, turn()]) == [turn(), rota]
    apart = turn(START + WEEK + MINUTE, START + WEEK * 2)
    assert joined([apart, turn()]) == [turn(), apart]


@pytest.mark.parametrize(
    ("what", "at", "now", "said"),
    [
        (Turning.DAY, START - HOUR * 24, START - HOUR * 24, True),
        (Turning.DAY, START - HOUR * 24, START - HOUR * 2, True),
        (Turning.DAY, START - HOUR * 24, START - HOUR, False),
        (Turning.HOUR, START - HOUR, START - MINUTE, True),
        (Turning.HOUR, START - HOUR, START, False),
        (Turning.ON, START, START, True),
        (Turning.ON, START, START + WEEK - MINUTE, True),
        (Turning.ON, START, START + WEEK, False),
    ],
)
def test_what_comes_late_is_said_while_it_makes_sense(
    what: Turning, at: datetime, now: datetime, said: bool
) -> None:
    assert worth_saying(Notice(at, what, turn()), since=at, now=now) is said


def test_the_end_is_said_to_whoever_heard_of_the_beginning() -> None:
    end = Notice(START + WEEK, Turning.OFF, turn())
    assert worth_saying(end, since=START + MINUTE, now=START + WEEK * 2)
    assert not worth_saying(end, since=START, now=START + WEEK * 2)
