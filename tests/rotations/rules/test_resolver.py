"""Turns on the wall clock: the change of clocks, overrides, derived rotas, and no gap anywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rotations.enums import Unit, Why
from rotations.rules.facts import Holding, OverrideFacts, PlanFacts, RotaFacts
from rotations.rules.hours import parse
from rotations.rules.resolver import (
    boundaries,
    boundary,
    holdings,
    next_boundary,
    person_on_call,
)

ANN, BEN, CLEO, DAN, EVE = 1, 2, 3, 4, 5
INSTANT = timedelta(microseconds=1)


def plan(
    members: tuple[int, ...] = (ANN, BEN, CLEO),
    *,
    unit: Unit = Unit.WEEK,
    length: int = 1,
    handoff_time: time = time(9),
    zone: str = "Europe/Berlin",
    starts_on: date = date(2026, 1, 5),
    hours: str = "",
    **more: Any,
) -> PlanFacts:
    return PlanFacts(
        1, members, unit, length, handoff_time, zone, starts_on, hours=parse(hours), **more
    )


def rota(*plans: PlanFacts) -> RotaFacts:
    return RotaFacts(1, plans)


def weekly(zone: str = "Europe/Berlin", members: tuple[int, ...] = (ANN, BEN, CLEO)) -> RotaFacts:
    return rota(plan(members, zone=zone))


def behind(base: RotaFacts, offset: int = 1, **more: Any) -> RotaFacts:
    return RotaFacts(base.id + offset, (plan((), base=base, offset=offset, **more),), above=(base,))


def override(
    user_id: int | None,
    starts_at: datetime,
    ends_at: datetime,
    *,
    rota_id: int = 1,
    number: int = 1,
) -> OverrideFacts:
    made = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return OverrideFacts(number, rota_id, user_id, starts_at, ends_at, made)


def local(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def holder(rota: RotaFacts, at: datetime, *overrides: OverrideFacts) -> int | None:
    holding = person_on_call(rota, overrides, at=at)
    return holding.user_id if holding else None


class TestTurns:
    @pytest.mark.parametrize(
        ("at", "who"),
        [
            ("2026-01-05T09:00", ANN),
            ("2026-01-12T08:59:59.999999", ANN),
            ("2026-01-12T09:00", BEN),
            ("2026-01-19T09:00", CLEO),
            ("2026-01-26T09:00", ANN),
            ("2026-12-28T12:00", ANN),
        ],
    )
    def test_the_turn_passes_on_monday_at_nine(self, at: str, who: int) -> None:
        assert holder(weekly(), local(at)) == who

    def test_a_holding_says_from_when_until_when_and_why(self) -> None:
        assert person_on_call(weekly(), [], at=local("2026-01-14T03:10")) == Holding(
            BEN, local("2026-01-12T09:00"), local("2026-01-19T09:00"), Why.ROTA
        )

    @pytest.mark.parametrize(
        ("zone", "monday", "hours"),
        [
            ("Europe/Berlin", "2026-03-23", 167),
            ("Europe/Berlin", "2026-10-19", 169),
            ("America/New_York", "2026-03-02", 167),
            ("America/New_York", "2026-10-26", 169),
            ("Australia/Lord_Howe", "2026-03-30", 168.5),
            ("Australia/Lord_Howe", "2026-09-28", 167.5),
            ("UTC", "2026-03-23", 168),
        ],
    )
    def test_monday_nine_stays_monday_nine_when_the_clocks_change(
        self, zone: str, monday: str, hours: float
    ) -> None:
        start = local(f"{monday}T09:00", zone)
        holding = person_on_call(weekly(zone), [], at=start)
        assert holding is not None
        assert holding.starts_at == start
        assert holding.ends_at - holding.starts_at == timedelta(hours=hours)
        assert holding.ends_at.astimezone(ZoneInfo(zone)).time() == time(9)

    def test_a_handoff_in_the_hour_that_does_not_exist_happens_after_it(self) -> None:
        daily = plan(
            (ANN, BEN), unit=Unit.DAY, handoff_time=time(2, 30), starts_on=date(2026, 3, 28)
        )
        assert boundary(daily, 1) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        assert boundary(daily, 2) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)

    def test_a_handoff_in_the_hour_that_comes_twice_happens_once(self) -> None:
        daily = plan(
            (ANN, BEN), unit=Unit.DAY, handoff_time=time(2, 30), starts_on=date(2026, 10, 24)
        )
        assert boundary(daily, 1) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
        assert holder(rota(daily), second) == BEN
        assert boundary(daily, 2) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)

    def test_the_week_that_holds_the_first_day_is_the_first_shift(self) -> None:
        midweek = rota(plan((ANN, BEN), zone="UTC", starts_on=date(2026, 1, 7)))
        assert person_on_call(midweek, [], at=datetime(2026, 1, 5, 9, tzinfo=UTC)) == Holding(
            ANN, datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 12, 9, tzinfo=UTC), Why.ROTA
        )
        assert person_on_call(midweek, [], at=datetime(2026, 1, 5, 8, 59, tzinfo=UTC)) is None

    def test_shifts_of_several_weeks_or_days(self) -> None:
        fortnight = rota(plan((ANN, BEN), length=2, zone="UTC"))
        three_days = rota(plan((ANN, BEN), unit=Unit.DAY, length=3, zone="UTC"))
        assert holder(fortnight, datetime(2026, 1, 19, 8, tzinfo=UTC)) == ANN
        assert holder(fortnight, datetime(2026, 1, 19, 9, tzinfo=UTC)) == BEN
        assert holder(three_days, datetime(2026, 1, 8, 8, tzinfo=UTC)) == ANN
        assert holder(three_days, datetime(2026, 1, 8, 9, tzinfo=UTC)) == BEN

    def test_a_rota_without_members_is_held_by_nobody(self) -> None:
        assert person_on_call(weekly(members=()), [], at=local("2026-01-14T03:10")) is None

    def test_somebody_alone_in_a_rota_has_shift_after_shift(self) -> None:
        alone = weekly(members=(ANN,))
        holding = person_on_call(alone, [], at=local("2026-01-14T03:10"))
        assert holding == Holding(
            ANN, local("2026-01-12T09:00"), local("2026-01-19T09:00"), Why.ROTA
        )

    def test_a_shift_needs_a_length(self) -> None:
        with pytest.raises(ValueError, match="length"):
            plan(length=0)
        with pytest.raises(ValueError, match="offset"):
            plan(offset=0)


class TestOverrides:
    def test_an_override_holds_from_its_start_until_just_before_its_end(self) -> None:
        dan = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert holder(weekly(), dan.starts_at - INSTANT, dan) == ANN
        assert person_on_call(weekly(), [dan], at=dan.starts_at) == Holding(
            DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE, 1
        )
        assert holder(weekly(), dan.ends_at, dan) == ANN

    def test_it_cuts_the_turn_in_two(self) -> None:
        dan = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert list(
            holdings(
                weekly(), [dan], start=local("2026-01-05T09:00"), end=local("2026-01-12T09:00")
            )
        ) == [
            Holding(ANN, local("2026-01-05T09:00"), dan.starts_at, Why.ROTA),
            Holding(DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE, 1),
            Holding(ANN, dan.ends_at, local("2026-01-12T09:00"), Why.ROTA),
        ]

    def test_the_latest_made_wins_where_they_overlap(self) -> None:
        earlier = override(DAN, local("2026-01-06T09:00"), local("2026-01-08T09:00"), number=1)
        later = override(EVE, local("2026-01-07T09:00"), local("2026-01-09T09:00"), number=2)
        for known in ([earlier, later], [later, earlier]):
            assert list(
                holdings(
                    weekly(), known, start=local("2026-01-06T09:00"), end=local("2026-01-09T09:00")
                )
            ) == [
                Holding(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"), Why.OVERRIDE, 1),
                Holding(EVE, local("2026-01-07T09:00"), local("2026-01-09T09:00"), Why.OVERRIDE, 2),
            ]

    def test_it_is_one_stretch_over_a_handoff(self) -> None:
        dan = override(DAN, local("2026-01-10T09:00"), local("2026-01-21T09:00"))
        assert person_on_call(weekly(), [dan], at=local("2026-01-15T00:00")) == Holding(
            DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE, 1
        )

    def test_it_fills_a_rota_without_members(self) -> None:
        dan = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert holder(weekly(members=()), dan.starts_at, dan) == DAN

    def test_another_rotas_override_changes_nothing(self) -> None:
        other = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"), rota_id=9)
        assert holder(weekly(), other.starts_at, other) == ANN


class TestDerived:
    @pytest.mark.clause("C19")
    @pytest.mark.parametrize(
        ("at", "first", "second"),
        [
            ("2026-01-05T09:00", ANN, BEN),
            ("2026-01-12T09:00", BEN, CLEO),
            ("2026-01-19T09:00", CLEO, ANN),
        ],
    )
    def test_the_secondary_is_the_next_in_order_with_the_same_boundaries(
        self, at: str, first: int, second: int
    ) -> None:
        primary = person_on_call(weekly(), [], at=local(at))
        secondary = person_on_call(behind(weekly()), [], at=local(at))
        assert primary is not None
        assert secondary is not None
        assert (primary.user_id, secondary.user_id) == (first, second)
        assert (primary.starts_at, primary.ends_at) == (secondary.starts_at, secondary.ends_at)

    @pytest.mark.clause("C22")
    def test_when_the_secondary_takes_over_the_next_one_is_secondary(self) -> None:
        over = override(BEN, local("2026-01-07T03:00"), local("2026-01-12T09:00"))
        secondary = behind(weekly())
        assert holder(secondary, over.starts_at - INSTANT, over) == BEN
        assert person_on_call(secondary, [over], at=over.starts_at) == Holding(
            CLEO, over.starts_at, over.ends_at, Why.ROTA
        )
        assert holder(secondary, over.ends_at, over) == CLEO

    def test_somebody_from_outside_on_the_primary_leaves_the_secondary(self) -> None:
        over = override(EVE, local("2026-01-07T03:00"), local("2026-01-08T03:00"))
        assert person_on_call(behind(weekly()), [over], at=over.starts_at) == Holding(
            BEN, local("2026-01-05T09:00"), local("2026-01-12T09:00"), Why.ROTA
        )

    def test_of_two_the_other_one_backs(self) -> None:
        pair = weekly(members=(ANN, BEN))
        over = override(BEN, local("2026-01-07T03:00"), local("2026-01-12T09:00"))
        assert holder(behind(pair), over.starts_at, over) == ANN

    def test_nobody_is_their_own_backup(self) -> None:
        assert (
            person_on_call(behind(weekly(members=(ANN,))), [], at=local("2026-01-07T03:00")) is None
        )
        both = [
            override(
                DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"), rota_id=1, number=1
            ),
            override(
                DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"), rota_id=2, number=2
            ),
        ]
        assert holder(behind(weekly()), local("2026-01-06T10:00"), *both) == BEN

    def test_a_secondary_of_its_own_override(self) -> None:
        dan = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"), rota_id=2)
        assert holder(behind(weekly()), dan.starts_at, dan) == DAN
        assert holder(weekly(), dan.starts_at, dan) == ANN

    @pytest.mark.clause("C22")
    def test_a_take_over_moves_the_third_place_too(self) -> None:
        base = weekly(members=(ANN, BEN, CLEO, DAN))
        over = override(BEN, local("2026-01-07T03:00"), local("2026-01-12T09:00"))
        assert [holder(behind(base, offset), over.starts_at, over) for offset in (1, 2, 3, 4)] == [
            CLEO, DAN, ANN, None,
        ]  # fmt: skip

    def test_a_derived_rota_keeps_the_hours_of_its_base(self) -> None:
        base = rota(plan(hours="Mon-Fri 09:00-17:00"))
        assert holder(behind(base), local("2026-01-06T16:59")) == BEN
        assert holder(behind(base), local("2026-01-06T17:00")) is None

    def test_it_ends_with_its_base_or_by_itself(self) -> None:
        base = weekly()
        assert holder(behind(base, ends_on=date(2026, 1, 8)), local("2026-01-08T09:00")) is None
        assert holder(behind(base, ends_on=date(2026, 1, 8)), local("2026-01-08T08:59")) == BEN
        ended = rota(plan(ends_on=date(2026, 1, 8)))
        assert holder(behind(ended), local("2026-01-08T08:59")) == BEN
        assert holder(behind(ended), local("2026-01-08T09:00")) is None

    def test_it_follows_every_plan_of_its_base(self) -> None:
        changed = local("2026-01-14T12:00")
        base = rota(plan(), plan((DAN, EVE, ANN), effective_at=changed))
        assert holder(behind(base), changed - INSTANT) == CLEO
        assert (holder(base, changed), holder(behind(base), changed)) == (EVE, ANN)


class TestUnits:
    def test_an_hour_that_the_clocks_skip_has_no_shift(self) -> None:
        hourly = rota(plan(unit=Unit.HOUR, handoff_time=time(0), starts_on=date(2026, 3, 29)))
        found = list(
            holdings(hourly, [], start=local("2026-03-29T00:00"), end=local("2026-03-29T05:00"))
        )
        assert [(h.user_id, h.starts_at.hour, h.ends_at.hour) for h in found] == [
            (ANN, 23, 0), (BEN, 0, 1), (ANN, 1, 2), (BEN, 2, 3),
        ]  # fmt: skip

    def test_an_hour_that_comes_twice_is_one_shift_of_two_hours(self) -> None:
        hourly = rota(plan(unit=Unit.HOUR, handoff_time=time(0), starts_on=date(2026, 10, 25)))
        found = list(
            holdings(hourly, [], start=local("2026-10-25T01:00"), end=local("2026-10-25T04:00"))
        )
        assert [(h.user_id, h.starts_at.hour, h.ends_at.hour) for h in found] == [
            (BEN, 23, 0), (CLEO, 0, 2), (ANN, 2, 3),
        ]  # fmt: skip

    def test_twelve_hours_stay_at_nine_and_nine(self) -> None:
        halves = plan(unit=Unit.HOUR, length=12, starts_on=date(2026, 3, 28))
        zone = ZoneInfo("Europe/Berlin")
        assert [boundary(halves, n).astimezone(zone).hour for n in range(4)] == [9, 21, 9, 21]

    def test_a_day_that_the_calendar_skips_has_no_shift(self) -> None:
        hourly = plan(
            unit=Unit.HOUR, length=6, zone="Pacific/Apia",
            handoff_time=time(0), starts_on=date(2011, 12, 29),
        )  # fmt: skip
        starts = [boundary(hourly, number) for number in range(12)]
        assert starts[4:9] == [datetime(2011, 12, 30, 10, tzinfo=UTC)] * 5
        assert starts == sorted(starts)

    def test_a_month_ends_where_the_calendar_ends_it(self) -> None:
        monthly = plan(unit=Unit.MONTH, zone="UTC", starts_on=date(2026, 1, 31))
        assert [boundary(monthly, n).date() for n in range(5)] == [
            date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31),
        ]  # fmt: skip
        assert boundary(monthly, -1).date() == date(2025, 12, 31)
        assert holder(rota(monthly), datetime(2026, 2, 28, 9, tzinfo=UTC)) == BEN

    def test_quarters(self) -> None:
        quarterly = rota(plan(unit=Unit.MONTH, length=3, zone="UTC", starts_on=date(2026, 1, 1)))
        assert holder(quarterly, datetime(2026, 4, 1, 8, 59, tzinfo=UTC)) == ANN
        assert holder(quarterly, datetime(2026, 4, 1, 9, tzinfo=UTC)) == BEN
        assert holder(quarterly, datetime(2027, 1, 1, 9, tzinfo=UTC)) == BEN


class TestHours:
    WORK = "Mon-Fri 09:00-17:00"

    def test_outside_its_hours_nobody_holds_it(self) -> None:
        office = rota(plan(hours=self.WORK))
        assert person_on_call(office, [], at=local("2026-01-06T12:00")) == Holding(
            ANN, local("2026-01-06T09:00"), local("2026-01-06T17:00"), Why.ROTA
        )
        assert holder(office, local("2026-01-06T17:00")) is None
        assert holder(office, local("2026-01-10T12:00")) is None
        assert (
            len(
                list(
                    holdings(
                        office, [], start=local("2026-01-05T09:00"), end=local("2026-01-12T09:00")
                    )
                )
            )
            == 5
        )

    def test_an_override_holds_outside_the_hours_too(self) -> None:
        office = rota(plan(hours=self.WORK))
        dan = override(DAN, local("2026-01-06T16:00"), local("2026-01-06T20:00"))
        assert person_on_call(office, [dan], at=local("2026-01-06T19:00")) == Holding(
            DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE, 1
        )

    def test_hours_that_touch_are_one_stretch(self) -> None:
        touching = rota(plan(hours="Mon 09:00-24:00; Tue 00:00-12:00, 12:00-13:00"))
        assert person_on_call(touching, [], at=local("2026-01-06T12:30")) == Holding(
            ANN, local("2026-01-05T09:00"), local("2026-01-06T13:00"), Why.ROTA
        )

    def test_a_night_ends_in_the_morning(self) -> None:
        nights = rota(plan(hours="Sat 22:00-06:00"))
        held = person_on_call(nights, [], at=local("2026-01-11T03:00"))
        assert held == Holding(ANN, local("2026-01-10T22:00"), local("2026-01-11T06:00"), Why.ROTA)

    def test_two_layers_meet_where_the_clocks_skip_their_boundary(self) -> None:
        early, late = (plan(hours=text) for text in ("Mon-Sun 22:00-02:30", "Mon-Sun 02:30-22:00"))
        jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
        assert holder(rota(early), jump - INSTANT)
        assert holder(rota(late), jump - INSTANT) is None
        assert holder(rota(late), jump)
        assert holder(rota(early), jump) is None


class TestPlans:
    CHANGED = local("2026-01-14T12:00")

    def test_nobody_holds_it_before_the_first_shift_or_from_its_end_on(self) -> None:
        brief = rota(plan(ends_on=date(2026, 1, 14)))
        assert holder(brief, local("2026-01-05T08:59")) is None
        assert person_on_call(brief, [], at=local("2026-01-14T08:00")) == Holding(
            BEN, local("2026-01-12T09:00"), local("2026-01-14T09:00"), Why.ROTA
        )
        assert holder(brief, local("2026-01-14T09:00")) is None

    def test_a_rota_without_a_plan_is_held_by_whom_an_override_names(self) -> None:
        dan = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert holder(rota(), dan.starts_at, dan) == DAN
        assert holder(rota(), dan.ends_at, dan) is None

    def test_a_new_plan_cuts_the_shift_of_who_does_not_go_on(self) -> None:
        two = rota(plan(), plan((DAN, EVE), effective_at=self.CHANGED))
        assert list(
            holdings(two, [], start=local("2026-01-12T09:00"), end=local("2026-01-19T09:00"))
        ) == [
            Holding(BEN, local("2026-01-12T09:00"), self.CHANGED, Why.ROTA),
            Holding(EVE, self.CHANGED, local("2026-01-19T09:00"), Why.ROTA),
        ]

    def test_it_leaves_whole_the_shift_of_who_goes_on(self) -> None:
        two = rota(plan(), plan((DAN, BEN), effective_at=self.CHANGED))
        for at in (self.CHANGED - INSTANT, self.CHANGED):
            assert person_on_call(two, [], at=at) == Holding(
                BEN, local("2026-01-12T09:00"), local("2026-01-19T09:00"), Why.ROTA
            )

    def test_it_cuts_where_the_shift_itself_is_another(self) -> None:
        later = plan((DAN, BEN), handoff_time=time(10), effective_at=self.CHANGED)
        held = person_on_call(rota(plan(), later), [], at=self.CHANGED)
        assert held == Holding(BEN, self.CHANGED, local("2026-01-19T10:00"), Why.ROTA)

    def test_a_first_plan_binds_from_an_instant_on(self) -> None:
        begun = rota(plan(effective_at=self.CHANGED))
        assert holder(begun, self.CHANGED - INSTANT) is None
        assert holder(begun, self.CHANGED) == BEN

    def test_plans_stand_in_the_order_in_which_they_bind(self) -> None:
        with pytest.raises(ValueError, match="order"):
            rota(plan(effective_at=self.CHANGED), plan(effective_at=self.CHANGED - INSTANT))
        with pytest.raises(ValueError, match="since ever"):
            rota(plan(), plan())


class TestNobody:
    def test_an_override_may_leave_the_rota_vacant(self) -> None:
        none = override(None, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert holder(weekly(), none.starts_at, none) is None
        assert holder(weekly(), none.ends_at, none) == ANN

    def test_of_two_the_latest_made_wins_also_when_it_is_vacant(self) -> None:
        day = (local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        none, dan = override(None, *day, number=2), override(DAN, *day, number=1)
        assert holder(weekly(), day[0], none, dan) is None

    def test_a_vacant_base_leaves_the_secondary_where_it_was(self) -> None:
        none = override(None, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert holder(behind(weekly()), none.starts_at, none) == BEN


class TestAbove:
    @pytest.mark.clause("C11")
    def test_an_independent_secondary_passes_over_who_is_primary(self) -> None:
        second = RotaFacts(2, (plan((ANN, DAN, EVE)),), above=(weekly(),))
        assert holder(second, local("2026-01-06T09:00")) == DAN
        assert holder(second, local("2026-01-13T09:00")) == DAN
        assert holder(second, local("2026-01-20T09:00")) == EVE

    @pytest.mark.clause("C11", "C22")
    def test_it_passes_over_an_override_that_names_the_primary(self) -> None:
        second = RotaFacts(2, (plan((DAN, EVE)),), above=(weekly(),))
        ann = override(ANN, local("2026-01-06T09:00"), local("2026-01-14T09:00"), rota_id=2)
        assert holder(second, ann.starts_at, ann) == DAN
        assert holder(second, local("2026-01-13T09:00"), ann) == ANN

    def test_nobody_is_left_when_everybody_is_above(self) -> None:
        second = RotaFacts(2, (plan((ANN,)),), above=(weekly(),))
        assert holder(second, local("2026-01-06T09:00")) is None
        assert holder(second, local("2026-01-13T09:00")) == ANN

    def test_a_third_place_keeps_its_place(self) -> None:
        base = weekly(members=(ANN, BEN, CLEO, DAN))
        third = RotaFacts(3, (plan((), base=base, offset=2),), above=(behind(base),))
        assert holder(third, local("2026-01-06T09:00")) == CLEO
        over = override(CLEO, local("2026-01-06T09:00"), local("2026-01-07T09:00"), rota_id=2)
        assert holder(third, over.starts_at, over) == DAN


class TestWhy:
    @pytest.mark.parametrize("why", [Why.OVERRIDE, Why.SWAP, Why.TAKE_OVER])
    def test_a_holding_says_how_its_override_came_about(self, why: Why) -> None:
        dan = replace(override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00")), why=why)
        held = person_on_call(weekly(), [dan], at=dan.starts_at)
        assert held == Holding(DAN, dan.starts_at, dan.ends_at, why, 1)


class TestBoundaries:
    def test_they_are_those_of_the_plans_alone(self) -> None:
        office = rota(plan(hours="Tue 09:00-17:00"))
        found = list(
            boundaries(office, start=local("2026-01-12T09:00"), end=local("2026-01-26T09:00"))
        )
        assert found == [local("2026-01-12T09:00"), local("2026-01-19T09:00")]
        assert (
            list(boundaries(behind(office), start=found[0], end=local("2026-01-26T09:00"))) == found
        )

    def test_the_next_one_comes_after_the_instant(self) -> None:
        assert next_boundary(weekly(), local("2026-01-12T08:59")) == local("2026-01-12T09:00")
        assert next_boundary(weekly(), local("2026-01-12T09:00")) == local("2026-01-19T09:00")
        assert next_boundary(weekly(), local("2025-11-12T09:00")) == local("2026-01-05T09:00")

    def test_the_end_of_the_rota_is_the_last(self) -> None:
        brief = rota(plan(ends_on=date(2026, 1, 14)))
        assert next_boundary(brief, local("2026-01-13T09:00")) == local("2026-01-14T09:00")
        assert next_boundary(brief, local("2026-01-14T09:00")) is None
        assert next_boundary(rota(), local("2026-01-14T09:00")) is None

    def test_a_plan_of_other_shifts_makes_one_where_it_begins(self) -> None:
        changed = local("2026-01-14T12:00")
        same = rota(plan(), plan((DAN, EVE), effective_at=changed))
        other = rota(plan(), plan(handoff_time=time(10), effective_at=changed))
        start = local("2026-01-13T00:00")
        assert next_boundary(same, start) == local("2026-01-19T09:00")
        assert next_boundary(other, start) == changed
        assert next_boundary(other, changed) == local("2026-01-19T10:00")
