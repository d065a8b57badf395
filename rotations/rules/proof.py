"""The roster proof: what is wrong with a team's roster, in which minutes, under which clause."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rotations.enums import BreachKind, Level
from rotations.rules.facts import Holding, PersonFacts, RotaFacts, TeamFacts
from rotations.rules.resolver import boundaries, holdings
from rotations.rules.stretches import Stretch, both, merged, without

LOOK_BACK = timedelta(days=35)
"""How far before the first instant the proof looks, to say since when a breach has stood."""

BREAK = timedelta(days=3)
"""A shorter pause, such as a weekend, does not end a row of weeks."""

_REACHED_UNDER = {Level.PRIMARY: "C167", Level.SECONDARY: "C168", Level.TERTIARY: "C169"}
_OF_NO_PERSON = (BreachKind.GAP, BreachKind.NO_SECOND, BreachKind.MISALIGNED)


@dataclass(frozen=True, slots=True)
class Breach:
    """One finding: what, under which clause, whom, from when until just before when (UTC).

    `clause` is empty where no clause speaks of it. `said` is a sentence without instants. `key` is the same in
    the next look for what is still the same finding.
    """

    kind: BreachKind
    key: str
    clause: str
    level: str
    rota_id: int | None
    user_ids: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime
    blocking: bool
    said: str


def prove(team: TeamFacts, *, start: datetime, end: datetime) -> tuple[Breach, ...]:
    """What is wrong with the team's roster between the instants, by its beginning.

    What runs at the start is given since when it stands, as far as the proof looks back; nothing is given beyond
    the end but the rest of a shift. A shadow's breach never blocks, nor do short rest, weeks in a row and
    holidays. Cover and two people are asked of a team that has a primary rota with a plan, or of which
    `asks_for_cover` is set; where a team need not be covered always, two people are needed while somebody is primary.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    proof = _Proof(team, start - LOOK_BACK, end)
    found = [
        *proof.uncovered(),
        *proof.misaligned(start),
        *proof.unfit(),
        *proof.away(),
        *proof.tired(),
        *proof.holidays(start),
    ]
    lasting = (breach for breach in found if breach.ends_at > start and breach.starts_at < end)
    return tuple(sorted(lasting, key=lambda breach: (breach.starts_at, breach.key)))


def has_primary(team: TeamFacts) -> bool:
    """Whether it has a primary rota with a plan: one that was only drafted is no roster yet."""
    return any(rota.level == Level.PRIMARY and rota.plans for rota in team.rotas)


def added(before: Iterable[Breach], after: Iterable[Breach]) -> tuple[Breach, ...]:
    """The breaches of `after` with a minute that no breach of `before` of the same kind, rota and person holds.

    So a change that mends a part of a breach adds none, though what is left of it may begin elsewhere.
    """
    known: dict[tuple[object, ...], list[Stretch]] = defaultdict(list)
    for breach in before:
        known[_alike(breach)].append((breach.starts_at, breach.ends_at))
    return tuple(
        breach
        for breach in after
        if without((breach.starts_at, breach.ends_at), merged(known[_alike(breach)]))
    )


def _alike(breach: Breach) -> tuple[object, ...]:
    if breach.kind in _OF_NO_PERSON:
        return breach.kind, breach.rota_id
    return breach.kind, breach.rota_id, breach.user_ids


