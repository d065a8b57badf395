"""Who holds the rotas over some weeks, as a calendar shows it: what was, what will be, and what nobody holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from rotations.enums import Level, Why
from rotations.models import RosterRules, Rota, Shift
from rotations.queries.facts import facts_of, overrides_of
from rotations.rules import resolver
from rotations.rules.facts import OverrideFacts, RotaFacts

ORDER = {Level.PRIMARY: 0, Level.SECONDARY: 1, Level.TERTIARY: 2, Level.SHADOW: 3}


@dataclass(frozen=True, slots=True)
class Held:
    """One person holds a rota from `starts_at` until just before `ends_at` (UTC), and why."""

    rota_id: int
    user_id: int
    starts_at: datetime
    ends_at: datetime
    why: Why
    override_id: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody holds a level that must be held."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A rota's stretches in order, and the gaps of its level."""

    rota: Rota
    held: tuple[Held, ...]
    gaps: tuple[Gap, ...]


def lines_of(rotas: Sequence[Rota], *, start: datetime, end: datetime, now: datetime) -> list[Line]:
    """The calendar of the rotas between the instants, by team and level. Five queries, however many there are.

    What is over is read from the shifts as recorded, what is to come from the rules; so is what lies before a
    rota's record begins, as `held_between` has it. A stretch that reaches over the range is given whole.
    Gaps are of the team's level, whichever of its rotas the reader sees.
    """
    team_ids = {rota.team_id for rota in rotas}
    read = _Read(team_ids, start=start, end=end, now=now)
    lines = []
    for rota in sorted(rotas, key=_place):
        gaps = read.gaps(rota.team_id, rota.level) if rota.active else ()
        lines.append(Line(rota, read.held[rota.pk], gaps))
    return lines


def _place(rota: Rota) -> tuple[str, int, int, str]:
    return (rota.team.name, rota.team_id, ORDER[Level(rota.level)], rota.name)


class _Read:
    """Everything the teams' active rotas hold in the range; the gaps are worked out where they are asked for."""

    def __init__(
        self, team_ids: Collection[int], *, start: datetime, end: datetime, now: datetime
    ) -> None:
        self._start, self._end, self._now = start, end, now
        facts = facts_of(team_ids)
        overrides = overrides_of(team_ids, start=start, end=end)
        first = (
            Shift.objects.filter(rota=OuterRef("pk")).order_by("ends_at").values("starts_at")[:1]
        )
        rows: Iterable[Any] = (
            Rota.objects.filter(team_id__in=team_ids)
            .annotate(since=Subquery(first))
            .values_list("pk", "team_id", "active", "since")
        )
        recorded = _recorded(team_ids, start, end, now) if start < now else {}
        self.held: dict[int, tuple[Held, ...]] = {}
        self._of_level: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._always: dict[int, bool] = {}
        self._with_primary: set[int] = set()
        for pk, team_id, active, since in rows:
            rota = facts[pk]
            if active:
                self._of_level[team_id, rota.level].append(pk)
                if rota.level == Level.PRIMARY and rota.plans:
                    self._with_primary.add(team_id)
            self._always[pk] = not any(plan.hours for plan in rota.plans)
            known = list(recorded.get(pk, ()))
            if active:
                known = self._with_rules(rota, overrides[team_id], known, since)
            self.held[pk] = tuple(known)
        self._asked = {
            rules.team_id: rules for rules in RosterRules.objects.filter(team_id__in=team_ids)
        }

    def _with_rules(
        self,
        rota: RotaFacts,
        overrides: Iterable[OverrideFacts],
        recorded: Sequence[Held],
        since: datetime | None,
    ) -> list[Held]:
        """The record between what the rules say of the time before it and of the time from now on."""
        if since is None or since >= self._now:
            return self._rules_say(rota, overrides, self._start, self._end)
        before = self._rules_say(rota, overrides, self._start, min(since, self._end))
        found = [replace(one, ends_at=min(one.ends_at, since)) for one in before]
        found += recorded
        from_now = max(self._start, self._now)
        for held in self._rules_say(rota, overrides, from_now, self._end):
            if held.starts_at < from_now and self._start < self._now:
                held = replace(held, starts_at=from_now)
            if found and _goes_on(found[-1], held):
                held = replace(held, starts_at=found.pop().starts_at)
            found.append(held)
        return found

    def _rules_say(
        self, rota: RotaFacts, overrides: Iterable[OverrideFacts], start: datetime, end: datetime
    ) -> list[Held]:
        return [
            Held(rota.id, one.user_id, one.starts_at, one.ends_at, one.why, one.override_id)
            for one in resolver.holdings(rota, overrides, start=start, end=end)
        ]

    def gaps(self, team_id: int, level: str) -> tuple[Gap, ...]:
        """Where nobody holds the level though the team's rules ask for it; in the past only since its first
        stretch. A team without a published primary has no roster yet, and no gap."""
        if team_id not in self._with_primary:
            return ()
        rotas = self._of_level[team_id, level]
        rules = self._asked.get(team_id) or RosterRules(team_id=team_id)
        asked = {Level.PRIMARY: rules.cover_always, Level.SECONDARY: rules.two_people}.get(
            Level(level), False
        )
        if not asked and not (level == Level.PRIMARY and all(self._always[pk] for pk in rotas)):
            return ()
        held = sorted(
            ((one.starts_at, one.ends_at) for pk in rotas for one in self.held[pk]),
        )
        at = self._start
        if at < self._now:
            at = max(at, min((held[0][0] if held else self._now), self._now))
        found = []
        for starts_at, ends_at in held:
            if starts_at > at:
                found.append(Gap(at, min(starts_at, self._end)))
            at = max(at, ends_at)
        if at < self._end:
            found.append(Gap(at, self._end))
        return tuple(found)


def _goes_on(before: Held, after: Held) -> bool:
    """Whether the rules go on with the very stretch that was recorded."""
    return (before.ends_at, before.user_id, before.override_id, before.why) == (
        after.starts_at,
        after.user_id,
        after.override_id,
        after.why,
    )


def _recorded(
    team_ids: Collection[int], start: datetime, end: datetime, now: datetime
) -> Mapping[int, Sequence[Held]]:
    """The shifts as they were, by rota, each cut where the rules take over."""
    rows = Shift.objects.filter(
        team_id__in=team_ids, ends_at__gt=start, starts_at__lt=min(end, now)
    ).order_by("starts_at")
    found: dict[int, list[Held]] = defaultdict(list)
    for rota_id, user_id, starts_at, ends_at, why, override_id in rows.values_list(
        "rota_id", "user_id", "starts_at", "ends_at", "why", "override_id"
    ):
        until = min(ends_at, now) if end > now else ends_at
        held = Held(rota_id, user_id, starts_at, until, Why(why), override_id)
        found[rota_id].append(held)
    return found
