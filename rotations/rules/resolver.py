"""Who holds a rota at an instant. Boundaries are wall clock and zone, and become instants here.

Three layers: the shifts of the plan in force, narrowed to its hours; the overrides above them; and whoever
holds a rota above, who is passed over. Each is a walk in time that knows when its next piece begins, so that
one instant and half a year are answered by the same code.
"""

from __future__ import annotations

import calendar
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from operator import attrgetter

from rotations.enums import Unit, Why
from rotations.rules.facts import Holding, OverrideFacts, PlanFacts, RotaFacts

FAR = datetime.max.replace(tzinfo=UTC)
"""Later than everything: where a walk has nothing more to tell."""

_ONE_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_STARTS_AT = attrgetter("starts_at")
_MADE = attrgetter("created_at", "id")
_Overrides = Mapping[int, Sequence[OverrideFacts]]


def person_on_call(
    rota: RotaFacts, overrides: Iterable[OverrideFacts], *, at: datetime
) -> Holding | None:
    """Who holds the rota at the instant, since when and until when; None when nobody does.

    `overrides` are the rota's own and those of the rotas it looks at (its base, and those above); others are
    ignored. Where they overlap the latest made wins. Whoever holds a rota above, or the base, at the instant is
    passed over, also where an override names them: nobody is their own backup, also after a take-over (C22).
    """
    return _held_at(rota, _known(rota, overrides), at.astimezone(UTC))


def holdings(
    rota: RotaFacts, overrides: Iterable[OverrideFacts], *, start: datetime, end: datetime
) -> Iterator[Holding]:
    """Who holds the rota between the two instants, in order, each stretch whole.

    Stretches touch wherever somebody holds the rota; where nobody does there is a gap. An override is one
    stretch over the shifts' boundaries; a turn ends with its shift. A change of plan does not cut the turn of a
    person who goes on in the same shift.
    """
    known = _known(rota, overrides)
    at = start.astimezone(UTC)
    if at >= end:
        return
    first = _held_at(rota, known, at)
    yield from _stretches(_pieces(rota, known, first.starts_at if first else at), end)


def boundary(plan: PlanFacts, index: int) -> datetime:
    """The instant at which shift `index` of a plan of its own begins (0 is the first), in UTC.

    Counted on the wall clock: a day is what the calendar calls one, and a month ends where a shorter month does.
    A time that does not exist is read as the one later by the clocks' change, one that comes twice as the first.
    Of shifts that would begin after a later one the later one stands: an hour that is skipped has no shift.
    """
    wall = _wall(plan, index)
    found = _instant(wall, plan.tz)
    if plan.unit == Unit.HOUR:
        skipped = _skipped(wall, plan.tz)
        while skipped:
            index += 1
            after = _wall(plan, index)
            if after - wall >= skipped:
                break
            found = min(found, _instant(after, plan.tz))
    return found


def shift_index(plan: PlanFacts, at: datetime) -> int:
    """The number of the shift of a plan of its own that holds the instant; negative before the first."""
    return _shift_at(plan, at)[0]


def boundaries(rota: RotaFacts, *, start: datetime, end: datetime) -> Iterator[datetime]:
    """When shifts begin or end by the rota's plans between the instants, in order.

    Neither hours nor overrides make a boundary. A derived rota has its base's.
    """
    at = start.astimezone(UTC)
    for before, turn in pairwise(_turns(rota, at - timedelta.resolution, narrowed=False)):
        if turn.starts_at >= end:
            return
        if turn.shift != before.shift:
            yield turn.starts_at


def next_boundary(rota: RotaFacts, after: datetime) -> datetime | None:
    """The first instant after this one at which a shift begins or ends by the rota's plans; None without one."""
    return next(boundaries(rota, start=after + timedelta.resolution, end=FAR), None)


@dataclass(slots=True)
class _Turn:
    """A piece of a shift, as a plan has it. The turn is that of the member at `first`; without members nobody's."""

    starts_at: datetime
    ends_at: datetime
    plan: PlanFacts | None = None
    members: tuple[int, ...] = ()
    first: int = 0
    shift: tuple[datetime, datetime] | None = None


