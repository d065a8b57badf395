"""What an incident owes and whom it pages, from its opening to its end.

The same functions run a real incident (`services`), draw the preview and prove that both agree:
`promised` says what falls due, `fire`, `open_doors` and `repeat` say whom it pages, `foresee` plays
the whole future through when nobody answers. Nothing here reads a clock or a database.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from directory.rules.calendar import BusinessCalendar, due_at, is_open, next_opening
from incidents.enums import Promised, Status
from incidents.rules.lifecycle import BURNING
from procedures.rules.policy import Path, Policy, Severity, Step, Target, Trigger
from rotations.rules.roster import Person, Roster

FALLBACK = "fallback"
SMES = "smes"
ALL_HANDS = "all-hands"
SME_CLAUSE = "C21"
ALL_HANDS_CLAUSE = "C49"
OPENING_CLAUSE = "C64"
END_CLAUSE = "X17"
MAIL_ONLY = ("mail",)

Urgency = Literal["high", "low"]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who could be paged at an instant. `fallback` stands behind every path: managers, then admins."""

    roster: Roster
    fallback: Sequence[int] = ()
    experts: Sequence[int] = ()
    other_primaries: tuple[int, ...] = ()
    people: Mapping[int, Person] = field(default_factory=dict)

    def reachable(self, user_id: int) -> bool:
        """Whether the person has a way to be reached."""
        person = self.roster.people.get(user_id) or self.people.get(user_id)
        return person is not None and person.reachable


StaffAt = Callable[[datetime], Staff]


@dataclass(frozen=True, slots=True)
class Reached:
    """A step that has fired: of which path, why, and the instant it was due."""

    path: str
    step: str
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules know of one incident.

    `zero` is where its clocks start (its opening; a reopening starts them anew), `paused` the time
    they stood still while it was mitigated (X6). `engaged` have acknowledged and are paged no more;
    `declined` have said that they cannot take it. `settled` names the duties that are over.
    """

    severity: str
    kind: str
    zero: datetime
    status: Status = Status.TRIGGERED
    plan: int = 1
    paused: timedelta = timedelta()
    flags: frozenset[str] = frozenset()
    updated: bool = False
    owner_id: int | None = None
    reached: tuple[Reached, ...] = ()
    paged: Mapping[int, datetime] = field(default_factory=dict)
    engaged: frozenset[int] = frozenset()
    declined: frozenset[int] = frozenset()
    settled: frozenset[str] = frozenset()

    @property
    def unanswered(self) -> bool:
        return self.status == Status.TRIGGERED

    @property
    def burning(self) -> bool:
        return self.status in BURNING

    @property
    def climbed(self) -> frozenset[tuple[str, str]]:
        """The steps reached since the clocks started: a reopened incident climbs its path anew."""
        return frozenset((item.path, item.step) for item in self.reached if item.at >= self.zero)


@dataclass(frozen=True, slots=True)
class PlannedPromise:
    """A promise as the rules plan it. `name` is unique within its incident; `act` overrides the kind."""

    kind: Promised
    name: str
    due_at: datetime
    clause: str
    round: int = 0
    act: bool | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedPage:
    """One person is to be paged for one step. `methods` None means by whatever they have set up."""

    at: datetime
    user_id: int
    path: str
    step: str
    cause: str
    label: str
    clause: str
    round: int = 0
    urgency: Urgency = "high"
    held_until: datetime | None = None
    methods: tuple[str, ...] | None = None

    @property
    def step_key(self) -> str:
        return f"{self.path}/{self.step}/{self.cause}"


@dataclass(frozen=True, slots=True)
class EmptyStep:
    """A step that reached nobody: `why` says so in words."""

    at: datetime
    path: str
    step: str
    label: str
    clause: str
    why: str


@dataclass(frozen=True, slots=True)
class Fired:
    """What came of a step: the pages, the steps that reached nobody, those whose people were called
    already or answer, who takes over, and the facts after it."""

    facts: Facts
    pages: tuple[PlannedPage, ...] = ()
    empty: tuple[EmptyStep, ...] = ()
    takes_over: int | None = None
    already: tuple[EmptyStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The whole future of an incident that nobody answers."""

    promises: tuple[PlannedPromise, ...]
    pages: tuple[PlannedPage, ...]
    empty: tuple[EmptyStep, ...]
    until: datetime
    goes_on: str


