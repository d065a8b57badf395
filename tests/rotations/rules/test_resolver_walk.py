"""The resolver against a walk that asks minute by minute, on the nights on which clocks change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotations.rules.facts import Holding, OverrideFacts, RotaFacts
from rotations.rules.resolver import boundary, holdings, person_on_call, shift_index
from tests.rotations.rules.walk import MINUTE, walk
from tests.rotations.rules.worlds import World, worlds

INSTANT = timedelta.resolution


def by_minute(found: Sequence[Holding], start: datetime, minutes: int) -> list[int | None]:
    """The holder in each minute, as the holdings have it."""
    holders: list[int | None] = [None] * minutes
    for held in found:
        first, end = (held.starts_at - start) / MINUTE, (held.ends_at - start) / MINUTE
        assert first.is_integer()
        assert end.is_integer()
        for minute in range(max(int(first), 0), min(int(end), minutes)):
            assert holders[minute] is None, "two hold it at once"
            holders[minute] = held.user_id
    return holders


def wrong(
    found: list[int | None], told: list[int | None]
) -> list[tuple[int, int | None, int | None]]:
    """The minutes in which they differ: (minute, found, told)."""
    pairs = enumerate(zip(found, told, strict=True))
    return [(minute, a, b) for minute, (a, b) in pairs if a != b]


@settings(max_examples=120, deadline=None)
@given(world=worlds())
def test_whoever_holds_a_rota_is_whom_a_walk_finds_in_every_minute(world: World) -> None:
    for rota in (world.primary, world.secondary):
        told = walk(rota, world.overrides, world.start, world.minutes)
        found = list(holdings(rota, world.overrides, start=world.start, end=world.end))
        assert wrong(by_minute(found, world.start, world.minutes), told) == []
        for earlier, later in zip(found, found[1:], strict=False):
            assert earlier.ends_at <= later.starts_at
        assert all(held.starts_at < held.ends_at for held in found)
        assert all(held.ends_at > world.start and held.starts_at < world.end for held in found)


@settings(max_examples=120, deadline=None)
@given(world=worlds(), data=st.data())
def test_one_instant_and_a_stretch_of_time_have_the_same_answer(
    world: World, data: st.DataObject
) -> None:
    for rota in (world.primary, world.secondary):
        found = list(holdings(rota, world.overrides, start=world.start, end=world.end))
        minutes = data.draw(st.lists(st.integers(0, world.minutes - 1), max_size=8))
        asked = [world.start + minute * MINUTE for minute in minutes]
        for held in found[:20]:
            asked += [
                held.starts_at - INSTANT,
                held.starts_at,
                held.ends_at - INSTANT,
                held.ends_at,
            ]
        for at in asked:
            if world.start <= at < world.end:
                holding = next((h for h in found if h.starts_at <= at < h.ends_at), None)
                assert person_on_call(rota, world.overrides, at=at) == holding


@settings(max_examples=60, deadline=None)
@given(world=worlds(), data=st.data())
def test_it_is_the_same_from_wherever_one_begins_to_look(world: World, data: st.DataObject) -> None:
    later = world.start + data.draw(st.integers(1, world.minutes - 1)) * MINUTE
    for rota in (world.primary, world.secondary):
        whole = list(holdings(rota, world.overrides, start=world.start, end=world.end))
        part = list(holdings(rota, world.overrides, start=later, end=world.end))
        assert part == [held for held in whole if held.ends_at > later]
        shuffled = data.draw(st.permutations(world.overrides))
        assert part == list(holdings(rota, shuffled, start=later, end=world.end))


@pytest.mark.clause("C11", "C19", "C22")
@settings(max_examples=100, deadline=None)
@given(world=worlds())
def test_nobody_is_their_own_backup(world: World) -> None:
    first, second = (
        by_minute(
            list(holdings(rota, world.overrides, start=world.start, end=world.end)),
            world.start,
            world.minutes,
        )
        for rota in (world.primary, world.secondary)
    )
    both = [minute for minute, a in enumerate(first) if a is not None and a == second[minute]]
    assert both == []


@settings(max_examples=150, deadline=None)
@given(world=worlds(), minute=st.integers(-1440, 5 * 1440))
def test_a_shift_begins_and_ends_on_the_wall_clock(world: World, minute: int) -> None:
    plan = world.primary.plans[0]
    at = world.start + minute * MINUTE
    index = shift_index(plan, at)
    starts_at = boundary(plan, index)
    assert starts_at <= at < boundary(plan, index + 1)
    shown = starts_at.astimezone(ZoneInfo(plan.zone)).time()
    if plan.unit != "hour" and shown != plan.handoff_time:
        before = starts_at.astimezone(ZoneInfo(plan.zone)).utcoffset()
        earlier = (starts_at - timedelta(days=1)).astimezone(ZoneInfo(plan.zone)).utcoffset()
        assert before != earlier, "only where the clocks skip the time"


@settings(max_examples=80, deadline=None)
@given(world=worlds())
def test_without_hours_overrides_or_an_end_there_is_no_gap(world: World) -> None:
    plan = world.primary.plans[0]
    rota = RotaFacts(1, (bare := type(plan)(
        1, plan.members or (1,), plan.unit, plan.length, plan.handoff_time, plan.zone, plan.starts_on,
        plan.handoff_weekday,
    ),))  # fmt: skip
    start = boundary(bare, 0)
    none: list[OverrideFacts] = []
    found = list(holdings(rota, none, start=start, end=start + timedelta(days=40)))
    assert found[0].starts_at == start
    for earlier, later in zip(found, found[1:], strict=False):
        assert earlier.ends_at == later.starts_at
