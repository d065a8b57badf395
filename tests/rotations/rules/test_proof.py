"""What the roster proof finds: minutes, people and clauses; and nothing that is not there."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotations.enums import BreachKind, Level, Unit
from rotations.rules.facts import (
    Limits,
    OverrideFacts,
    PersonFacts,
    PlanFacts,
    RotaFacts,
    TeamFacts,
    TimeOffFacts,
)
from rotations.rules.hours import parse
from rotations.rules.proof import Breach, added, prove
from tests.rotations.rules.walk import MINUTE, walk
from tests.rotations.rules.worlds import World, worlds

ANN, BEN, CLEO = 1, 2, 3
PEOPLE = {1: PersonFacts(1, "Ann"), 2: PersonFacts(2, "Ben"), 3: PersonFacts(3, "Cleo")}


def local(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


START, END = local("2026-02-02T09:00"), local("2026-03-02T09:00")


def plan(members: tuple[int, ...] = (ANN, BEN, CLEO), **more: Any) -> PlanFacts:
    facts: dict[str, Any] = {
        "id": 1, "members": members, "unit": Unit.WEEK, "length": 1, "handoff_time": time(9),
        "zone": "UTC", "starts_on": date(2025, 11, 3),
    }  # fmt: skip
    return PlanFacts(**(facts | more))


def primary(*plans: PlanFacts, number: int = 1) -> RotaFacts:
    return RotaFacts(number, plans or (plan(),))


def behind(base: RotaFacts) -> RotaFacts:
    return RotaFacts(2, (plan((), base=base),), Level.SECONDARY, (base,))


def team(*rotas: RotaFacts, **more: Any) -> TeamFacts:
    base = primary()
    return TeamFacts(7, rotas or (base, behind(base)), **({"people": PEOPLE} | more))


def found(
    facts: TeamFacts, *kinds: BreachKind, start: datetime = START, end: datetime = END
) -> list[Breach]:
    return [b for b in prove(facts, start=start, end=end) if not kinds or b.kind in kinds]


def times(breaches: list[Breach]) -> list[tuple[datetime, datetime]]:
    return [(breach.starts_at, breach.ends_at) for breach in breaches]


def override(user_id: int | None, begin: str, end: str, *, rota: int = 1) -> OverrideFacts:
    return OverrideFacts(1, rota, user_id, local(begin), local(end), START)


def test_a_whole_roster_has_no_breach() -> None:
    assert found(team()) == []


def test_a_team_without_a_primary_rota_has_nothing_to_prove() -> None:
    assert prove(TeamFacts(7, ()), start=START, end=END) == ()


def test_a_primary_that_was_only_drafted_is_no_roster_yet() -> None:
    draft = RotaFacts(1, ())
    secondary = RotaFacts(2, (plan(),), Level.SECONDARY, (draft,))
    assert found(team(draft, secondary)) == []


@pytest.mark.clause("C6", "C11")
def test_cover_is_asked_of_a_team_that_has_lost_its_primary() -> None:
    breaches = found(TeamFacts(7, (), asks_for_cover=True))
    assert [(b.kind, b.ends_at) for b in breaches] == [
        (BreachKind.GAP, END), (BreachKind.NO_SECOND, END),
    ]  # fmt: skip


class TestCover:
    @pytest.mark.clause("C6")
    def test_a_vacant_stretch_is_a_gap(self) -> None:
        none = override(None, "2026-02-04T00:00", "2026-02-05T00:00")
        (gap,) = found(team(overrides=(none,)), BreachKind.GAP)
        assert (gap.starts_at, gap.ends_at) == (none.starts_at, none.ends_at)
        assert (gap.clause, gap.level, gap.blocking) == ("C6", "primary", True)
        assert gap.said == "Nobody is primary on call."

    @pytest.mark.clause("C6")
    def test_several_layers_together_are_cover(self) -> None:
        day = primary(plan(hours=parse("Mon-Sun 08:00-20:00")))
        night = primary(plan(hours=parse("Mon-Sun 20:00-08:00")), number=3)
        assert found(team(day, night), BreachKind.GAP) == []
        short = primary(plan(hours=parse("Mon-Sun 20:00-07:30")), number=3)
        gaps = found(team(day, short), BreachKind.GAP)
        assert len(gaps) == 28
        assert {gap.ends_at - gap.starts_at for gap in gaps} == {timedelta(minutes=30)}

    def test_a_team_may_not_need_to_be_covered_always(self) -> None:
        office = primary(plan(hours=parse("Mon-Fri 09:00-17:00")))
        facts = team(office, behind(office), limits=Limits(cover_always=False))
        assert found(facts) == []
        alone = team(office, limits=Limits(cover_always=False))
        assert times(found(alone, BreachKind.NO_SECOND))[0] == (
            local("2026-02-02T09:00"), local("2026-02-02T17:00"),
        )  # fmt: skip

    def test_a_gap_that_runs_is_given_since_when_it_stands(self) -> None:
        none = override(None, "2026-02-01T00:00", "2026-02-05T00:00")
        (gap,) = found(team(overrides=(none,)), BreachKind.GAP)
        assert gap.starts_at == none.starts_at
        for hours in (1, 24, 48):
            later = START + timedelta(hours=hours)
            (again,) = found(
                team(overrides=(none,)), BreachKind.GAP, start=later, end=later + (END - START)
            )
            assert again.key == gap.key

    def test_one_that_stood_for_ever_keeps_its_key(self) -> None:
        empty = team(primary(plan(())))
        keys = {
            found(empty, BreachKind.GAP, start=START + timedelta(hours=n))[0].key for n in range(3)
        }
        assert len(keys) == 1


class TestTwoPeople:
    @pytest.mark.clause("C11")
    def test_one_person_alone_is_too_few(self) -> None:
        none = override(None, "2026-02-04T00:00", "2026-02-05T00:00", rota=2)
        (alone,) = found(team(overrides=(none,)))
        assert (alone.kind, alone.clause, alone.blocking) == ("no_second", "C11", True)
        assert (alone.starts_at, alone.ends_at) == (none.starts_at, none.ends_at)
        assert alone.said == "Ben is on call alone; two people are needed."
        assert alone.user_ids == (BEN,)

    @pytest.mark.clause("C11")
    def test_a_rota_of_one_person_is_never_two(self) -> None:
        base = primary(plan((ANN,)))
        (alone,) = found(team(base, behind(base)), BreachKind.NO_SECOND)
        assert alone.starts_at <= START
        assert alone.ends_at == END

    def test_it_is_one_breach_over_a_handoff(self) -> None:
        facts = team(primary(plan(effective_at=local("2026-02-02T09:00"))))
        (alone,) = found(facts, BreachKind.NO_SECOND)
        assert alone.user_ids == (BEN, CLEO, ANN)
        assert alone.said == (
            "Ben, Cleo and Ann are on call alone, one after the other; two people are needed."
        )

    def test_a_team_may_do_with_one(self) -> None:
        assert found(team(primary(), limits=Limits(two_people=False))) == []


class TestAligned:
    @pytest.mark.clause("C9")
    def test_a_secondary_of_other_shifts_is_misaligned(self) -> None:
        base = primary()
        second = RotaFacts(
            2, (plan((BEN, CLEO, ANN), handoff_time=time(10)),), Level.SECONDARY, (base,)
        )
        (breach,) = found(team(base, second), BreachKind.MISALIGNED)
        assert (breach.clause, breach.rota_id, breach.blocking) == ("C9", 2, True)

    @pytest.mark.clause("C9")
    def test_one_of_its_own_with_the_same_boundaries_is_aligned(self) -> None:
        base = primary()
        second = RotaFacts(2, (plan((BEN, CLEO, ANN)),), Level.SECONDARY, (base,))
        assert found(team(base, second)) == []

    def test_overrides_do_not_misalign(self) -> None:
        assert (
            found(team(overrides=(override(CLEO, "2026-02-04T00:00", "2026-02-05T00:00"),))) == []
        )

    def test_it_lasts_until_they_agree_again(self) -> None:
        base = primary()
        wrong = plan((BEN, CLEO, ANN), handoff_time=time(10))
        mended = plan((BEN, CLEO, ANN), effective_at=local("2026-02-16T09:00"))
        second = RotaFacts(2, (wrong, mended), Level.SECONDARY, (base,))
        (breach,) = found(team(base, second), BreachKind.MISALIGNED)
        assert breach.ends_at == local("2026-02-16T09:00")


class TestPeople:
    """Ann holds the primary from the 16th to the 23rd of February, and is secondary the week before."""

    @pytest.mark.parametrize(
        ("ann", "kind", "clauses", "said"),
        [
            (PersonFacts(1, "Ann", reachable=False), "unreachable", ("C168", "C167"), "no verified way"),
            (PersonFacts(1, "Ann", ready=False), "not_ready", ("", ""), "is not ready for it"),
            (PersonFacts(1, "Ann", active=False, reachable=False), "inactive", ("C8", "C8"), "has left"),
        ],
    )  # fmt: skip
    @pytest.mark.clause("C8", "C167", "C168")
    def test_whoever_cannot_be_on_call_is_named_with_the_shift(
        self, ann: PersonFacts, kind: str, clauses: tuple[str, str], said: str
    ) -> None:
        breaches = found(team(people=PEOPLE | {ANN: ann}))
        assert [(b.kind, b.level, b.clause, b.blocking, b.user_ids) for b in breaches] == [
            (kind, "secondary", clauses[0], True, (ANN,)),
            (kind, "primary", clauses[1], True, (ANN,)),
        ]
        assert times(breaches) == [
            (local("2026-02-09T09:00"), local("2026-02-16T09:00")),
            (local("2026-02-16T09:00"), local("2026-02-23T09:00")),
        ]
        assert all(said in breach.said for breach in breaches)

    def test_who_is_unknown_has_left(self) -> None:
        people = {BEN: PEOPLE[BEN], CLEO: PEOPLE[CLEO]}
        assert {b.kind for b in found(team(people=people))} == {BreachKind.INACTIVE}

    @pytest.mark.clause("C6")
    def test_time_off_within_a_shift_is_a_breach_for_as_long_as_both_last(self) -> None:
        off = TimeOffFacts(BEN, local("2026-02-04T00:00"), local("2026-02-20T00:00"))
        breaches = found(team(time_off=(off,)))
        assert [(b.kind, b.level, b.starts_at, b.ends_at) for b in breaches] == [
            ("time_off", "primary", off.starts_at, local("2026-02-09T09:00")),
            ("time_off", "secondary", local("2026-02-16T09:00"), off.ends_at),
        ]
        assert all(b.said.startswith("Ben is ") for b in breaches)
        assert all(b.said.endswith(" on call and has time off.") for b in breaches)

    def test_a_shadow_never_blocks(self) -> None:
        base = primary()
        shadow = RotaFacts(4, (plan((ANN,)),), Level.SHADOW)
        ann = PersonFacts(1, "Ann", reachable=False)
        facts = team(base, behind(base), shadow, people=PEOPLE | {ANN: ann})
        assert {b.blocking for b in found(facts) if b.level == "shadow"} == {False}


class TestWarnings:
    def test_a_short_rest_warns(self) -> None:
        days = primary(plan((ANN,), unit=Unit.DAY, hours=parse("Mon-Fri 00:00-20:00")))
        limits = Limits(cover_always=False, two_people=False, min_rest=timedelta(hours=8))
        breaches = found(
            team(days, limits=limits), BreachKind.REST_SHORT, end=local("2026-02-06T09:00")
        )
        assert times(breaches)[:1] == [(local("2026-02-02T20:00"), local("2026-02-03T00:00"))]
        assert {(b.blocking, b.user_ids) for b in breaches} == {(False, (ANN,))}
        assert found(team(days, limits=Limits(cover_always=False, two_people=False))) == []

    def test_shifts_that_touch_are_one_stretch_and_no_short_rest(self) -> None:
        ann = PersonFacts(1, "Ann", reachable=False)
        limits = Limits(two_people=False, min_rest=timedelta(hours=8))
        facts = team(primary(plan((ANN,))), people={ANN: ann}, limits=limits)
        (breach,) = found(facts)
        assert breach.kind == BreachKind.UNREACHABLE
        assert breach.ends_at - breach.starts_at > timedelta(weeks=8)

    def test_too_many_weeks_in_a_row_warn(self) -> None:
        limits = Limits(most_weeks_in_row=2)
        assert found(team(limits=limits), BreachKind.WEEKS_IN_ROW) == []
        two = primary(plan((ANN, BEN)))
        rows = found(team(two, behind(two), limits=limits), BreachKind.WEEKS_IN_ROW)
        assert {(b.blocking, b.user_ids) for b in rows} == {(False, (ANN,)), (False, (BEN,))}

    def test_a_weekend_does_not_end_a_row_of_weeks(self) -> None:
        office = primary(plan((ANN,), hours=parse("Mon-Fri 09:00-17:00")))
        limits = Limits(cover_always=False, two_people=False, most_weeks_in_row=2)
        assert len(found(team(office, limits=limits), BreachKind.WEEKS_IN_ROW)) == 1

    def test_two_weeks_in_which_the_clocks_change_are_two_weeks(self) -> None:
        zone = "Europe/Berlin"
        base = primary(plan((ANN, BEN, CLEO), zone=zone))
        facts = team(base, behind(base), limits=Limits(most_weeks_in_row=2))
        end = local("2026-12-01T09:00", zone)
        assert (
            found(facts, BreachKind.WEEKS_IN_ROW, start=local("2026-09-01T09:00", zone), end=end)
            == []
        )

    @pytest.mark.clause("X10")
    def test_a_holiday_is_shown_with_who_works_on_it(self) -> None:
        facts = team(holidays={date(2026, 2, 4): "Carnival"}, zone="Europe/Berlin")
        first, second = found(facts)
        assert (first.kind, first.level, first.blocking) == ("holiday", "primary", False)
        assert first.said == "Ben is primary on call on a holiday: Carnival."
        assert (first.starts_at, first.ends_at) == (
            local("2026-02-04T00:00", "Europe/Berlin"), local("2026-02-05T00:00", "Europe/Berlin"),
        )  # fmt: skip
        assert second.level == "secondary"


class TestAdded:
    WHOLE = ("2026-02-04T00:00", "2026-02-08T00:00")

    def test_a_breach_mended_in_the_middle_adds_none(self) -> None:
        before = found(team(overrides=(override(None, *self.WHOLE),)), BreachKind.GAP)
        later = OverrideFacts(
            2, 1, CLEO, local("2026-02-05T00:00"), local("2026-02-06T00:00"), START + MINUTE
        )
        after = found(team(overrides=(override(None, *self.WHOLE), later)), BreachKind.GAP)
        assert len(after) == 2
        assert added(before, after) == ()
        assert added(after, before) == tuple(before)

    def test_one_more_shift_of_somebody_who_cannot_be_reached_is_added(self) -> None:
        people = PEOPLE | {ANN: PersonFacts(1, "Ann", reachable=False)}
        before = found(team(people=people))
        given_to_ann = override(ANN, "2026-02-04T00:00", "2026-02-05T00:00")
        (new,) = added(before, found(team(people=people, overrides=(given_to_ann,))))
        assert (new.kind, new.starts_at, new.ends_at) == (
            "unreachable", given_to_ann.starts_at, given_to_ann.ends_at,
        )  # fmt: skip


def minutes_of(breaches: list[Breach], world: World) -> list[int]:
    named: set[int] = set()
    for breach in breaches:
        begin = max(breach.starts_at, world.start)
        end = min(breach.ends_at, world.end)
        own = range((begin - world.start) // MINUTE, (end - world.start) // MINUTE)
        if breach.kind in (BreachKind.GAP, BreachKind.NO_SECOND):
            assert named.isdisjoint(own), "named twice"
        named |= set(own)
    return sorted(named)


def facts_of(world: World, **more: Any) -> TeamFacts:
    return TeamFacts(7, (world.primary, world.secondary), world.overrides, **more)


@pytest.mark.clause("C6", "C11")
@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_every_gap_is_named_and_none_that_is_not_there(world: World) -> None:
    first, second = (
        walk(rota, world.overrides, world.start, world.minutes)
        for rota in (world.primary, world.secondary)
    )
    breaches = list(prove(facts_of(world), start=world.start, end=world.end))
    gaps = [breach for breach in breaches if breach.kind == BreachKind.GAP]
    alone = [breach for breach in breaches if breach.kind == BreachKind.NO_SECOND]
    assert minutes_of(gaps, world) == [m for m, who in enumerate(first) if who is None]
    assert minutes_of(alone, world) == [
        m for m, pair in enumerate(zip(first, second, strict=True)) if len({*pair} - {None}) < 2
    ]


@settings(max_examples=40, deadline=None)
@given(
    world=worlds(),
    spans=st.lists(
        st.tuples(st.integers(1, 6), st.integers(-900, 6000), st.integers(1, 4000)), max_size=4
    ),
)
def test_every_minute_of_time_off_on_call_is_named(
    world: World, spans: list[tuple[int, int, int]]
) -> None:
    off = tuple(
        TimeOffFacts(who, world.start + begin * MINUTE, world.start + (begin + length) * MINUTE)
        for who, begin, length in spans
    )
    breaches = prove(facts_of(world, time_off=off), start=world.start, end=world.end)
    for rota in (world.primary, world.secondary):
        holders = walk(rota, world.overrides, world.start, world.minutes)
        named = [b for b in breaches if b.kind == BreachKind.TIME_OFF and b.rota_id == rota.id]
        told = [
            minute
            for minute, who in enumerate(holders)
            if any(
                who == one.user_id and one.starts_at <= world.start + minute * MINUTE < one.ends_at
                for one in off
            )
        ]
        assert minutes_of(named, world) == told


@settings(max_examples=60, deadline=None)
@given(world=worlds(), later=st.integers(0, 1000))
def test_the_same_finding_keeps_its_key_in_the_next_look(world: World, later: int) -> None:
    people = {n: PersonFacts(n, f"Person {n}", reachable=n != 1) for n in range(1, 9)}
    facts = facts_of(world, people=people)
    first = prove(facts, start=world.start, end=world.end)
    start = world.start + later * MINUTE
    second = {b.key for b in prove(facts, start=start, end=world.end + later * MINUTE)}
    assert len({b.key for b in first}) == len(first)
    lost = [b for b in first if b.key not in second and b.ends_at > start]
    assert [b for b in lost if b.kind != BreachKind.MISALIGNED] == []


def test_half_a_year_is_proved_from_utc_to_utc() -> None:
    for breach in found(team(primary()), end=START + timedelta(weeks=26)):
        assert breach.starts_at.tzinfo is UTC
        assert breach.ends_at.tzinfo is UTC
