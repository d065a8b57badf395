"""Business time, hour by hour: nights, weekends, holidays, and the days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.rules.calendar import (
    BusinessCalendar,
    CalendarNeverOpens,
    add_business_time,
    due_at,
    is_open,
    next_opening,
)
from procedures.rules.spans import Span

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = BusinessCalendar(
    zone="Europe/Berlin", holidays=frozenset({date(2026, 4, 3), date(2026, 4, 6)})
)
NIGHT = BusinessCalendar(
    zone="Europe/Berlin", workdays=frozenset(range(7)), opens=time(0, 30), closes=time(8)
)
HOUR = timedelta(hours=1)


ONE_BUSINESS_DAY = Span(business_days=1)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.clause("X21", "C35")
@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-03-02T15:00", "2026-03-03T15:00"),  # Monday → Tuesday
        ("2026-03-06T15:00", "2026-03-09T15:00"),  # Friday → Monday
        ("2026-03-06T17:00", "2026-03-09T17:00"),  # at closing: all of Monday
        ("2026-03-02T09:00", "2026-03-02T17:00"),  # at opening: all of Monday
        ("2026-03-01T03:10", "2026-03-02T17:00"),  # a Sunday night
        ("2026-03-02T08:59:59", "2026-03-02T17:00"),
        ("2026-04-02T15:00", "2026-04-07T15:00"),  # Good Friday and Easter Monday between
        ("2026-03-27T15:00", "2026-03-30T15:00"),  # the clocks go forward between
        ("2026-10-23T15:00", "2026-10-26T15:00"),  # the clocks go back between
    ],
)
def test_one_business_day_is_one_day_of_business_minutes(opened: str, due: str) -> None:
    assert due_at(OFFICE, berlin(opened), ONE_BUSINESS_DAY, "business") == berlin(due)


@pytest.mark.clause("X2")
@pytest.mark.parametrize(
    ("clock", "due"),
    [("elapsed", "2026-03-06T16:30"), ("business", "2026-03-06T16:30")],
)
def test_both_clocks_agree_within_business_hours(clock: str, due: str) -> None:
    assert due_at(OFFICE, berlin("2026-03-06T15:30"), Span(3600), clock) == berlin(due)  # type: ignore[arg-type]


@pytest.mark.clause("X2")
def test_the_business_clock_stands_still_at_night_and_the_other_runs_on() -> None:
    friday_evening = berlin("2026-03-06T16:30")
    assert due_at(OFFICE, friday_evening, Span(3600), "business") == berlin("2026-03-09T09:30")
    assert due_at(OFFICE, friday_evening, Span(3600), "elapsed") == berlin("2026-03-06T17:30")


def test_business_days_stay_business_days_on_the_running_clock() -> None:
    assert due_at(OFFICE, berlin("2026-03-06T16:30"), ONE_BUSINESS_DAY, "elapsed") == berlin(
        "2026-03-09T16:30"
    )


@pytest.mark.clause("X10")
@pytest.mark.parametrize(
    ("at", "opening"),
    [
        ("2026-03-02T08:59:59", "2026-03-02T09:00"),
        ("2026-03-02T09:00", "2026-03-02T09:00"),
        ("2026-03-02T12:34:56", "2026-03-02T12:34:56"),
        ("2026-03-02T16:59:59", "2026-03-02T16:59:59"),
        ("2026-03-02T17:00", "2026-03-03T09:00"),
        ("2026-03-06T17:00", "2026-03-09T09:00"),
        ("2026-04-02T17:00", "2026-04-07T09:00"),
    ],
)
def test_next_opening(at: str, opening: str) -> None:
    assert next_opening(OFFICE, berlin(at)) == berlin(opening)
    assert is_open(OFFICE, berlin(at)) == (at == opening)


@pytest.mark.clause("X10")
def test_the_zone_decides_what_nine_o_clock_is() -> None:
    tokyo = BusinessCalendar(zone="Asia/Tokyo")
    assert is_open(tokyo, datetime(2026, 3, 2, 0, 0, tzinfo=UTC))
    assert not is_open(BusinessCalendar(), datetime(2026, 3, 2, 0, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-03-29T00:30", 3, "2026-03-29T04:30"),  # 2:00 to 3:00 does not exist
        ("2026-03-28T00:30", 7.5 + 6.5, "2026-03-29T08:00"),  # a day one hour short
        ("2026-10-25T00:30", 3, "2026-10-25T02:30"),  # 2:00 to 3:00 comes twice
        ("2026-10-24T00:30", 7.5 + 8.5, "2026-10-25T08:00"),  # a day one hour long
    ],
)
def test_changing_clocks_within_business_hours_count_real_time(
    start: str, hours: float, due: str
) -> None:
    expected = berlin(due).replace(fold=1)
    assert add_business_time(NIGHT, berlin(start), timedelta(hours=hours)) == expected.astimezone(
        UTC
    )


def test_no_length_is_due_at_the_next_opening() -> None:
    saturday = berlin("2026-03-07T12:00")
    assert add_business_time(OFFICE, saturday, timedelta(0)) == berlin("2026-03-09T09:00")


def test_business_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        add_business_time(OFFICE, berlin("2026-03-02T12:00"), -HOUR)


def test_a_calendar_that_never_opens_is_refused_instead_of_searched_for_ever() -> None:
    class EveryDay:
        def __contains__(self, _: object) -> bool:
            return True

    with pytest.raises(CalendarNeverOpens):
        next_opening(BusinessCalendar(holidays=EveryDay()), berlin("2026-03-02T12:00"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"opens": time(17), "closes": time(9)},
        {"workdays": frozenset()},
        {"workdays": frozenset({7})},
    ],
)
def test_a_calendar_without_hours_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="business hours|workdays"):
        BusinessCalendar(**wrong)  # type: ignore[arg-type]


INSTANTS = st.integers(0, 3650 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
)


@given(zone=ZONES, start=INSTANTS, first=st.integers(0, 200_000), then=st.integers(0, 200_000))
def test_time_added_in_two_parts_is_the_same_as_at_once(
    zone: str, start: datetime, first: int, then: int
) -> None:
    calendar = BusinessCalendar(zone=zone)
    halfway = add_business_time(calendar, start, timedelta(seconds=first))
    assert add_business_time(calendar, halfway, timedelta(seconds=then or 1)) == add_business_time(
        calendar, start, timedelta(seconds=first + (then or 1))
    )


@given(zone=ZONES, start=INSTANTS, seconds=st.integers(1, 300_000))
def test_what_is_due_in_business_time_is_due_in_business_hours(
    zone: str, start: datetime, seconds: int
) -> None:
    calendar = BusinessCalendar(zone=zone)
    due = add_business_time(calendar, start, timedelta(seconds=seconds))
    assert is_open(calendar, due - timedelta(microseconds=1))
    assert due - start >= timedelta(seconds=seconds)
