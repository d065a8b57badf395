"""What a plan would make of a rota if it were published: read, reckoned, and nothing written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from rotations.enums import PlanState
from rotations.models import Plan, Rota
from rotations.queries.facts import PLAN_COLUMNS, PlanRow, facts_of, plan_rows
from rotations.queries.team import rules_of, team_facts
from rotations.rules import resolver
from rotations.rules.facts import Holding, TeamFacts
from rotations.rules.proof import Breach, added, has_primary, prove

NEXT_SHIFTS = 12
LOOKED_AHEAD = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Part:
    """A person's stretch of a rota."""

    rota_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Mover:
    """A person whose shifts would move: the stretches that go and those that come, in order."""

    user_id: int
    gone: tuple[Part, ...]
    come: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Foresight:
    """What would be: the rotas' next shifts by rota, what the proof would find, and who would move.

    `new` are the breaches that publishing brings, `standing` those that stand already. `until` is when a plan
    that was published before takes over again; None when none does.
    """

    effective_at: datetime
    shifts: Mapping[int, tuple[Holding, ...]]
    new: tuple[Breach, ...]
    standing: tuple[Breach, ...]
    movers: tuple[Mover, ...]
    until: datetime | None = None

    @property
    def blocking(self) -> tuple[Breach, ...]:
        """What refuses the publishing unless a manager waives it."""
        return tuple(breach for breach in self.new if breach.blocking)


def row_of(plan: Plan, members: Iterable[int]) -> PlanRow:
    """A plan as the rules read it, be it saved or not, with these people."""
    columns = {name: getattr(plan, name) for name in PLAN_COLUMNS}
    return PlanRow(id=plan.pk or 0, members=tuple(members), **columns)


def next_handoff(rota: Rota, row: PlanRow, *, now: datetime) -> datetime:
    """When a draft takes over "at the next handoff": the rota's own next boundary; a rota that has none
    begins with the draft's. Two queries, or four."""
    facts = facts_of([rota.team_id])[rota.pk]
    found = resolver.next_boundary(facts, now)
    if found is None:
        alone = facts_of([rota.team_id], instead={rota.pk: [replace(row, effective_at=None)]})
        found = resolver.next_boundary(alone[rota.pk], now)
    return found or now


def foresee(rota: Rota, row: PlanRow, *, effective_at: datetime, now: datetime) -> Foresight:
    """What publishing this plan alone would do from that instant on."""
    return foresee_together(rota.team_id, [row], effective_at=effective_at, now=now)


def foresee_together(
    team_id: int, rows: Sequence[PlanRow], *, effective_at: datetime, now: datetime
) -> Foresight:
    """What publishing these plans of one team's rotas at one instant would do, to the horizon.

    Nineteen queries, however many rotas there are.
    """
    until = now + timedelta(weeks=rules_of(team_id).horizon_weeks)
    published: dict[int, list[PlanRow]] = defaultdict(list)
    for published_row in plan_rows([team_id]):
        published[published_row.rota_id].append(published_row)
    instead = {row.rota_id: _with(published[row.rota_id], row, effective_at) for row in rows}
    before = team_facts(team_id, start=now, end=until)
    after = team_facts(team_id, start=now, end=until, instead=instead)
    found = prove(after, start=now, end=until)
    # What is missing before the first plan is published, publishing does not bring.
    asked = replace(before, asks_for_cover=has_primary(after))
    new = added(prove(asked, start=now, end=until), found)
    by_id = {rota.id: rota for rota in after.rotas}
    return Foresight(
        effective_at=effective_at,
        shifts={
            row.rota_id: tuple(
                islice(
                    resolver.holdings(
                        by_id[row.rota_id], after.overrides, start=now, end=now + LOOKED_AHEAD
                    ),
                    NEXT_SHIFTS,
                )
            )
            for row in rows
            if row.rota_id in by_id
        },
        new=new,
        standing=tuple(breach for breach in found if breach not in new),
        movers=_movers(before, after, now, until),
        until=min(
            (
                one.effective_at
                for row in rows
                for one in published[row.rota_id]
                if one.effective_at is not None and one.effective_at > effective_at
            ),
            default=None,
        ),
    )


def superseded_by(draft: Plan) -> Plan | None:
    """The plan that was published after the draft was begun; None when nothing was."""
    newest = newest_plan(draft.rota_id)
    return None if newest is None or newest.pk == draft.based_on_id else newest


def newest_plan(rota_id: int) -> Plan | None:
    """The rota's plan that was published last, be it in force yet or not."""
    return (
        Plan.objects.filter(rota_id=rota_id, state=PlanState.PUBLISHED)
        .select_related("published_by")
        .order_by("-pk")
        .first()
    )


def plan_in_force(rota_id: int, *, at: datetime) -> Plan | None:
    """The rota's plan in force at the instant."""
    published = Plan.objects.filter(rota_id=rota_id, state=PlanState.PUBLISHED)
    return (
        published.filter(effective_at__lte=at).order_by("-effective_at").first()
        or published.filter(effective_at=None).first()
    )


def _with(published: Sequence[PlanRow], row: PlanRow, effective_at: datetime) -> list[PlanRow]:
    """The rota's plans with one more; one that was to begin at the same instant gives way."""
    before = [p for p in published if p.effective_at is None or p.effective_at < effective_at]
    later = [p for p in published if p.effective_at is not None and p.effective_at > effective_at]
    return [*before, replace(row, effective_at=effective_at), *later]


def _movers(
    before: TeamFacts, after: TeamFacts, now: datetime, until: datetime
) -> tuple[Mover, ...]:
    was, will = _parts(before, now, until), _parts(after, now, until)
    found = []
    for user_id in sorted({*was, *will}):
        gone, come = was[user_id] - will[user_id], will[user_id] - was[user_id]
        if gone or come:
            found.append(Mover(user_id, _in_order(gone), _in_order(come)))
    return tuple(found)


def _parts(team: TeamFacts, now: datetime, until: datetime) -> defaultdict[int, set[Part]]:
    """Each person's stretches from now to then; those of one rota that touch are one."""
    found: defaultdict[int, set[Part]] = defaultdict(set)
    for rota in team.rotas:
        held: Part | None = None
        holder = 0
        for one in resolver.holdings(rota, team.overrides, start=now, end=until):
            part = Part(rota.id, max(one.starts_at, now), min(one.ends_at, until))
            if held and (holder, held.ends_at) == (one.user_id, part.starts_at):
                held = replace(held, ends_at=part.ends_at)
                continue
            if held:
                found[holder].add(held)
            held, holder = part, one.user_id
        if held:
            found[holder].add(held)
    return found


def _in_order(parts: set[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (part.starts_at, part.rota_id)))