@dataclass(slots=True)
class _Piece:
    """A length of time in which nothing begins or ends. What says so began at `since`."""

    starts_at: datetime
    ends_at: datetime
    user_id: int | None
    why: Why = Why.ROTA
    since: datetime | None = None
    override_id: int | None = None
    shift: tuple[datetime, datetime] | None = None

    def continues(self, held: _Piece) -> bool:
        return (
            self.starts_at == held.ends_at
            and self.user_id == held.user_id
            and self.override_id == held.override_id
            and self.shift == held.shift
        )


def _held_at(rota: RotaFacts, known: _Overrides, at: datetime) -> Holding | None:
    piece = next(_pieces(rota, known, at))
    if piece.user_id is None:
        return None
    since = piece.since or at
    stretches = _stretches(_pieces(rota, known, since), FAR)
    return next(held for held in stretches if held.ends_at > at)


def _stretches(pieces: Iterable[_Piece], end: datetime) -> Iterator[Holding]:
    """The pieces that belong together as one, those of nobody left out, while they begin before the end."""
    held: _Piece | None = None
    for piece in pieces:
        if held is not None:
            if piece.continues(held):
                held.ends_at = piece.ends_at
                continue
            yield _holding(held)
        if piece.starts_at >= end:
            return
        held = piece if piece.user_id is not None else None
    if held is not None:
        yield _holding(held)


def _holding(piece: _Piece) -> Holding:
    assert piece.user_id is not None  # noqa: S101 - pieces of nobody are left out before
    return Holding(piece.user_id, piece.starts_at, piece.ends_at, piece.why, piece.override_id)


def _known(rota: RotaFacts, overrides: Iterable[OverrideFacts]) -> _Overrides:
    """The overrides that bear on the rota by the rota they are of, the last to begin first, in UTC."""
    known: dict[int, list[OverrideFacts]] = {}
    _gather(rota, known)
    for override in overrides:
        mine = known.get(override.rota_id)
        if mine is not None:
            if override.starts_at.tzinfo is not UTC or override.ends_at.tzinfo is not UTC:
                override = replace(
                    override,
                    starts_at=override.starts_at.astimezone(UTC),
                    ends_at=override.ends_at.astimezone(UTC),
                )
            mine.append(override)
    for mine in known.values():
        mine.sort(key=_STARTS_AT, reverse=True)
    return known


def _gather(rota: RotaFacts, known: dict[int, list[OverrideFacts]]) -> None:
    known[rota.id] = []
    for other in _looked_at(rota):
        _gather(other, known)


def _looked_at(rota: RotaFacts) -> tuple[RotaFacts, ...]:
    """The rotas whose holders matter: those above and the bases."""
    bases = tuple(plan.base for plan in rota.plans if plan.base is not None)
    return rota.above + bases if bases else rota.above


def _pieces(rota: RotaFacts, known: _Overrides, at: datetime) -> Iterator[_Piece]:
    """Who holds the rota from the instant on, without a gap between the pieces, to the end of time."""
    turns = _turns(rota, at)
    turn = next(turns)
    standing = _Standing(known[rota.id], at)
    others = {other.id: _Watched(other, known, at) for other in _looked_at(rota)}
    while at < FAR:
        ends_at = standing.move_to(at)
        holders: dict[int, int | None] = {}
        for number, other in others.items():
            holders[number] = other.move_to(at).user_id
            ends_at = min(ends_at, other.piece.ends_at)
        taken = {user_id for user_id in holders.values() if user_id is not None}
        override = standing.latest(taken)
        if override is not None:
            piece = _Piece(
                at, ends_at, override.user_id, override.why, override.starts_at, override.id
            )
        else:
            if turn.ends_at <= at:
                turn = next(turns)
            if turn.ends_at <= at:  # an override outlasted the shift: begin afresh
                turns = _turns(rota, at)
                turn = next(turns)
            user_id = _by_turn(turn, taken, holders)
            since = turn.shift[0] if turn.shift else at
            ends_at = min(ends_at, turn.ends_at)
            piece = _Piece(at, ends_at, user_id, Why.ROTA, since, None, turn.shift)
        yield piece
        at = ends_at


