"""Who carried how much, and who is asked next."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotations.rules.facts import PersonFacts, TimeOffFacts
from rotations.rules.fairness import (
    Balance,
    Candidates,
    Load,
    PageFacts,
    ShiftFacts,
    Suggestion,
    Times,
    Weights,
    balance,
    is_night,
    loads,
    suggest,
    weighed,
)

ANN, BEN, CLEO = 1, 2, 3
BERLIN = Times("Europe/Berlin")
HOUR = timedelta(hours=1)
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def shift(
    user_id: int, begin: str, end: str, *, rota: int = 1, level: str = "primary"
) -> ShiftFacts:
    return ShiftFacts(user_id, rota, level, local(begin), local(end))


def carried(
    *shifts: ShiftFacts, times: Times = BERLIN, pages: tuple[PageFacts, ...] = ()
) -> dict[int, Load]:
    return loads(shifts, pages, times, start=START, end=END)


class TestLoads:
    def test_a_week_has_seven_nights_and_a_weekend(self) -> None:
        week = shift(ANN, "2026-01-12T09:00", "2026-01-19T09:00")
        assert carried(week) == {ANN: Load(168 * HOUR, 56 * HOUR, 48 * HOUR)}

    @pytest.mark.parametrize(
        ("saturday", "sunday", "hours"),
        [("2026-03-28", "2026-03-29", 7), ("2026-10-24", "2026-10-25", 9)],
    )
    def test_a_night_on_which_the_clocks_change_is_as_long_as_it_was(
        self, saturday: str, sunday: str, hours: int
    ) -> None:
        night = shift(ANN, f"{saturday}T21:00", f"{sunday}T07:00")
        found = carried(night)[ANN]
        assert (found.on_call, found.nights) == ((hours + 2) * HOUR, hours * HOUR)

    def test_holidays_are_whole_days_of_the_zone(self) -> None:
        times = Times("Europe/Berlin", holidays={date(2026, 1, 13)})
        week = shift(ANN, "2026-01-12T09:00", "2026-01-19T09:00")
        assert carried(week, times=times)[ANN].holidays == 24 * HOUR

    def test_only_what_lies_within_the_period_counts(self) -> None:
        week = shift(ANN, "2026-01-12T09:00", "2026-01-19T09:00")
        found = loads(
            [week], [], BERLIN, start=local("2026-01-13T09:00"), end=local("2026-01-13T21:00")
        )
        assert found == {ANN: Load(12 * HOUR)}
        assert loads([week], [], BERLIN, start=local("2026-02-13T09:00"), end=END) == {}

    def test_an_hour_on_two_rotas_is_one_hour(self) -> None:
        one = shift(ANN, "2026-01-12T09:00", "2026-01-12T12:00")
        other = shift(ANN, "2026-01-12T11:00", "2026-01-12T13:00", rota=2)
        assert carried(one, other)[ANN].on_call == 4 * HOUR

    def test_pages_count_by_day_and_by_night(self) -> None:
        pages = tuple(
            PageFacts(BEN, local(f"2026-01-12T{at}")) for at in ("21:59", "22:00", "05:59", "06:00")
        )
        assert carried(pages=pages) == {BEN: Load(pages=4, night_pages=2)}

    def test_a_night_may_begin_after_midnight(self) -> None:
        times = Times("Europe/Berlin", night_from=time(0), night_until=time(7))
        assert is_night(times, local("2026-01-12T06:59"))
        assert not is_night(times, local("2026-01-12T23:59"))
        assert not is_night(Times(night_from=time(6), night_until=time(6)), START)

    @settings(deadline=None, max_examples=50)
    @given(begin=st.integers(0, 500), length=st.integers(1, 200), zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]))  # fmt: skip
    def test_it_is_what_a_walk_counts(self, begin: int, length: int, zone: str) -> None:
        times = Times(zone, holidays={date(2026, 3, 9), date(2026, 3, 29), date(2026, 4, 4)})
        start = datetime(2026, 3, 5, tzinfo=UTC) + timedelta(minutes=90 * begin)
        held = ShiftFacts(ANN, 1, "primary", start, start + timedelta(minutes=30 * length))
        step, told = timedelta(minutes=30), [timedelta()] * 3
        for number in range(length):
            wall = (start + number * step).astimezone(ZoneInfo(zone))
            told[0] += step * (wall.hour >= 22 or wall.hour < 6)
            told[1] += step * (wall.weekday() >= 5)
            told[2] += step * (wall.date() in times.holidays)
        found = carried(held, times=times)[ANN]
        assert [found.nights, found.weekends, found.holidays] == told


class TestBalance:
    def test_the_heaviest_comes_first_beside_the_fair_share(self) -> None:
        have = {ANN: Load(30 * HOUR), BEN: Load(60 * HOUR)}
        assert balance([ANN, BEN, CLEO], have) == (
            Balance(BEN, have[BEN], 60 * HOUR, 30 * HOUR),
            Balance(ANN, have[ANN], 30 * HOUR, 30 * HOUR),
            Balance(CLEO, Load(), timedelta(), 30 * HOUR),
        )
        assert [one.over for one in balance([ANN, BEN, CLEO], have)] == [
            30 * HOUR,
            timedelta(),
            -30 * HOUR,
        ]

    def test_who_was_there_half_the_time_owes_half(self) -> None:
        found = balance([ANN, BEN], {ANN: Load(30 * HOUR)}, shares={BEN: 0.5})
        assert {one.user_id: one.fair for one in found} == {ANN: 20 * HOUR, BEN: 10 * HOUR}
        with pytest.raises(ValueError, match="negative"):
            balance([ANN], {}, shares={ANN: -1})

    def test_nobody_has_nothing_to_balance(self) -> None:
        assert balance([], {}) == ()
        assert balance([ANN], {}, shares={ANN: 0})[0].over == timedelta()

    def test_nights_weekends_holidays_and_pages_weigh_more(self) -> None:
        plain = weighed(Load(10 * HOUR))
        assert plain == 10 * HOUR
        heavier = (
            Load(10 * HOUR, nights=HOUR), Load(10 * HOUR, weekends=HOUR),
            Load(10 * HOUR, holidays=HOUR), Load(10 * HOUR, pages=1),
        )  # fmt: skip
        assert all(weighed(load) > plain for load in heavier)
        assert weighed(Load(pages=2, night_pages=1), Weights(page=1, night_page=2)) == 4 * HOUR


class TestSuggestions:
    PEOPLE = {n: PersonFacts(n, name) for n, name in ((ANN, "Ann"), (BEN, "Ben"), (CLEO, "Cleo"))}
    STRETCH = (local("2026-01-14T09:00"), local("2026-01-15T09:00"))

    def asked(self, **more: object) -> tuple[Suggestion, ...]:
        facts: dict[str, object] = {"user_ids": (ANN, BEN, CLEO), "people": self.PEOPLE}
        candidates = Candidates(**(facts | more))  # type: ignore[arg-type]
        return suggest(candidates, start=self.STRETCH[0], end=self.STRETCH[1])

    def test_who_carried_least_is_asked_first(self) -> None:
        have = {ANN: Load(30 * HOUR, 10 * HOUR, pages=2), BEN: Load(20 * HOUR)}
        assert self.asked(loads=have) == (
            Suggestion(CLEO, True, timedelta(), "is free then and has carried nothing so far"),
            Suggestion(BEN, True, 20 * HOUR, "is free then and has carried 20 hours on call"),
            Suggestion(ANN, True, 35.5 * HOUR,
                       "is free then and has carried 30 hours on call, 10 hours of them at night, 2 pages"),
        )  # fmt: skip

    def test_of_equals_the_first_in_order_is_asked_first(self) -> None:
        assert [one.user_id for one in self.asked(user_ids=(BEN, CLEO, ANN))] == [BEN, CLEO, ANN]

    @pytest.mark.parametrize(
        ("ann", "said"),
        [
            (PersonFacts(ANN, "Ann", active=False), "has left"),
            (PersonFacts(ANN, "Ann", reachable=False), "has no verified way to be reached"),
            (PersonFacts(ANN, "Ann", ready=False), "is not ready to be on call"),
        ],
    )
    def test_who_cannot_be_on_call_comes_last_with_the_reason(
        self, ann: PersonFacts, said: str
    ) -> None:
        last = self.asked(people=self.PEOPLE | {ANN: ann})[-1]
        assert (last.user_id, last.free, last.said) == (ANN, False, said)

    def test_who_is_unknown_has_left(self) -> None:
        assert self.asked(user_ids=(9,)) == (Suggestion(9, False, timedelta(), "has left"),)

    def test_who_is_away_or_on_call_at_another_level_is_not_free(self) -> None:
        away = TimeOffFacts(ANN, local("2026-01-15T08:00"), local("2026-01-20T00:00"))
        second = shift(BEN, "2026-01-12T09:00", "2026-01-19T09:00", rota=2, level="secondary")
        found = self.asked(time_off=(away,), shifts=(second,))
        assert [(one.user_id, one.free, one.said) for one in found[1:]] == [
            (ANN, False, "has time off then"), (BEN, False, "is secondary on call then"),
        ]  # fmt: skip

    def test_a_stretch_ends_just_before_the_next_begins(self) -> None:
        away = TimeOffFacts(ANN, local("2026-01-15T09:00"), local("2026-01-20T00:00"))
        before = shift(BEN, "2026-01-12T09:00", "2026-01-14T09:00")
        assert all(
            one.free for one in self.asked(time_off=(away,), shifts=(before,), min_rest=8 * HOUR)
        )

    @pytest.mark.parametrize(
        ("begin", "end"),
        [("2026-01-13T09:00", "2026-01-14T03:00"), ("2026-01-15T15:00", "2026-01-16T09:00")],
    )
    def test_the_rest_is_kept_on_both_sides(self, begin: str, end: str) -> None:
        near = shift(ANN, begin, end)
        last = self.asked(shifts=(near,), min_rest=8 * HOUR)[-1]
        assert (last.user_id, last.free, last.said) == (
            ANN, False, "would rest only 6 hours between two shifts",
        )  # fmt: skip
        assert all(one.free for one in self.asked(shifts=(near,), min_rest=6 * HOUR))

    def test_rest_is_time_that_passes(self) -> None:
        """Six hours on the wall clock of the night that is an hour shorter."""
        candidates = Candidates(
            (ANN,), self.PEOPLE, (shift(ANN, "2026-03-28T09:00", "2026-03-29T00:00"),),
            min_rest=6 * HOUR,
        )  # fmt: skip
        start, end = local("2026-03-29T06:00"), local("2026-03-29T09:00")
        (asked,) = suggest(candidates, start=start, end=end)
        assert asked.said == "would rest only 5 hours between two shifts"