# -- what falls due ---------------------------------------------------------------------------


def promised(
    policy: Policy, facts: Facts, calendar: BusinessCalendar, *, now: datetime, fresh: bool = True
) -> tuple[PlannedPromise, ...]:
    """Everything that is owed from here on, in the order in which it is to be kept.

    Clocks run from `facts.zero`; one that is already over is due now. `fresh` lets the steps that
    fire at once do so: at the opening, and when a severity is raised, but not when it is lowered.
    """
    severity = policy.severity(facts.severity)
    found = [*_duties(severity, facts, calendar), *_nudges(severity, facts, calendar)]
    if severity.pages:
        for path in policy.paths_for(facts.kind, facts.severity):
            found += _steps(severity, path, facts, calendar, now=now, fresh=fresh)
        if facts.unanswered:
            for path in policy.paths_for(facts.kind, facts.severity):
                found.append(_first_repeat(severity, path, facts, calendar, now=now))
            if severity.hold_until_business_hours and not is_open(calendar, now):
                found.append(
                    PlannedPromise(
                        Promised.OPENING,
                        f"opening.{facts.plan}",
                        next_opening(calendar, now),
                        severity.response_clause or OPENING_CLAUSE,
                    )
                )
    return tuple(replace(item, due_at=max(item.due_at, now)) for item in found)


def _duties(
    severity: Severity, facts: Facts, calendar: BusinessCalendar
) -> Iterable[PlannedPromise]:
    plan = facts.plan
    if (
        severity.acknowledge_within
        and facts.unanswered
        and Promised.ACKNOWLEDGE not in facts.settled
    ):
        due = due_at(calendar, facts.zero, severity.acknowledge_within, severity.acknowledge_clock)
        yield PlannedPromise(
            Promised.ACKNOWLEDGE, f"acknowledge.{plan}", due, severity.acknowledge_clause
        )
    if (
        severity.first_update_within
        and not facts.updated
        and Promised.FIRST_UPDATE not in facts.settled
    ):
        due = due_at(calendar, facts.zero, severity.first_update_within, severity.clock)
        yield PlannedPromise(
            Promised.FIRST_UPDATE, f"first_update.{plan}", due, severity.first_update_clause
        )
    if severity.resolve_within and Promised.RESOLVE not in facts.settled:
        due = due_at(calendar, _unpaused(facts), severity.resolve_within, severity.clock)
        yield PlannedPromise(Promised.RESOLVE, f"resolve.{plan}", due, severity.resolve_clause)


def _nudges(
    severity: Severity, facts: Facts, calendar: BusinessCalendar
) -> Iterable[PlannedPromise]:
    """A first update that was missed and is still owed goes on being asked for."""
    if facts.updated or Promised.FIRST_UPDATE not in facts.settled:
        return
    due = due_at(
        calendar,
        facts.zero,
        severity.first_update_within or severity.update_every or _HOUR,
        severity.clock,
    )
    yield next_nudge(severity, facts, calendar, round_number=1, at=due)


def _steps(
    severity: Severity,
    path: Path,
    facts: Facts,
    calendar: BusinessCalendar,
    *,
    now: datetime,
    fresh: bool,
) -> Iterable[PlannedPromise]:
    done = {
        (item.path, item.step, item.cause)
        for item in facts.reached
        if item.at >= facts.zero or item.cause.startswith("flag-")
    }
    for step in path.steps:
        for trigger in step.triggers:
            due = _due_of(severity, trigger, facts, calendar, now=now, fresh=fresh)
            if due is None or (path.slug, step.key, cause_of(trigger)) in done:
                continue
            yield promise_of_step(path, step, trigger, facts, due)


def promise_of_step(
    path: Path, step: Step, trigger: Trigger, facts: Facts, due: datetime
) -> PlannedPromise:
    """The act of paging a step, once, for one reason."""
    cause = cause_of(trigger)
    return PlannedPromise(
        Promised.STEP,
        f"step.{facts.plan}.{path.slug}.{step.key}.{cause}",
        due,
        step.clause,
        payload={"path": path.slug, "step": step.key, "cause": cause, "waits": trigger.kind},
    )