def _by_turn(turn: _Turn, taken: set[int], holders: Mapping[int, int | None]) -> int | None:
    """Whose turn it is, those who hold a rota above left out.

    A derived plan counts its places among those who do not hold the base.
    """
    order = turn.members[turn.first :] + turn.members[: turn.first]
    base = turn.plan.base if turn.plan else None
    if turn.plan is not None and base is not None:
        held = holders[base.id]
        behind = [user_id for user_id in order[1:] + order[:1] if user_id != held]
        order = tuple(behind[turn.plan.offset - 1 :])
    return next((user_id for user_id in order if user_id not in taken), None)


class _Standing:
    """A rota's overrides as time goes on: those that cover the instant, the latest made first."""

    def __init__(self, overrides: Sequence[OverrideFacts], at: datetime) -> None:
        self._to_come = [override for override in overrides if override.ends_at > at]
        self._covering: list[OverrideFacts] = []
        self._until = FAR

    def move_to(self, at: datetime) -> datetime:
        """Goes on to the instant, and says until when nothing changes."""
        if self._until <= at:
            self._covering = [o for o in self._covering if o.ends_at > at]
            self._until = min((o.ends_at for o in self._covering), default=FAR)
        while self._to_come and self._to_come[-1].starts_at <= at:
            override = self._to_come.pop()
            if override.ends_at > at:
                insort(self._covering, override, key=_MADE)
                self._until = min(self._until, override.ends_at)
        return min(self._until, self._to_come[-1].starts_at) if self._to_come else self._until

    def latest(self, taken: set[int]) -> OverrideFacts | None:
        """The latest made that names nobody who is taken; one that names nobody at all counts."""
        for override in reversed(self._covering):
            if override.user_id not in taken:
                return override
        return None


class _Watched:
    """Another rota's holder as time goes on."""

    def __init__(self, rota: RotaFacts, known: _Overrides, at: datetime) -> None:
        self._pieces = _pieces(rota, known, at)
        self.piece = next(self._pieces)

    def move_to(self, at: datetime) -> _Piece:
        while self.piece.ends_at <= at:
            self.piece = next(self._pieces)
        return self.piece


def _turns(rota: RotaFacts, at: datetime, *, narrowed: bool = True) -> Iterator[_Turn]:
    """The turns of the plans in force from the instant on, one after the other, to the end of time.

    Hours are left out unless narrowed.
    """
    number = -1
    for place, plan in enumerate(rota.plans):
        if plan.effective_at is None or plan.effective_at <= at:
            number = place
    for place in range(number, len(rota.plans)):
        following = rota.plans[place + 1] if place + 1 < len(rota.plans) else None
        until = following.effective_at if following else None
        until = until.astimezone(UTC) if until else FAR
        if until <= at:
            continue
        for turn in _of_plan(rota.plans[place], at, narrowed) if place >= 0 else (_Turn(at, FAR),):
            if turn.ends_at >= until:
                turn.ends_at = until
                yield turn
                break
            yield turn
        at = until


def _of_plan(plan: PlanFacts, at: datetime, narrowed: bool) -> Iterator[_Turn]:
    """The plan's turns from the instant on, as if it were in force for ever."""
    if plan.base is None:
        turns = _shifts(plan, at)
    else:
        turns = (
            replace(turn, plan=plan) if turn.plan else turn
            for turn in _turns(plan.base, at, narrowed=narrowed)
        )
    if narrowed and plan.hours:
        turns = _within(turns, _openings(plan, at))
    return _until_end(turns, plan)


def _shift_at(plan: PlanFacts, at: datetime) -> tuple[int, datetime, datetime]:
    """The shift that holds the instant: its number, its beginning and its end."""
    wall = at.astimezone(plan.tz).replace(tzinfo=None)
    if plan.step is None:
        months = (wall.year - plan.first.year) * 12 + wall.month - plan.first.month
        index = months // plan.length
    else:
        index = (wall - plan.first) // plan.step
    starts_at, ends_at = boundary(plan, index), boundary(plan, index + 1)
    while starts_at > at:
        index -= 1
        starts_at, ends_at = boundary(plan, index), starts_at
    while ends_at <= at:
        index += 1
        starts_at, ends_at = ends_at, boundary(plan, index + 1)
    return index, starts_at, ends_at