class _Proof:
    """A team's holdings from the floor to the end, and what is to be said of them."""

    def __init__(self, team: TeamFacts, floor: datetime, end: datetime) -> None:
        self.team, self.floor, self.end = team, floor, end
        self.rotas = team.rotas
        self.held = {
            rota.id: list(holdings(rota, team.overrides, start=floor, end=end))
            for rota in team.rotas
        }

    def uncovered(self) -> Iterator[Breach]:
        """Minutes without a primary, and minutes with fewer than two people."""
        if not self.team.asks_for_cover and not has_primary(self.team):
            return
        limits = self.team.limits
        primary, second = (
            [held for rota in self._of(level) for held in self.held[rota.id]]
            for level in (Level.PRIMARY, Level.SECONDARY)
        )
        covered = merged((held.starts_at, held.ends_at) for held in primary)
        whole = (self.floor, self.end)
        if limits.cover_always:
            for gap in without(whole, covered):
                yield self._breach(
                    BreachKind.GAP, gap, "Nobody is primary on call.",
                    clause="C6", level=Level.PRIMARY,
                )  # fmt: skip
        if limits.two_people:
            for stretch, people in _too_few([*primary, *second], whole):
                for part in [stretch] if limits.cover_always else both(stretch, covered):
                    yield self._breach(
                        BreachKind.NO_SECOND, part, f"{self._alone(people)}; two people are needed.",
                        clause="C11", level=Level.SECONDARY, people=people, named=False,
                    )  # fmt: skip

    def misaligned(self, start: datetime) -> Iterator[Breach]:
        """Secondaries with shifts of their own that begin or end when no primary's does."""
        primaries = [rota for rota in self._of(Level.PRIMARY) if rota.plans]
        told = {at for rota in primaries for at in self._boundaries(rota, start)}
        for rota in self._of(Level.SECONDARY) if primaries else ():
            own = set(self._boundaries(rota, start))
            wrong = own ^ told if len(primaries) == 1 else own - told
            if wrong and any(plan.members or plan.base for plan in rota.plans):
                agreed = [at for at in own & told if at > max(wrong)]
                stretch = (min(wrong), min(agreed, default=self.end))
                yield self._breach(
                    BreachKind.MISALIGNED, stretch,
                    "The secondary's shifts begin and end when the primary's do not.",
                    clause="C9", level=Level.SECONDARY, rota=rota, since=False,
                )  # fmt: skip

    def unfit(self) -> Iterator[Breach]:
        """Stretches held by people who have left, cannot be reached or are not ready."""
        for rota in self.rotas:
            for user_id, stretches in _by_person(self.held[rota.id]).items():
                fault = self._fault(self.team.people.get(user_id), rota)
                if fault is None:
                    continue
                kind, said, clause = fault
                for stretch in stretches:
                    yield self._breach(
                        kind, stretch, f"{self._names([user_id])} {said}.",
                        clause=clause, level=rota.level, rota=rota, people=[user_id],
                    )  # fmt: skip

    def _fault(
        self, person: PersonFacts | None, rota: RotaFacts
    ) -> tuple[BreachKind, str, str] | None:
        duty = f"is {rota.level} on call"
        if person is None or not person.active:
            return BreachKind.INACTIVE, f"{duty} and has left", "C8"
        if not person.reachable:
            clause = _REACHED_UNDER.get(Level(rota.level), "")
            return BreachKind.UNREACHABLE, f"{duty} and has no verified way to be reached", clause
        if not person.ready:
            return BreachKind.NOT_READY, f"{duty} and is not ready for it", ""
        return None

    def away(self) -> Iterator[Breach]:
        """Stretches held by people who have time off then."""
        off: dict[int, list[Stretch]] = defaultdict(list)
        for one in self.team.time_off:
            off[one.user_id].append((one.starts_at.astimezone(UTC), one.ends_at.astimezone(UTC)))
        for rota in self.rotas:
            for user_id, stretches in _by_person(self.held[rota.id]).items():
                for stretch in stretches if user_id in off else ():
                    for part in both(stretch, merged(off[user_id])):
                        yield self._breach(
                            BreachKind.TIME_OFF, part,
                            f"{self._names([user_id])} is {rota.level} on call and has time off.",
                            clause="C6", level=rota.level, rota=rota, people=[user_id],
                        )  # fmt: skip

    def tired(self) -> Iterator[Breach]:
        """Pauses that are too short, and rows of weeks that are too long, over all levels but the shadow."""
        limits = self.team.limits
        duty = [
            held for rota in self.rotas if rota.level != Level.SHADOW for held in self.held[rota.id]
        ]
        most = timedelta(weeks=limits.most_weeks_in_row, hours=1)  # the hour of a clock change
        for user_id, stretches in _by_person(duty).items():
            name = self._names([user_id])
            for earlier, later in zip(stretches, stretches[1:], strict=False):
                if later[0] - earlier[1] < limits.min_rest:
                    yield self._breach(
                        BreachKind.REST_SHORT, (earlier[1], later[0]),
                        f"{name} has less rest between two shifts than the team allows.",
                        people=[user_id], blocking=False,
                    )  # fmt: skip
            for row in merged(stretches, within=BREAK):
                if limits.most_weeks_in_row and row[1] - row[0] > most:
                    yield self._breach(
                        BreachKind.WEEKS_IN_ROW, row,
                        f"{name} is on call for more weeks in a row than the team allows.",
                        people=[user_id], blocking=False,
                    )  # fmt: skip

    def holidays(self, start: datetime) -> Iterator[Breach]:
        """Who holds a rota on a public holiday."""
        zone = ZoneInfo(self.team.zone)
        for day, name in sorted(self.team.holidays.items()):
            begin = datetime.combine(day, time(0), zone).astimezone(UTC)
            end = datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)
            if end <= start or begin >= self.end:
                continue
            for rota in self.rotas:
                people = {
                    held.user_id: None
                    for held in self.held[rota.id]
                    if held.starts_at < end and held.ends_at > begin
                }
                if people:
                    verb = "is" if len(people) == 1 else "are"
                    yield self._breach(
                        BreachKind.HOLIDAY, (begin, end),
                        f"{self._names(people)} {verb} {rota.level} on call on a holiday: {name}.",
                        clause="X10", level=rota.level, rota=rota, people=people, blocking=False,
                        named=False,
                    )  # fmt: skip

    def _breach(
        self,
        kind: BreachKind,
        stretch: Stretch,
        said: str,
        *,
        clause: str = "",
        level: str = "",
        rota: RotaFacts | None = None,
        people: Iterable[int] = (),
        blocking: bool | None = None,
        since: bool = True,
        named: bool = True,
    ) -> Breach:
        """`since` and `named` say whether its beginning and its people are part of what it is."""
        users = tuple(people)
        parts = [kind.value, str(rota.id) if rota else ""]
        parts.append(",".join(str(user_id) for user_id in users) if named else "")
        if since:
            ever = stretch[0] <= self.floor
            parts.append("ever" if ever else f"{stretch[0]:%Y-%m-%dT%H:%M:%S.%fZ}")
        return Breach(
            kind=kind,
            key="|".join(parts),
            clause=clause,
            level=level,
            rota_id=rota.id if rota else None,
            user_ids=users,
            starts_at=stretch[0],
            ends_at=stretch[1],
            blocking=level != Level.SHADOW if blocking is None else blocking,
            said=said,
        )

    def _of(self, level: Level) -> list[RotaFacts]:
        return [rota for rota in self.rotas if rota.level == level]

    def _boundaries(self, rota: RotaFacts, start: datetime) -> Iterator[datetime]:
        return boundaries(rota, start=start, end=self.end)

    def _alone(self, people: Sequence[int]) -> str:
        if not people:
            return "Nobody is on call"
        if len(people) == 1:
            return f"{self._names(people)} is on call alone"
        return f"{self._names(people)} are on call alone, one after the other"

    def _names(self, user_ids: Iterable[int]) -> str:
        people = self.team.people
        names = [
            people[user_id].name if user_id in people else f"person {user_id}"
            for user_id in user_ids
        ]
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _by_person(held: Iterable[Holding]) -> dict[int, list[Stretch]]:
    """Each person's stretches, those that touch as one."""
    found: dict[int, list[Stretch]] = defaultdict(list)
    for one in held:
        found[one.user_id].append((one.starts_at, one.ends_at))
    return {user_id: merged(stretches) for user_id, stretches in found.items()}


def _too_few(held: Sequence[Holding], whole: Stretch) -> Iterator[tuple[Stretch, list[int]]]:
    """The stretches in which fewer than two people hold something, and who holds it in them."""
    edges: dict[datetime, list[tuple[int, int]]] = defaultdict(list)
    for one in held:
        edges[max(one.starts_at, whole[0])].append((one.user_id, 1))
        edges[min(one.ends_at, whole[1])].append((one.user_id, -1))
    instants = sorted({*edges, *whole})
    holding: Counter[int] = Counter()
    since: datetime | None = None
    people: dict[int, None] = {}
    for at in instants:
        for user_id, change in edges[at]:
            holding[user_id] += change
        there = [user_id for user_id, number in holding.items() if number > 0]
        if since is not None and (len(there) > 1 or at >= whole[1]):
            yield (since, at), list(people)
            since = None
        if len(there) < 2 and at < whole[1]:
            if since is None:
                since, people = at, {}
            people |= dict.fromkeys(there)