def _due_of(
    severity: Severity,
    trigger: Trigger,
    facts: Facts,
    calendar: BusinessCalendar,
    *,
    now: datetime,
    fresh: bool,
) -> datetime | None:
    if trigger.kind == "at_once":
        return now if fresh and facts.burning else None
    if trigger.kind == "unacknowledged":
        within = trigger.after or severity.acknowledge_within
        if not facts.unanswered or within is None:
            return None
        return due_at(calendar, facts.zero, within, severity.acknowledge_clock)
    if trigger.kind == "unresolved" and trigger.after is not None:
        return due_at(calendar, _unpaused(facts), trigger.after, severity.clock)
    if trigger.kind == "flag" and trigger.flag in facts.flags:
        return now
    return None


def _unpaused(facts: Facts) -> datetime:
    """Where the clocks of “unresolved” start, so that they end within business hours if they must."""
    return facts.zero + facts.paused


def cause_of(trigger: Trigger) -> str:
    """Why a step fires, as one word: "at-once", "unacknowledged", "unresolved-30m", "flag-major"."""
    return str(trigger).replace(" ", "-")


def _first_repeat(
    severity: Severity, path: Path, facts: Facts, calendar: BusinessCalendar, *, now: datetime
) -> PlannedPromise:
    every = path.repeats_for(severity.code)
    if every is not None:
        return next_repeat(severity, path, facts, calendar, round_number=0, at=now)
    answer_by = due_at(
        calendar, facts.zero, severity.acknowledge_within or _HOUR, severity.acknowledge_clock
    )
    return next_repeat(severity, path, facts, calendar, round_number=0, at=max(now, answer_by))


def next_repeat(
    severity: Severity,
    path: Path,
    facts: Facts,
    calendar: BusinessCalendar,
    *,
    round_number: int,
    at: datetime,
) -> PlannedPromise:
    """The repeat after `at` (X17): on the grid that starts at zero where the severity repeats round
    the clock, and otherwise at each opening of business, so that no path ends in silence.
    """
    every = path.repeats_for(severity.code)
    if every is not None:
        length = due_at(calendar, facts.zero, every, "elapsed") - facts.zero
        round_number = int((at - facts.zero) / length) + 1
        due = facts.zero + length * round_number
    else:
        round_number += 1
        due = _opening_after(calendar, at)
    return PlannedPromise(
        Promised.REPEAT,
        f"repeat.{facts.plan}.{path.slug}.{round_number}",
        due,
        path.repeat_clause or END_CLAUSE,
        round=round_number,
        payload={"path": path.slug},
    )


def next_nudge(
    severity: Severity, facts: Facts, calendar: BusinessCalendar, *, round_number: int, at: datetime
) -> PlannedPromise:
    """When to ask again for a first update that was missed at, or asked for last at, `at`."""
    every = severity.update_every or severity.first_update_within or _HOUR
    return PlannedPromise(
        Promised.NUDGE,
        f"nudge.{facts.plan}.{round_number}",
        due_at(calendar, at, every, severity.clock),
        severity.update_clause or severity.first_update_clause,
        round=round_number,
    )


def next_update(
    severity: Severity, facts: Facts, calendar: BusinessCalendar, *, round_number: int, at: datetime
) -> PlannedPromise | None:
    """The update owed after the one at `at`; None where the severity asks for none (C132 to C134).

    Where the cadence is a reminder it is an act of the portal: nobody can miss it (X2).
    """
    if severity.update_every is None:
        return None
    return PlannedPromise(
        Promised.UPDATE,
        f"update.{facts.plan}.{round_number}",
        due_at(calendar, at, severity.update_every, severity.clock),
        severity.update_clause,
        round=round_number,
        act=True if severity.update_is_reminder else None,
    )


@dataclass(frozen=True, slots=True)
class _Seconds:
    seconds: int
    business_days: int = 0


_HOUR: Any = _Seconds(3600)


def _opening_after(calendar: BusinessCalendar, at: datetime) -> datetime:
    zone = ZoneInfo(calendar.zone)
    tomorrow = at.astimezone(zone).date() + timedelta(days=1)
    return next_opening(calendar, datetime.combine(tomorrow, time(), zone))


# -- whom it pages ----------------------------------------------------------------------------