def _shifts(plan: PlanFacts, at: datetime) -> Iterator[_Turn]:
    if not plan.members:
        yield _Turn(at, FAR)
        return
    number, starts_at, ends_at = _shift_at(plan, at)
    if number < 0:
        first = boundary(plan, 0)
        yield _Turn(at, first)
        number, starts_at, ends_at = _shift_at(plan, first)
    while True:
        if starts_at < ends_at:
            shift = (starts_at, ends_at)
            turn = number % len(plan.members)
            yield _Turn(max(at, starts_at), ends_at, plan, plan.members, turn, shift)
        number += 1
        starts_at, ends_at = ends_at, boundary(plan, number + 1)


def _until_end(turns: Iterator[_Turn], plan: PlanFacts) -> Iterator[_Turn]:
    if plan.ends_on is None:
        yield from turns
        return
    end = _instant(datetime.combine(plan.ends_on, plan.handoff_time), plan.tz)
    for turn in turns:
        if turn.ends_at >= end:
            if turn.starts_at < end:
                yield replace(turn, ends_at=end)
            yield _Turn(max(turn.starts_at, end), FAR)
            return
        yield turn


def _within(
    turns: Iterator[_Turn], openings: Iterator[tuple[datetime, datetime]]
) -> Iterator[_Turn]:
    """The turns cut at the openings; what lies between these is nobody's."""
    opens, closes = next(openings)
    for turn in turns:
        if not turn.members:
            yield turn
            continue
        at = turn.starts_at
        while at < turn.ends_at:
            while closes <= at:
                opens, closes = next(openings)
            if opens <= at:
                ends_at = min(closes, turn.ends_at)
                yield replace(turn, starts_at=at, ends_at=ends_at)
            else:
                ends_at = min(opens, turn.ends_at)
                yield _Turn(at, ends_at)
            at = ends_at


def _openings(plan: PlanFacts, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The plan's hours from the instant on, each as (opening, closing) in UTC.

    A time that the clocks skip is the instant at which they do, so that hours are never longer than written.
    """
    day = at.astimezone(plan.tz).date() - _ONE_DAY
    while True:
        for hours in plan.hours:
            if hours.weekday == day.weekday():
                last = day + _ONE_DAY if hours.overnight else day
                opens = _clock(datetime.combine(day, hours.opens), plan.tz)
                closes = _clock(datetime.combine(last, hours.closes), plan.tz)
                if max(opens, at) < closes:
                    yield opens, closes
        day += _ONE_DAY


def _wall(plan: PlanFacts, index: int) -> datetime:
    """When shift `index` begins on the wall clock."""
    if plan.step is not None:
        return plan.first + plan.step * index
    years, month = divmod(plan.first.month - 1 + index * plan.length, 12)
    year = plan.first.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return plan.first.replace(year=year, month=month + 1, day=min(plan.first.day, last))


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _skipped(wall: datetime, zone: tzinfo) -> timedelta:
    """How much the clocks skip where this time does not exist; nothing where it does."""
    local = wall.replace(tzinfo=zone)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None or after <= before:
        return timedelta()
    return after - before


def _clock(wall: datetime, zone: tzinfo) -> datetime:
    """When the zone's clocks show this time, for the first time; or when they skip it, where they do."""
    found = _instant(wall, zone)
    skipped = _skipped(wall, zone)
    if not skipped:
        return found
    early = found - skipped  # the clocks change after this, and not after what was found
    offset = early.astimezone(zone).utcoffset()
    seconds = bisect_left(
        range(skipped // _SECOND),
        True,
        key=lambda s: (early + s * _SECOND).astimezone(zone).utcoffset() != offset,
    )
    return early + seconds * _SECOND
