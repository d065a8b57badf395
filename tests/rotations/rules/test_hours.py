"""Hours of the week, as people write them."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotations.rules.hours import BadHours, Hours, parse, text_of

NINE, FIVE = time(9), time(17)


def test_a_range_of_days_is_each_of_them() -> None:
    assert parse("Mon-Fri 09:00-17:00") == tuple(Hours(day, NINE, FIVE) for day in range(5))


def test_parts_days_and_hours_stand_in_lists() -> None:
    assert parse("Mon, Wed 9:00-12:00, 13:00-17:00; Sat 22:00-06:00") == (
        Hours(0, NINE, time(12)), Hours(0, time(13), FIVE),
        Hours(2, NINE, time(12)), Hours(2, time(13), FIVE),
        Hours(5, time(22), time(6)),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "  ", ";", "\n"])
def test_no_text_means_always(text: str) -> None:
    assert parse(text) == ()
    assert text_of(()) == ""


@pytest.mark.parametrize("text", ["Sat 08:00-24:00", "sat 8:00-00:00", "Saturday 08:00 – 24:00"])
def test_midnight_may_be_written_either_way(text: str) -> None:
    assert parse(text) == (Hours(5, time(8), time(0)),)
    assert text_of(parse(text)) == "Sat 08:00-24:00"


def test_hours_that_end_before_they_begin_end_on_the_next_day() -> None:
    assert Hours(5, time(22), time(6)).overnight
    assert Hours(5, time(22), time(0)).overnight
    assert not Hours(5, NINE, FIVE).overnight


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Sat-Mon 9:00-17:00", "Mon, Sat, Sun 09:00-17:00"),
        ("Tue 9:00-17:00; Mon 9:00-17:00; Wed 9:00-17:00", "Mon-Wed 09:00-17:00"),
        ("mon-sun 00:00-24:00", "Mon-Sun 00:00-24:00"),
        ("Fri 22:00-6:00; mon-thu 9:00-12:00,13:00-17:00",
         "Mon-Thu 09:00-12:00, 13:00-17:00; Fri 22:00-06:00"),
        ("Sun 22:00-06:00\nMon 06:00-22:00", "Mon 06:00-22:00; Sun 22:00-06:00"),
    ],
)  # fmt: skip
def test_the_text_comes_back_in_one_form(text: str, normal: str) -> None:
    assert text_of(parse(text)) == normal
    assert parse(normal) == parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("always", "Write them like Mon-Fri 09:00-17:00; Sat 22:00-06:00."),
        ("09:00-17:00", "names no days and hours"),
        ("Mon-Fri", "names no days and hours"),
        ("Mon-Foo 09:00-17:00", "“foo” is no day. Write Mon, Tue, Wed, Thu, Fri, Sat or Sun."),
        ("Mon-Wed-Fri 09:00-17:00", "Write it like Mon-Fri."),
        ("Mon 9-17", "Write them like 09:00-17:00."),
        ("Mon 09:00", "Write them like 09:00-17:00."),
        ("Mon 09:00-25:00", "Write it from 00:00 to 24:00."),
        ("Mon 24:00-25:00", "Write it from 00:00 to 24:00."),
        ("Mon 09:60-17:00", "Write it from 00:00 to 24:00."),
        ("Mon 09:00-09:00", "Write 00:00-24:00 for the whole day."),
        ("Mon 09:00-17:00; Mon 16:00-18:00", "Mon 09:00-17:00 and Mon 16:00-18:00 overlap"),
        ("Mon-Fri 09:00-17:00; Mon 09:00-17:00", "overlap"),
        ("Sun 22:00-06:00; Mon 05:00-09:00", "Sun 22:00-06:00 and Mon 05:00-09:00 overlap"),
        ("Mon 22:00-06:00; Tue 05:00-09:00", "overlap"),
        ("Mon 09:00-17:00,", "names no hours"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(BadHours) as refused:
        parse(text)
    assert said in str(refused.value)


def test_a_weekday_is_one_of_seven() -> None:
    with pytest.raises(ValueError, match="weekday"):
        Hours(7, NINE, FIVE)


@given(cuts=st.lists(st.integers(0, 7 * 48 - 1), min_size=2, max_size=12, unique=True))
def test_any_hours_survive_being_written_and_read(cuts: list[int]) -> None:
    """Cuts of the week in half hours, every other stretch open where it is shorter than a day."""
    cuts.sort()
    found = []
    for begin, end in zip(cuts[::2], cuts[1::2], strict=False):
        if end - begin < 48:
            clock = [time(cut % 48 // 2, cut % 2 * 30) for cut in (begin, end)]
            found.append(Hours(begin // 48, *clock))
    assert parse(text_of(found)) == tuple(sorted(found))