def path_named(policy: Policy, slug: str) -> Path:
    """The path of this slug. Raises `LookupError` when the version has none."""
    for path in policy.paths:
        if path.slug == slug:
            return path
    raise LookupError(f"{policy.slug} version {policy.version} has no path {slug}")


def step_named(path: Path, key: str) -> Step:
    """The step of this key, those that join the repeats included. Raises `LookupError`."""
    for step in (*path.steps, *(extra for _, extra in path.repeat_extras)):
        if step.key == key:
            return step
    raise LookupError(f"the path {path.slug} has no step {key}")


def fire(
    policy: Policy,
    facts: Facts,
    staff_at: StaffAt,
    calendar: BusinessCalendar,
    steps: Iterable[tuple[str, str, str]],
    *,
    at: datetime,
    round_number: int = 0,
    on_demand: bool = False,
    skip: frozenset[int] = frozenset(),
) -> Fired:
    """Pages the steps given as (path, step, cause), all at this instant.

    A person is paged once per instant. A step that reaches nobody does not wait: the next one of its
    path fires at once; after the last, the team's managers and the admins. `on_demand` is a person's
    wish and is never held until business hours. Those to `skip` have been called already.
    """
    batch = list(steps)
    facts = replace(
        facts,
        reached=(*facts.reached, *(Reached(path, step, cause, at) for path, step, cause in batch)),
    )
    run = _Run(policy, facts, staff_at, calendar, at, round_number, on_demand, skip)
    for path_slug, step_key, cause in batch:
        path = path_named(policy, path_slug)
        run.climb(path, step_named(path, step_key), cause)
    return run.result()


def repeat(
    policy: Policy,
    facts: Facts,
    staff_at: StaffAt,
    calendar: BusinessCalendar,
    path: Path,
    *,
    round_number: int,
    at: datetime,
) -> Fired:
    """Pages again the steps of the path that were reached, with those that join this round (X17)."""
    keys = {item.step for item in facts.reached if item.path == path.slug}
    again = [step for step in path.steps if step.key in keys]
    again += path.extras_in(round_number)
    run = _Run(policy, facts, staff_at, calendar, at, round_number, False)
    for step in again:
        run.page_step(path, step, "repeat")
    if not run.reached_somebody:
        run.fall_back(path, "repeat")
    return run.result()


def open_doors(
    policy: Policy, facts: Facts, staff_at: StaffAt, calendar: BusinessCalendar, *, at: datetime
) -> Fired:
    """Business hours begin: whoever has the held steps' place by now is paged, if they were not yet.

    Where nobody who has it can be reached any more, the next step is paged at once.
    """
    run = _Run(policy, facts, staff_at, calendar, at, 0, False, skip=frozenset(facts.paged))
    current = policy.paths_for(facts.kind, facts.severity)
    held = dict.fromkeys(
        (item.path, item.step) for item in facts.reached if item.cause == "at-once"
    )
    for path in current:
        for step in path.steps:
            if (path.slug, step.key) in held:
                run.climb(path, step, "opening")
    return run.result()


def call_experts(
    policy: Policy,
    facts: Facts,
    staff_at: StaffAt,
    calendar: BusinessCalendar,
    *,
    at: datetime,
    skip: frozenset[int] = frozenset(),
) -> Fired:
    """The primaries of the other services' teams are paged as experts where everybody responds at once."""
    severity = policy.severity(facts.severity)
    if not severity.pages or severity.hold_until_business_hours:
        return Fired(facts)
    run = _Run(policy, facts, staff_at, calendar, at, facts.plan - 1, False, skip)
    staff = staff_at(at)
    run.page_people(
        SMES, SMES, "at-once", "Experts of the other services", SME_CLAUSE,
        [user_id for user_id in staff.other_primaries if staff.reachable(user_id)],
    )  # fmt: skip
    return run.result()


def call_all_hands(
    policy: Policy, facts: Facts, staff_at: StaffAt, calendar: BusinessCalendar, *, at: datetime
) -> Fired:
    """The whole team is paged (C49, C79)."""
    run = _Run(policy, facts, staff_at, calendar, at, 0, True)
    staff = staff_at(at)
    run.page_people(
        ALL_HANDS, ALL_HANDS, "on-demand", "All hands", ALL_HANDS_CLAUSE,
        [user_id for user_id in staff.roster.team if staff.reachable(user_id)],
    )  # fmt: skip
    return run.result()


