"""The shifts of the horizon, drawn from the rules: what is over is frozen, what is to come follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max

from rotations.models import RosterRules, Rota, Shift
from rotations.queries.facts import facts_of, overrides_of
from rotations.rules import resolver
from rotations.rules.facts import Holding, TeamFacts


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


type ByPerson = Mapping[int, Sequence[Stretch]]


def lock_roster(team_id: int) -> RosterRules:
    """Takes the team's roster for this transaction: changes of one team come one after another."""
    rules = RosterRules.objects.select_for_update().filter(team_id=team_id).first()
    if rules is None:
        RosterRules.objects.get_or_create(team_id=team_id)
        rules = RosterRules.objects.select_for_update().get(team_id=team_id)
    return rules


def horizon_of(rules: RosterRules, now: datetime) -> datetime:
    """Until when shifts are drawn and proved."""
    return now + timedelta(weeks=rules.horizon_weeks)


def stretches_of(team: TeamFacts, *, start: datetime, end: datetime) -> ByPerson:
    """Each person's stretches of the team's rotas from `start` on that begin before `end`, as the rules have
    them; the last ones whole."""
    return _stretches(
        (holding.user_id, rota.id, max(holding.starts_at, start), holding.ends_at)
        for rota in team.rotas
        for holding in resolver.holdings(rota, team.overrides, start=start, end=end)
    )


def moved_between(before: ByPerson, after: ByPerson) -> list[Moved]:
    """Whose stretches differ, by person."""
    found = []
    for user_id in sorted({*before, *after}):
        was, will = set(before.get(user_id, ())), set(after.get(user_id, ()))
        if was != will:
            found.append(Moved(user_id, _in_order(was - will), _in_order(will - was)))
    return found


@transaction.atomic
def redraw(team_id: int, *, now: datetime) -> list[Moved]:
    """Draws the team's shifts anew from now to the horizon; what stays as it was is not touched.

    Shifts that are over are frozen. One that runs and no longer holds ends now, and the new holder's begins:
    a shift that is on is never emptied otherwise. Says whose shifts differ from what had been drawn; of a rota
    of which nothing had been drawn there is nothing to differ from. Locks the roster.
    """
    rules = lock_roster(team_id)
    known = Shift.objects.filter(team_id=team_id)
    first = not known.exists()
    known.filter(frozen=False, ends_at__lte=now).update(frozen=True)
    # Another host's clock may be ahead: what it froze stays as it is.
    now = max(now, known.filter(frozen=True).aggregate(end=Max("ends_at"))["end"] or now)
    drawn: dict[int, list[Shift]] = defaultdict(list)
    for shift in known.filter(frozen=False).order_by("starts_at"):
        drawn[shift.rota_id].append(shift)
    edges = {rota_id: own[-1].ends_at for rota_id, own in drawn.items()}
    before = _within(edges, (shift for own in drawn.values() for shift in own), now)
    redrawn = _drawn_anew(team_id, drawn, now, horizon_of(rules, now), first=first)
    _write(redrawn, now)
    return moved_between(before, _within(edges, (s for one in redrawn for s in one.all), now))


def _drawn_anew(
    team_id: int, drawn: Mapping[int, Sequence[Shift]], now: datetime, until: datetime, *, first: bool
) -> list[_Redrawn]:  # fmt: skip
    facts = facts_of([team_id])
    overrides = overrides_of([team_id], start=now, end=until)[team_id]
    return [
        _Redrawn(
            rota,
            drawn.get(rota.pk, ()),
            resolver.holdings(facts[rota.pk], overrides, start=now, end=until)
            if rota.active
            else (),
            now,
            since_ever=first,
        )
        for rota in Rota.objects.filter(team_id=team_id)
    ]


class _Redrawn:
    """One rota's shifts: which stay, which end elsewhere, which go, which come.

    `since_ever`: nothing is on record, so a shift that is on began when the rules say.
    """

    def __init__(
        self, rota: Rota, drawn: Sequence[Shift], held: Iterable[Holding], now: datetime,
        *, since_ever: bool,
    ) -> None:  # fmt: skip
        self.new: list[Shift] = []
        self.kept: list[Shift] = []
        self.ended_elsewhere: list[Shift] = []
        left = {max(shift.starts_at, now): shift for shift in drawn}
        for holding in held:
            starts_at = max(holding.starts_at, now)
            match = left.get(starts_at)
            if match is None or not _same(match, holding):
                self.new.append(
                    _shift(rota, holding, holding.starts_at if since_ever else starts_at)
                )
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
        known = {(one.user_id, "start", one.starts_at): one for one in self.gone}
        known |= {(one.user_id, "end", one.ends_at): one for one in self.gone}
        used = set()
        for shift in self.new:
            for edge in (("start", shift.starts_at), ("end", shift.ends_at)):
                same = known.get((shift.user_id, *edge))
                if same is not None and same.uid not in used:
                    used.add(same.uid)
                    shift.uid, shift.sequence = same.uid, same.sequence + 1
                    break


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
        Shift.objects.filter(pk__in=running).update(
            ends_at=now, frozen=True, sequence=F("sequence") + 1
        )
    if elsewhere:
        Shift.objects.bulk_update(elsewhere, ["ends_at", "sequence"])
    Shift.objects.bulk_create([shift for one in redrawn for shift in one.new], batch_size=2000)


def _within(edges: Mapping[int, datetime], shifts: Iterable[Shift], now: datetime) -> ByPerson:
    """Each person's stretches from now to the edge of what had been drawn of each rota."""
    return _stretches(
        (shift.user_id, shift.rota_id, max(shift.starts_at, now), min(shift.ends_at, edges[shift.rota_id]))
        for shift in shifts
        if shift.rota_id in edges
    )  # fmt: skip


def _stretches(pieces: Iterable[tuple[int, int, datetime, datetime]]) -> ByPerson:
    """Pieces (person, rota, from, until) by person; those of one rota that touch are one."""
    found: dict[int, list[Stretch]] = defaultdict(list)
    for user_id, rota_id, starts_at, ends_at in sorted(pieces):
        if starts_at >= ends_at:
            continue
        own = found[user_id]
        if own and (own[-1].rota_id, own[-1].ends_at) == (rota_id, starts_at):
            starts_at = own.pop().starts_at
        own.append(Stretch(rota_id, starts_at, ends_at))
    return found


def _in_order(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    return tuple(sorted(stretches, key=lambda one: (one.starts_at, one.rota_id)))
