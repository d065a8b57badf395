"""A team's calendar out of its row: public holidays, days off of its own."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from directory.queries import calendar_of, public_holidays
from directory.rules.calendar import due_at, is_business_day
from procedures.rules.spans import parse_span
from tests.directory.factories import make_team

pytestmark = pytest.mark.django_db


@pytest.mark.clause("X10", "C35", "X21")
def test_public_holidays_and_days_off_are_no_business_days() -> None:
    team = make_team(
        zone="Europe/Berlin", holiday_country="DE", holiday_subdivision="BE",
        extra_holidays=[date(2026, 3, 10)],
    )  # fmt: skip
    calendar = calendar_of(team)
    assert not is_business_day(calendar, date(2026, 3, 8))  # a Sunday
    assert not is_business_day(calendar, date(2027, 3, 8))  # International Women's Day, Berlin only
    assert not is_business_day(calendar, date(2026, 3, 10))
    berlin = ZoneInfo("Europe/Berlin")
    opened = datetime(2026, 3, 9, 15, 0, tzinfo=berlin)
    assert due_at(calendar, opened, parse_span("1 business day"), "business") == datetime(
        2026, 3, 11, 15, 0, tzinfo=berlin
    )


@pytest.mark.clause("X10")
def test_no_country_has_no_holidays() -> None:
    assert public_holidays("") == frozenset()
    assert is_business_day(calendar_of(make_team(holiday_country="")), date(2026, 12, 25))
    assert not is_business_day(calendar_of(make_team(holiday_country="US")), date(2026, 12, 25))


def test_the_calendar_is_kept() -> None:
    team = make_team()
    assert calendar_of(team) is calendar_of(type(team).objects.get())