def call_fallback(
    policy: Policy,
    facts: Facts,
    staff_at: StaffAt,
    calendar: BusinessCalendar,
    *,
    at: datetime,
    round_number: int,
) -> Fired:
    """The end of every path: the team's managers and the admins."""
    run = _Run(policy, facts, staff_at, calendar, at, round_number, True)
    run.page_people(
        FALLBACK, FALLBACK, "on-demand", "The team's managers and the admins", END_CLAUSE,
        list(staff_at(at).fallback),
    )  # fmt: skip
    return run.result()


def next_step(
    policy: Policy, facts: Facts, *, beyond: str | None = None
) -> tuple[Path, Step] | None:
    """The step that “need help” pages: the first not yet reached that a clock or a wish can set off.

    `beyond` is the step of the person who cannot take it: then the one after it, reached or not.
    """
    reached = facts.climbed
    for path in policy.paths_for(facts.kind, facts.severity):
        climbing = [step for step in path.steps if _can_be_climbed(step)]
        if beyond is not None:
            keys = [step.key for step in climbing]
            if beyond in keys and keys.index(beyond) + 1 < len(keys):
                return path, climbing[keys.index(beyond) + 1]
            continue
        for step in climbing:
            if (path.slug, step.key) not in reached:
                return path, step
    return None


def steps_at_once(policy: Policy, facts: Facts) -> tuple[tuple[str, str, str], ...]:
    """The steps that fire at once at this severity, as (path, step, cause)."""
    if not policy.severity(facts.severity).pages:
        return ()
    return tuple(
        (path.slug, step.key, cause_of(trigger))
        for path in policy.paths_for(facts.kind, facts.severity)
        for step in path.steps
        for trigger in step.triggers
        if trigger.kind == "at_once"
    )


def following_step(path: Path, step: Step) -> Step | None:
    """The step after this one that a clock or a wish can set off; None after the last."""
    keys = [one.key for one in path.steps]
    if step.key not in keys:
        return None
    later = path.steps[keys.index(step.key) + 1 :]
    return next((one for one in later if _can_be_climbed(one)), None)


def step_of_person(
    policy: Policy, facts: Facts, staff: Staff, user_id: int
) -> tuple[Path, Step] | None:
    """The first step of the incident's paths that the person stands on."""
    for path in policy.paths_for(facts.kind, facts.severity):
        for step in path.steps:
            if any(user_id in _members(target, staff) for target in step.targets):
                return path, step
    return None


def _can_be_climbed(step: Step) -> bool:
    return any(trigger.kind != "flag" for trigger in step.triggers)


def _members(target: Target, staff: Staff) -> Sequence[int]:
    roster = staff.roster
    if target.kind == "rota":
        holder = roster.holder(target.name)
        return () if holder is None else (holder,)
    if target.kind == "role":
        return roster.role(target.name)
    if target.kind == "team":
        return roster.team
    return staff.experts


