"""The shifts of the horizon, drawn from the rules: what is over is frozen, what is to come follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from rotations.models import RosterRules, Rota, Shift
from rotations.queries.facts import facts_of, overrides_of
from rotations.rules import resolver
from rotations.rules.facts import Holding


@dataclass(frozen=True, slots=True)
class Stretch:
    """A person's part of a rota, as they are told of it."""

    rota_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """What a change did to one person's shifts from now on; equal stretches stand in neither list."""

    user_id: int
    before: tuple[Stretch, ...]
    after: tuple[Stretch, ...]


def horizon_of(rules: RosterRules, now: datetime) -> datetime:
    """Until when shifts are drawn and proved."""
    return now + timedelta(weeks=rules.horizon_weeks)


@transaction.atomic
def redraw(team_id: int, *, now: datetime) -> list[Moved]:
    """Draws the team's shifts anew from now to the horizon; what stays as it was is not touched.

    Shifts that are over are frozen. One that runs and no longer holds ends now, and the new holder's begins.
    Says whose future changed within what had been drawn before. The caller holds the team's roster rules.
    """
    rules, _ = RosterRules.objects.get_or_create(team_id=team_id)
    Shift.objects.filter(team_id=team_id, frozen=False, ends_at__lte=now).update(frozen=True)
    drawn: dict[int, list[Shift]] = defaultdict(list)
    for shift in Shift.objects.filter(team_id=team_id, frozen=False).order_by("starts_at"):
        drawn[shift.rota_id].append(shift)
    known_until = max((shift.ends_at for own in drawn.values() for shift in own), default=now)
    before = _stretches((shift for own in drawn.values() for shift in own), now, known_until)
    until = horizon_of(rules, now)
    facts = facts_of([team_id])
    overrides = overrides_of([team_id], start=now, end=until)[team_id]
    redrawn = []
    for rota in Rota.objects.filter(team_id=team_id):
        held = (
            resolver.holdings(facts[rota.pk], overrides, start=now, end=until)
            if rota.active
            else ()
        )
        redrawn.append(_Redrawn(rota, drawn[rota.pk], held, now))
    _write(redrawn, now)
    after = _stretches((shift for one in redrawn for shift in one.all), now, known_until)
    return _moved(before, after)


class _Redrawn:
    """One rota's shifts: which stay, which end elsewhere, which go, which come."""

    def __init__(
        self, rota: Rota, drawn: Sequence[Shift], held: Iterable[Holding], now: datetime
    ) -> None:
        self.new: list[Shift] = []
        self.kept: list[Shift] = []
        self.ended_elsewhere: list[Shift] = []
        left = {max(shift.starts_at, now): shift for shift in drawn}
        for holding in held:
            starts_at = max(holding.starts_at, now)
            match = left.get(starts_at)
            if match is None or not _same(match, holding):
                self.new.append(_shift(rota, holding, starts_at))
                continue
            del left[starts_at]
            self.kept.append(match)
            if match.ends_at != holding.ends_at:
                match.ends_at = holding.ends_at
                match.sequence += 1
                self.ended_elsewhere.append(match)
        self.running = [shift for shift in left.values() if shift.starts_at < now]
        self.gone = [shift for shift in left.values() if shift.starts_at >= now]
        self._know_again()

    @property
    def all(self) -> list[Shift]:
        return [*self.kept, *self.new]

    def _know_again(self) -> None:
        """A calendar sees the same event moved where a person's shift keeps its beginning or its end."""
        by_edge = {
            (one.user_id, edge): one for one in self.gone for edge in (one.starts_at, one.ends_at)
        }
        used = set()
        for shift in self.new:
            same = by_edge.get((shift.user_id, shift.starts_at)) or by_edge.get(
                (shift.user_id, shift.ends_at)
            )
            if same is not None and same.uid not in used:
                used.add(same.uid)
                shift.uid, shift.sequence = same.uid, same.sequence + 1


def _same(drawn: Shift, holding: Holding) -> bool:
    return (drawn.user_id, drawn.why, drawn.override_id) == (
        holding.user_id,
        holding.why.value,
        holding.override_id,
    )


def _shift(rota: Rota, holding: Holding, starts_at: datetime) -> Shift:
    return Shift(
        rota=rota,
        team_id=rota.team_id,
        level=rota.level,
        user_id=holding.user_id,
        starts_at=starts_at,
        ends_at=holding.ends_at,
        why=holding.why.value,
        override_id=holding.override_id,
    )


def _write(redrawn: Sequence[_Redrawn], now: datetime) -> None:
    """In an order in which no two rows overlap on the way."""
    gone = [shift.pk for one in redrawn for shift in one.gone]
    running = [shift.pk for one in redrawn for shift in one.running]
    elsewhere = [shift for one in redrawn for shift in one.ended_elsewhere]
    if gone:
        Shift.objects.filter(pk__in=gone).delete()
    if running:
        Shift.objects.filter(pk__in=running).update(ends_at=now, frozen=True)
    for shift in elsewhere:
        Shift.objects.filter(pk=shift.pk).update(ends_at=shift.ends_at, sequence=shift.sequence)
    Shift.objects.bulk_create([shift for one in redrawn for shift in one.new], batch_size=2000)


type _ByPerson = dict[int, list[Stretch]]


def _stretches(shifts: Iterable[Shift], now: datetime, until: datetime) -> _ByPerson:
    """Each person's stretches from now to then; those of one rota that touch are one."""
    found: _ByPerson = defaultdict(list)
    for shift in sorted(shifts, key=lambda one: (one.user_id, one.rota_id, one.starts_at)):
        starts_at, ends_at = max(shift.starts_at, now), min(shift.ends_at, until)
        if starts_at >= ends_at:
            continue
        own = found[shift.user_id]
        if own and (own[-1].rota_id, own[-1].ends_at) == (shift.rota_id, starts_at):
            starts_at = own.pop().starts_at
        own.append(Stretch(shift.rota_id, starts_at, ends_at))
    return found


def _moved(before: _ByPerson, after: _ByPerson) -> list[Moved]:
    found = []
    for user_id in sorted({*before, *after}):
        was, will = before.get(user_id, []), after.get(user_id, [])
        gone, come = set(was) - set(will), set(will) - set(was)
        if gone or come:
            found.append(Moved(user_id, _in_order(gone), _in_order(come)))
    return found


def _in_order(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    return tuple(sorted(stretches, key=lambda one: (one.starts_at, one.rota_id)))
