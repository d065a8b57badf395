"""Turns on the wall clock: the change of clocks, overrides, derived rotas, and no gap anywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotations.enums import Unit, Why
from rotations.rules.resolver import (
    Holding,
    OverrideFacts,
    RotaFacts,
    boundary,
    holdings,
    person_on_call,
    shift_index,
)

ANN, BEN, CLEO, DAN, EVE = 1, 2, 3, 4, 5
INSTANT = timedelta(microseconds=1)


def weekly(zone: str = "Europe/Berlin", members: tuple[int, ...] = (ANN, BEN, CLEO)) -> RotaFacts:
    return RotaFacts(
        id=1, members=members, unit=Unit.WEEK, length=1, handoff_time=time(9), zone=zone,
        starts_on=date(2026, 1, 5),
    )  # fmt: skip


def behind(base: RotaFacts, offset: int = 1) -> RotaFacts:
    return RotaFacts(
        id=base.id + offset, members=(), unit=base.unit, length=base.length, handoff_time=base.handoff_time,
        zone=base.zone, starts_on=base.starts_on, base=base, offset=offset,
    )  # fmt: skip


def override(
    user_id: int, starts_at: datetime, ends_at: datetime, *, rota_id: int = 1, number: int = 1
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
        daily = RotaFacts(
            1, (ANN, BEN), Unit.DAY, 1, time(2, 30), "Europe/Berlin", date(2026, 3, 28)
        )
        assert boundary(daily, 1) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        assert boundary(daily, 2) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)

    def test_a_handoff_in_the_hour_that_comes_twice_happens_once(self) -> None:
        daily = RotaFacts(
            1, (ANN, BEN), Unit.DAY, 1, time(2, 30), "Europe/Berlin", date(2026, 10, 24)
        )
        assert boundary(daily, 1) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
        assert holder(daily, second) == BEN
        assert boundary(daily, 2) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)

    def test_the_week_that_holds_the_first_day_is_the_first_shift(self) -> None:
        midweek = RotaFacts(1, (ANN, BEN), Unit.WEEK, 1, time(9), "UTC", date(2026, 1, 7))
        assert person_on_call(midweek, [], at=datetime(2026, 1, 5, 9, tzinfo=UTC)) == Holding(
            ANN, datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 12, 9, tzinfo=UTC), Why.ROTA
        )
        assert person_on_call(midweek, [], at=datetime(2026, 1, 5, 8, 59, tzinfo=UTC)) is None

    def test_shifts_of_several_weeks_or_days(self) -> None:
        fortnight = RotaFacts(1, (ANN, BEN), Unit.WEEK, 2, time(9), "UTC", date(2026, 1, 5))
        three_days = RotaFacts(1, (ANN, BEN), Unit.DAY, 3, time(9), "UTC", date(2026, 1, 5))
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
            RotaFacts(1, (ANN,), Unit.WEEK, 0, time(9), "UTC", date(2026, 1, 5))


class TestOverrides:
    def test_an_override_holds_from_its_start_until_just_before_its_end(self) -> None:
        dan = override(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"))
        assert holder(weekly(), dan.starts_at - INSTANT, dan) == ANN
        assert person_on_call(weekly(), [dan], at=dan.starts_at) == Holding(
            DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE
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
            Holding(DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE),
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
                Holding(DAN, local("2026-01-06T09:00"), local("2026-01-07T09:00"), Why.OVERRIDE),
                Holding(EVE, local("2026-01-07T09:00"), local("2026-01-09T09:00"), Why.OVERRIDE),
            ]

    def test_it_is_one_stretch_over_a_handoff(self) -> None:
        dan = override(DAN, local("2026-01-10T09:00"), local("2026-01-21T09:00"))
        assert person_on_call(weekly(), [dan], at=local("2026-01-15T00:00")) == Holding(
            DAN, dan.starts_at, dan.ends_at, Why.OVERRIDE
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


ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Pacific/Apia",
    ]
)
INSTANTS = st.integers(0, 690 * 86_400).map(
    lambda seconds: datetime(2026, 1, 10, tzinfo=UTC) + timedelta(seconds=seconds)
)
ROTAS = st.builds(
    RotaFacts,
    id=st.just(1),
    members=st.lists(st.integers(1, 6), min_size=1, max_size=6, unique=True).map(tuple),
    unit=st.sampled_from(Unit),
    length=st.integers(1, 4),
    handoff_time=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    zone=ZONES,
    starts_on=st.dates(date(2025, 12, 1), date(2026, 1, 5)),
    handoff_weekday=st.integers(0, 6),
)


@st.composite
def overrides(draw: st.DrawFn) -> list[OverrideFacts]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        start = draw(INSTANTS)
        length = timedelta(minutes=draw(st.integers(1, 30 * 24 * 60)))
        found.append(
            override(
                draw(st.integers(1, 8)),
                start,
                start + length,
                rota_id=draw(st.sampled_from([1, 2])),
                number=number,
            )
        )
    return found


def brute_force(rota: RotaFacts, known: list[OverrideFacts], at: datetime) -> int | None:
    """Walks from the first shift, one by one, on the wall clock."""
    base = rota.base or rota
    wall = at.astimezone(ZoneInfo(base.zone))
    day = base.first_day
    turn = 0
    while True:
        day += timedelta(days=base.days)
        if datetime.combine(day, base.handoff_time, wall.tzinfo).astimezone(UTC) > at:
            break
        turn += 1
    order = [base.members[(turn + place) % len(base.members)] for place in range(len(base.members))]
    covering = [o for o in known if o.starts_at <= at < o.ends_at]
    first = [
        o.user_id for o in sorted(covering, key=lambda o: o.created_at) if o.rota_id == base.id
    ]
    holds = first[-1] if first else order[0]
    if rota.base is None:
        return holds
    second = [
        o.user_id for o in sorted(covering, key=lambda o: o.created_at)
        if o.rota_id == rota.id and o.user_id != holds
    ]  # fmt: skip
    rest = [user for user in [*order[1:], order[0]] if user != holds]
    return second[-1] if second else (rest[0] if rest else None)


@settings(max_examples=150)
@given(rota=ROTAS, known=overrides(), at=INSTANTS, derived=st.booleans())
def test_the_answer_equals_a_walk_from_the_beginning(
    rota: RotaFacts, known: list[OverrideFacts], at: datetime, derived: bool
) -> None:
    asked = behind(rota) if derived else rota
    assert holder(asked, at, *known) == brute_force(asked, known, at)


@settings(max_examples=100)
@given(rota=ROTAS, known=overrides(), start=INSTANTS, days=st.integers(1, 40))
def test_there_is_no_gap_and_no_overlap(
    rota: RotaFacts, known: list[OverrideFacts], start: datetime, days: int
) -> None:
    end = start + timedelta(days=days)
    found = list(holdings(rota, known, start=start, end=end))
    assert found[0].starts_at <= start
    assert found[-1].ends_at >= end
    for earlier, later in zip(found, found[1:], strict=False):
        assert earlier.ends_at == later.starts_at
    assert all(holding.starts_at < holding.ends_at for holding in found)


@settings(max_examples=100)
@given(rota=ROTAS, known=overrides(), at=INSTANTS, derived=st.booleans(), part=st.floats(0, 0.999))
def test_the_answer_is_the_same_from_any_instant_of_the_stretch(
    rota: RotaFacts, known: list[OverrideFacts], at: datetime, derived: bool, part: float
) -> None:
    asked = behind(rota) if derived else rota
    holding = person_on_call(asked, known, at=at)
    if holding is None:
        return
    assert holding.starts_at <= at < holding.ends_at
    elsewhere = holding.starts_at + (holding.ends_at - holding.starts_at) * part
    assert person_on_call(asked, known, at=elsewhere) == holding
    assert person_on_call(asked, known, at=holding.ends_at - INSTANT) == holding


@given(rota=ROTAS, at=INSTANTS)
def test_a_shift_begins_and_ends_on_the_wall_clock(rota: RotaFacts, at: datetime) -> None:
    index = shift_index(rota, at)
    assert boundary(rota, index) <= at < boundary(rota, index + 1)


@pytest.mark.clause("C19", "C22")
@settings(max_examples=100)
@given(rota=ROTAS, known=overrides(), at=INSTANTS)
def test_primary_and_secondary_are_never_one_person(
    rota: RotaFacts, known: list[OverrideFacts], at: datetime
) -> None:
    secondary = holder(behind(rota), at, *known)
    assert secondary is None or secondary != holder(rota, at, *known)