class _Run:
    """Collects the pages of one instant."""

    def __init__(
        self,
        policy: Policy,
        facts: Facts,
        staff_at: StaffAt,
        calendar: BusinessCalendar,
        at: datetime,
        round_number: int,
        on_demand: bool,
        skip: frozenset[int] = frozenset(),
    ) -> None:
        self.policy = policy
        self.facts = facts
        self.at = at
        self.round = round_number
        self.on_demand = on_demand
        self.skip = skip
        self.severity = policy.severity(facts.severity)
        self.held_until = None
        if self.severity.hold_until_business_hours and not on_demand and not is_open(calendar, at):
            self.held_until = next_opening(calendar, at)
        # A held page is for whoever has the place when it goes out.
        self.staff = staff_at(self.held_until or at)
        self.paged = dict(facts.paged)
        self.pages: list[PlannedPage] = []
        self.empty: list[EmptyStep] = []
        self.already: list[EmptyStep] = []
        self.takes_over: int | None = None
        self.reached_somebody = False

    def result(self) -> Fired:
        return Fired(
            replace(self.facts, paged=self.paged),
            tuple(self.pages),
            tuple(self.empty),
            self.takes_over,
            tuple(self.already),
        )

    def climb(self, path: Path, step: Step, cause: str) -> None:
        first = f"{step.key}.{cause}"
        while not self.page_step(path, step, cause):
            self.empty.append(
                EmptyStep(
                    self.at, path.slug, step.key, step.label, step.clause, self._why_empty(step)
                )
            )
            following = following_step(path, step)
            if following is None:
                self.fall_back(path, f"after-{first}")
                return
            if (path.slug, following.key) in self.facts.climbed:
                return
            step, cause = following, "after-empty"
            self.facts = replace(
                self.facts,
                reached=(*self.facts.reached, Reached(path.slug, step.key, cause, self.at)),
            )

    def page_step(self, path: Path, step: Step, cause: str) -> bool:
        """Pages everybody the step means. False when it reaches nobody."""
        found = False
        before = len(self.pages)
        for target in step.targets:
            ids = self._reachable(target) or self._backup(path, target)
            found = found or bool(ids)
            methods, told = self._methods(target)
            self.page_people(
                path.slug, step.key, cause, step.label, step.clause, ids, methods=methods, told=told
            )
            if ids and step.takes_over and cause == "unacknowledged" and self.takes_over is None:
                self.takes_over = ids[0]
        if found and cause != "repeat" and len(self.pages) == before:
            why = "whoever holds it is called already or answers"
            self.already.append(
                EmptyStep(self.at, path.slug, step.key, step.label, step.clause, why)
            )
        return found

    def page_people(
        self,
        path: str,
        step: str,
        cause: str,
        label: str,
        clause: str,
        ids: Iterable[int],
        *,
        methods: tuple[str, ...] | None = None,
        told: bool = False,
    ) -> None:
        for user_id in ids:
            self.reached_somebody = True
            if (
                self.paged.get(user_id) == self.at
                or user_id in self.facts.engaged
                or user_id in self.skip
            ):
                continue
            self.paged[user_id] = self.at
            self.pages.append(
                PlannedPage(
                    self.at, user_id, path, step, cause, label, clause,
                    round=self.round,
                    urgency="low" if told or self._only_tells() else "high",
                    held_until=self.held_until,
                    methods=methods,
                )
            )  # fmt: skip

    def fall_back(self, path: Path, cause: str) -> None:
        if any(page.step == FALLBACK for page in self.pages):
            return
        self.facts = replace(
            self.facts,
            reached=(*self.facts.reached, Reached(path.slug, FALLBACK, cause, self.at)),
        )
        self.page_people(
            path.slug, FALLBACK, cause, "The team's managers and the admins", END_CLAUSE,
            self.staff.fallback,
        )  # fmt: skip

    def _reachable(self, target: Target) -> list[int]:
        """Who of the target can be paged; a role's backups only when none of its holders can."""
        if target.kind == "role":
            roster = self.staff.roster
            holders = self._usable(roster.role_holders(target.name))
            return holders or self._usable(roster.role_backups(target.name))
        return self._usable(_members(target, self.staff))

    def _backup(self, path: Path, target: Target) -> list[int]:
        """Who is paged in the place of a level whose holder cannot be (X13).

        Nobody, where the path has a step for the backup: that one is climbed to, in its own time.
        """
        if target.kind != "rota":
            return []
        backup = self.staff.roster.backup_of(target.name)
        if backup is None or any(
            backup in _members(one, self.staff)
            for step in path.steps
            if _can_be_climbed(step)
            for one in step.targets
        ):
            return []
        return self._usable([backup])

    def _usable(self, ids: Iterable[int]) -> list[int]:
        return [
            user_id
            for user_id in ids
            if user_id not in self.facts.declined and self.staff.reachable(user_id)
        ]

    def _methods(self, target: Target) -> tuple[tuple[str, ...] | None, bool]:
        """The kinds of method the role allows at this severity, and whether it is only told: a role that
        allows mail alone, or none, is told by mail and not woken (X1)."""
        if target.kind not in ("role", "rota"):
            return None, False
        rule = next(
            (
                role
                for role in self.policy.roles
                if (role.slug if target.kind == "role" else role.from_rota) == target.name
            ),
            None,
        )
        if rule is None:
            return None, False
        methods = rule.methods_for(self.facts.severity)
        return methods or MAIL_ONLY, not methods or methods == MAIL_ONLY

    def _only_tells(self) -> bool:
        """Once acknowledged, later steps of a severity that waits for business hours do not wake (X2)."""
        return not self.severity.wake_after_ack and not self.facts.unanswered and not self.on_demand

    def _why_empty(self, step: Step) -> str:
        named = [user_id for target in step.targets for user_id in _members(target, self.staff)]
        if not named:
            return "nobody holds it"
        if all(user_id in self.facts.declined for user_id in named):
            return "who holds it cannot take this"
        return "nobody who holds it has a way to be reached"


