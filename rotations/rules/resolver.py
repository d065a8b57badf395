"""Who holds a rota at an instant. Boundaries are wall clock and zone, and become instants here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from rotations.enums import Unit, Why


@dataclass(frozen=True)
class RotaFacts:
    """What a rota's turns follow from. `members` are user ids in their order.

    The shift that holds `starts_on` is the first, and the first member's. A derived rota has `base`:
    it takes the base's members and boundaries, and the person `offset` places behind the base's holder.
    """

    id: int
    members: tuple[int, ...]
    unit: Unit
    length: int
    handoff_time: time
    zone: str
    starts_on: date
    handoff_weekday: int = 0
    base: RotaFacts | None = None
    offset: int = 1

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError("a shift needs a length of at least one")

    @cached_property
    def days(self) -> int:
        """Days of one shift."""
        return self.length * (7 if self.unit == Unit.WEEK else 1)

    @cached_property
    def first_day(self) -> date:
        """The day on which the first shift begins."""
        if self.unit == Unit.WEEK:
            return self.starts_on - timedelta(
                days=(self.starts_on.weekday() - self.handoff_weekday) % 7
            )
        return self.starts_on

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """Somebody else holds the rota from `starts_at` until just before `ends_at`."""

    id: int
    rota_id: int
    user_id: int
    starts_at: datetime
    ends_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """One person holds a rota from `starts_at` until just before `ends_at`, both in UTC."""

    user_id: int
    starts_at: datetime
    ends_at: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class _Answer:
    """Who holds the rota, and what says so: answers that are equal belong to one stretch."""

    user_id: int | None
    why: Why
    shift: int
    override_id: int | None = None

    @property
    def same_stretch(self) -> tuple[int | None, int | None, int | None]:
        """An override is one stretch over the shifts' boundaries; a turn ends with its shift."""
        shift = None if self.override_id is not None else self.shift
        return self.user_id, self.override_id, shift


def boundary(rota: RotaFacts, index: int) -> datetime:
    """The instant at which shift `index` begins (0 is the first), in UTC.

    A wall clock time that does not exist is read as the one an hour (or the change's length) later,
    one that comes twice as the first.
    """
    day = rota.first_day + timedelta(days=rota.days * index)
    return datetime.combine(day, rota.handoff_time, rota.tz).astimezone(UTC)


def shift_index(rota: RotaFacts, at: datetime) -> int:
    """The number of the shift that holds the instant; negative before the rota began."""
    local = at.astimezone(rota.tz).date()
    index = (local - rota.first_day).days // rota.days
    while boundary(rota, index) > at:
        index -= 1
    while boundary(rota, index + 1) <= at:
        index += 1
    return index


def person_on_call(
    rota: RotaFacts, overrides: Iterable[OverrideFacts], *, at: datetime
) -> Holding | None:
    """Who holds the rota at the instant, since when and until when; None when nobody does.

    `overrides` are the rota's own and, for a derived rota, its base's; others are ignored. Where they
    overlap the latest made wins. A derived rota counts its places among those who do not hold the
    base, so that nobody is their own backup, also after a take-over (C22).
    """
    known = _relevant(rota, overrides)
    answer = _answer(rota, known, at)
    if answer.user_id is None:
        return None
    starts_at, ends_at = _piece(rota, known, at)
    while True:
        before = starts_at - timedelta(microseconds=1)
        if _answer(rota, known, before).same_stretch != answer.same_stretch:
            break
        starts_at, _ = _piece(rota, known, before)
    while _answer(rota, known, ends_at).same_stretch == answer.same_stretch:
        _, ends_at = _piece(rota, known, ends_at)
    return Holding(answer.user_id, starts_at, ends_at, answer.why)


def holdings(
    rota: RotaFacts, overrides: Iterable[OverrideFacts], *, start: datetime, end: datetime
) -> Iterator[Holding]:
    """Who holds the rota between the two instants, in order, each stretch whole.

    Stretches touch wherever somebody holds the rota; where nobody does there is a gap.
    """
    known = _relevant(rota, overrides)
    at = start.astimezone(UTC)
    while at < end:
        holding = person_on_call(rota, known, at=at)
        if holding is None:
            _, at = _piece(rota, known, at)
        else:
            yield holding
            at = holding.ends_at


def _relevant(rota: RotaFacts, overrides: Iterable[OverrideFacts]) -> tuple[OverrideFacts, ...]:
    ids = {rota.id, rota.base.id} if rota.base else {rota.id}
    return tuple(override for override in overrides if override.rota_id in ids)


def _turns(rota: RotaFacts) -> RotaFacts:
    """The rota whose members and boundaries count."""
    return rota.base or rota


def _piece(
    rota: RotaFacts, overrides: tuple[OverrideFacts, ...], at: datetime
) -> tuple[datetime, datetime]:
    """The longest stretch round the instant within which nothing begins or ends."""
    turns = _turns(rota)
    index = shift_index(turns, at)
    starts_at, ends_at = boundary(turns, index), boundary(turns, index + 1)
    for override in overrides:
        for edge in (override.starts_at.astimezone(UTC), override.ends_at.astimezone(UTC)):
            if starts_at < edge <= at:
                starts_at = edge
            elif at < edge < ends_at:
                ends_at = edge
    return starts_at, ends_at


def _answer(rota: RotaFacts, overrides: tuple[OverrideFacts, ...], at: datetime) -> _Answer:
    turns = _turns(rota)
    index = shift_index(turns, at)
    taken = _answer(rota.base, overrides, at).user_id if rota.base else None
    for override in _latest_first(rota, overrides, at):
        if rota.base is None or override.user_id != taken:
            return _Answer(override.user_id, Why.OVERRIDE, index, override.id)
    if index < 0 or not turns.members:
        return _Answer(None, Why.ROTA, index)
    first = index % len(turns.members)
    in_order = turns.members[first:] + turns.members[:first]
    if rota.base is None:
        return _Answer(in_order[0], Why.ROTA, index)
    behind = [user_id for user_id in in_order[1:] + in_order[:1] if user_id != taken]
    return _Answer(behind[rota.offset - 1] if rota.offset <= len(behind) else None, Why.ROTA, index)


def _latest_first(
    rota: RotaFacts, overrides: tuple[OverrideFacts, ...], at: datetime
) -> list[OverrideFacts]:
    covering = [o for o in overrides if o.rota_id == rota.id and o.starts_at <= at < o.ends_at]
    return sorted(covering, key=lambda o: (o.created_at, o.id), reverse=True)