# -- the whole future -------------------------------------------------------------------------


def foresee(
    policy: Policy,
    facts: Facts,
    staff_at: StaffAt,
    calendar: BusinessCalendar,
    *,
    now: datetime,
    until: datetime | None = None,
) -> Foreseen:
    """Plays through what happens when nobody does anything, up to and including `until`.

    Without `until`, to the last thing that is promised from the start.
    """
    severity = policy.severity(facts.severity)
    first = promised(policy, facts, calendar, now=now)
    end = until or max((item.due_at for item in first), default=now)
    pages: list[PlannedPage] = []
    empty: list[EmptyStep] = []
    seen: list[PlannedPromise] = []

    opening = [item for item in first if item.kind == Promised.STEP and item.due_at <= now]
    fired = fire(
        policy, facts, staff_at, calendar,
        [(item.payload["path"], item.payload["step"], item.payload["cause"]) for item in opening],
        at=now,
    )  # fmt: skip
    pages += fired.pages
    empty += fired.empty
    fired = call_experts(policy, fired.facts, staff_at, calendar, at=now)
    pages += fired.pages
    facts = fired.facts
    seen += opening

    queue: list[tuple[datetime, int, PlannedPromise]] = []
    count = 0
    for item in first:
        if item not in opening:
            heapq.heappush(queue, (item.due_at, count := count + 1, item))
    while queue and queue[0][0] <= end:
        _, _, item = heapq.heappop(queue)
        seen.append(item)
        fired, following = _come_due(policy, severity, facts, staff_at, calendar, item)
        facts = fired.facts
        pages += fired.pages
        empty += fired.empty
        if following is not None:
            heapq.heappush(queue, (following.due_at, count := count + 1, following))
    return Foreseen(tuple(seen), tuple(pages), tuple(empty), end, _goes_on(policy, severity, facts))


def _come_due(
    policy: Policy,
    severity: Severity,
    facts: Facts,
    staff_at: StaffAt,
    calendar: BusinessCalendar,
    item: PlannedPromise,
) -> tuple[Fired, PlannedPromise | None]:
    at = item.due_at
    if item.kind == Promised.STEP:
        step = (item.payload["path"], item.payload["step"], item.payload["cause"])
        return fire(policy, facts, staff_at, calendar, [step], at=at), None
    if item.kind == Promised.REPEAT:
        path = path_named(policy, item.payload["path"])
        fired = repeat(policy, facts, staff_at, calendar, path, round_number=item.round, at=at)
        following = next_repeat(severity, path, facts, calendar, round_number=item.round, at=at)
        return fired, following
    if item.kind == Promised.OPENING:
        return open_doors(policy, facts, staff_at, calendar, at=at), None
    if item.kind == Promised.FIRST_UPDATE:
        return Fired(facts), next_nudge(severity, facts, calendar, round_number=1, at=at)
    if item.kind == Promised.NUDGE:
        return Fired(facts), next_nudge(
            severity, facts, calendar, round_number=item.round + 1, at=at
        )
    return Fired(facts), None


def _goes_on(policy: Policy, severity: Severity, facts: Facts) -> str:
    if not severity.pages:
        return (
            "Nobody is paged; it becomes a backlog item."
            if severity.backlog
            else "Nobody is paged."
        )
    repeats = [
        path.repeats_for(severity.code) for path in policy.paths_for(facts.kind, severity.code)
    ]
    every = next((span for span in repeats if span is not None), None)
    if every is not None:
        return f"The steps reached repeat every {every} until somebody acknowledges."
    return "The steps reached repeat at each opening of business until somebody acknowledges."
