"""The lifecycle once more, small and pure: alerts by dedup key, incidents, who was called at which step, what is owed.

It knows the procedure by its own table and counts on one Wednesday between nine and five, so that
business hours are one line. What it does not know: texts, permissions, channels, retries, bundles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OPENS, DAY = 9, 8 * HOUR
ENGINEERS = ("primary", "secondary", "engineer")
DUTIES = ("acknowledge", "findings", "update", "resolve")


@dataclass(frozen=True)
class Step:
    """One step of a path: whom it calls, and why: "at-once", "unacknowledged" or "unresolved-30m"."""

    path: str
    name: str
    whom: str
    causes: dict[str, timedelta]


@dataclass(frozen=True)
class Level:
    """What one severity owes and whom it calls. `business` counts in business hours."""

    rank: int
    acknowledge: timedelta
    findings: timedelta
    cadence: timedelta
    resolve: timedelta
    path: tuple[Step, ...]
    repeat: timedelta | None
    extras: tuple[Step, ...] = ()
    business: bool = False


def levels(acknowledge_p2: int) -> dict[str, Level]:
    """The procedure's severities; its newer versions differ in how soon a P2 is to be acknowledged."""
    p1 = (
        Step("p1", "primary", "primary", {"at-once": 0 * MINUTE}),
        Step("p1", "secondary", "secondary", {"at-once": 0 * MINUTE}),
        Step("p1", "engineering-manager", "manager", {"at-once": 0 * MINUTE}),
        Step("p1", "all-hands", "team", {}),
    )
    extras = (
        Step("p1", "vp-engineering-unanswered", "vp", {}),
        Step("p1", "all-hands-unanswered", "team", {}),
    )

    def standard(unacknowledged: timedelta) -> tuple[Step, ...]:
        return (
            Step("standard", "primary", "primary", {"at-once": 0 * MINUTE}),
            Step(
                "standard", "secondary", "secondary",
                {"unacknowledged": unacknowledged, "unresolved-30m": 30 * MINUTE},
            ),
            Step("standard", "engineering-manager", "manager", {"unresolved-1h": HOUR}),
        )  # fmt: skip

    p2 = acknowledge_p2 * MINUTE
    return {
        "P1": Level(1, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE, HOUR, p1, 5 * MINUTE, extras),
        "P2": Level(2, p2, 30 * MINUTE, 30 * MINUTE, 4 * HOUR, standard(p2), 5 * MINUTE),
        "P3": Level(3, HOUR, 2 * HOUR, HOUR, DAY, standard(HOUR), None, business=True),
    }


@dataclass
class People:
    """Who holds what, and who can be reached. Edited while incidents run."""

    order: list[str] = field(default_factory=lambda: list(ENGINEERS))
    gone: set[str] = field(default_factory=set)
    without_a_way: set[str] = field(default_factory=set)

    def holders(self, whom: str) -> list[str]:
        held = {
            "primary": self.order[:1], "secondary": self.order[1:2], "team": list(ENGINEERS),
        }.get(whom, [whom])  # fmt: skip
        return [name for name in held if name not in self.gone | self.without_a_way]

    @property
    def fallback(self) -> list[str]:
        return [name for name in ("manager", "admin") if name not in self.gone]


@dataclass
class Owed:
    """An open promise. While it is paused `left` is the time that was left."""

    due: datetime
    left: timedelta | None = None
    from_pause: datetime | None = None
    round: int = 0


@dataclass
class Incident:
    """One incident. `owed` is by name: "resolve", or "standard/secondary/unacknowledged" for a step."""

    code: str
    levels: dict[str, Level]
    people: People
    zero: datetime
    status: str = "triggered"
    acknowledged_at: datetime | None = None
    engaged: set[str] = field(default_factory=set)
    reached: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    paged: dict[str, datetime] = field(default_factory=dict)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)
    owed: dict[str, Owed] = field(default_factory=dict)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    over: dict[str, str] = field(default_factory=dict)
    updated: bool = False
    last_update: datetime | None = None
    mitigated_at: datetime | None = None
    paused: timedelta = timedelta()
    before_resolved: str = ""

    # -- what is asked of it ------------------------------------------------------------------

    @property
    def level(self) -> Level:
        return self.levels[self.code]

    @property
    def active(self) -> bool:
        return self.status in ("triggered", "acknowledged", "mitigated")

    @property
    def burning(self) -> bool:
        return self.status in ("triggered", "acknowledged")

    # -- the verbs ----------------------------------------------------------------------------

    def open(self, now: datetime) -> None:
        self._plan(now, fresh=True)

    def acknowledge(self, name: str | None, now: datetime) -> None:
        if self.status == "closed" or name in self.engaged:
            return
        if name is None and self.status != "triggered":
            return
        if name is not None:
            self.engaged.add(name)
        self.acknowledged_at = self.acknowledged_at or now
        if self.status == "triggered":
            self.status = "acknowledged"
        self._settle("acknowledge", now)
        for key in [*self.owed]:
            if key == "repeat" or key.endswith("/unacknowledged"):
                del self.owed[key]

    def post_findings(self, now: datetime) -> None:
        if not self.active:
            return
        if not self.updated:
            self.updated = True
            self._settle("findings", now)
            self.owed.pop("nudge", None)
        self._settle("update", now)
        self.last_update = now
        self.owed["update"] = Owed(self._later(now, self.level.cadence))

    def mitigate(self, now: datetime) -> None:
        if self.burning and self.acknowledged_at:
            self.status, self.mitigated_at = "mitigated", now
            self._pause(now)

    def relapse(self, now: datetime) -> None:
        if self.status != "mitigated" or self.mitigated_at is None:
            return
        self.paused += now - self.mitigated_at
        for one in self._paused():
            if self.level.business and one.due > now_of(one):
                one.due = after(now, business(now_of(one), one.due))
            else:
                one.due = now + left_of(one)
        self._burn_again(now)

    def undo(self, now: datetime) -> None:
        if self.status == "mitigated":
            for one in self._paused():
                one.due = max(one.due, now)
            self._burn_again(now)
        elif self.status == "resolved":
            self.status = "mitigated" if self.before_resolved == "mitigated" else "acknowledged"
            self.acknowledged_at = self.acknowledged_at or now
            self.over = {duty: how for duty, how in self.over.items() if how == "missed"}
            self._plan_again(now)

    def resolve(self, now: datetime, *, by_source: bool = False) -> None:
        if not self.active or not (by_source or self.acknowledged_at):
            return
        self.before_resolved, self.status = self.status, "resolved"
        self._settle("resolve", now)
        self._cancel(now)

    def reopen(self, name: str, now: datetime) -> None:
        if self.status != "resolved":
            return
        self.status, self.mitigated_at = "acknowledged", None
        self.acknowledged_at = self.acknowledged_at or now
        self.zero, self.paused, self.engaged, self.over = now, timedelta(), {name}, {}
        if self.last_update:
            self.last_update = now
        self._plan_again(now)

    def close(self, now: datetime) -> None:
        if self.status == "resolved":
            self.status = "closed"

    def set_severity(self, code: str, now: datetime) -> None:
        """Raised, or while nobody has acknowledged, whom the new path calls at once is called (again)."""
        if not self.active or code == self.code:
            return
        raised = self.levels[code].rank < self.level.rank
        self._cancel(now)
        self.code = code
        if raised or self.status == "triggered":
            self.reached = [item for item in self.reached if item[2] != "at-once"]
        else:
            self.reached += [(s.path, s.name, "at-once", now) for s in self._at_once()]
        fresh = raised or self.status == "triggered"
        self._plan_again(now, fresh=fresh, skip=() if raised else self.sent)

    def not_reached(
        self, path: str, name: str, now: datetime, *, alone: bool, called_at: datetime
    ) -> None:
        """Every way to somebody failed. `alone`: nobody else was called for the step who may be reached."""
        answered = self.acknowledged_at is not None and called_at <= self.acknowledged_at
        step = next(
            (one for one in self._every_step() if (one.path, one.name) == (path, name)), None
        )
        if not self.burning or answered or not alone or step is None:
            return
        following = self._following(step)
        if following is None:
            for person in self.people.fallback:
                self._call(("fallback", "fallback", "on-demand"), person, now)
        elif (following.path, following.name) not in self._climbed():
            self._fire([(following, "after-empty")], now)

    # -- time ---------------------------------------------------------------------------------

    def tick(self, now: datetime, *, down_since: datetime | None = None) -> None:
        """Whatever fell due, in the order of its due times; of one time, what was promised first.

        What fell due while the portal was down counts as of now; of several calls in that time only
        the last one leaves.
        """
        while due := sorted(
            ((key, one) for key, one in self.owed.items() if one.left is None and one.due <= now),
            key=lambda item: item[1].due,
        ):
            key, one = due[0]
            del self.owed[key]
            late = down_since is not None and down_since <= one.due < now
            more = any(later == "repeat" or "/" in later for later, _ in due[1:])
            self._come_due(key, one, now, late=late, collapsed=late and more)

    def _come_due(self, key: str, one: Owed, now: datetime, *, late: bool, collapsed: bool) -> None:
        at = now if late else one.due
        if key in ("acknowledge", "findings", "resolve"):
            self._miss(key)
            if key == "findings":
                self.owed["nudge"] = Owed(self._later(one.due, self.level.cadence))
        elif key == "nudge":
            self.owed["nudge"] = Owed(self._later(at, self.level.cadence))
        elif key == "update":
            reminder = self.level.business
            if not reminder:
                self.ended["update", "missed"] += 1
            start = at if reminder else one.due
            self.owed["update"] = Owed(self._later(start, self.level.cadence))
        elif key == "repeat":
            self._repeat(one, at, now, late=late)
        else:
            path, name, cause = key.split("/")
            step = next(s for s in self.level.path if (s.path, s.name) == (path, name))
            before = dict(self.paged)
            self._fire([(step, cause)], at)
            if collapsed:
                self.paged = before

    def _repeat(self, one: Owed, at: datetime, now: datetime, *, late: bool) -> None:
        number, following = one.round, self._repeat_after(one.due, one.round)
        while late and following.due <= now:
            number, following = following.round, self._repeat_after(following.due, following.round)
        self.owed["repeat"] = following
        again = {name for path, name, _, _ in self.reached if path == self.level.path[0].path}
        steps = [step for step in self.level.path if step.name in again]
        steps += self.level.extras if number >= 2 else ()
        found = False
        for step in steps:
            for name in self.people.holders(step.whom):
                found = True
                self._call((step.path, step.name, "repeat"), name, at)
        if not found:
            self._fall_back("repeat", at)

    # -- what is promised ---------------------------------------------------------------------

    def _plan(self, now: datetime, *, fresh: bool, skip: Collection[str] = ()) -> None:
        """What is owed from here on; a step that is due this very instant is climbed at once."""
        start = self.zero + self._stood_still(now)
        planned = self._duties(start)
        steps = self._steps(now, fresh, start)
        planned |= {f"{step.path}/{step.name}/{cause}": Owed(due) for step, cause, due in steps}
        if self.status == "triggered":
            planned["repeat"] = self._first_repeat(now)
        for one in planned.values():
            one.due = max(one.due, now)
        self.owed.update(planned)
        if self.burning:
            at_once = [(step, cause) for step, cause, due in steps if due <= now]
            for step, cause in at_once:
                del self.owed[f"{step.path}/{step.name}/{cause}"]
            self._fire(at_once, now, skip=skip)

    def _duties(self, start: datetime) -> dict[str, Owed]:
        level, duties = self.level, {}
        if self.status == "triggered" and "acknowledge" not in self.over:
            duties["acknowledge"] = Owed(self._later(self.zero, level.acknowledge))
        if not self.updated and "findings" not in self.over:
            duties["findings"] = Owed(self._later(self.zero, level.findings))
        if "resolve" not in self.over:
            duties["resolve"] = Owed(self._later(start, level.resolve))
        if not self.updated and "findings" in self.over:
            first = self._later(self.zero, level.findings)
            duties["nudge"] = Owed(self._later(first, level.cadence))
        return duties

    def _steps(
        self, now: datetime, fresh: bool, start: datetime
    ) -> list[tuple[Step, str, datetime]]:
        done = {(path, name, cause) for path, name, cause, at in self.reached if at >= self.zero}
        return [
            (step, cause, due)
            for step in self.level.path
            for cause, within in step.causes.items()
            if (due := self._due_of(cause, within, now, fresh, start)) is not None
            and (step.path, step.name, cause) not in done
        ]

    def _due_of(
        self, cause: str, within: timedelta, now: datetime, fresh: bool, start: datetime
    ) -> datetime | None:
        if cause == "at-once":
            return now if fresh and self.burning else None
        if cause == "unacknowledged":
            return self._later(self.zero, within) if self.status == "triggered" else None
        return self._later(start, within)

    def _stood_still(self, now: datetime) -> timedelta:
        if self.status == "mitigated" and self.mitigated_at:
            return self.paused + (now - self.mitigated_at)
        return self.paused

    def _plan_again(
        self, now: datetime, *, fresh: bool = False, skip: Collection[str] = ()
    ) -> None:
        self._plan(now, fresh=fresh, skip=skip)
        if self.last_update:
            following = self._later(self.last_update, self.level.cadence)
            self.owed["update"] = Owed(max(following, now))
        if self.status == "mitigated":
            self._pause(now)

    def _first_repeat(self, now: datetime) -> Owed:
        if self.level.repeat:
            return self._repeat_after(now, 0)
        return self._repeat_after(max(now, self._later(self.zero, self.level.acknowledge)), 0)

    def _repeat_after(self, at: datetime, number: int) -> Owed:
        if self.level.repeat:
            number = int((at - self.zero) / self.level.repeat) + 1
            return Owed(self.zero + self.level.repeat * number, round=number)
        return Owed(tomorrow(at), round=number + 1)

    def _later(self, start: datetime, length: timedelta) -> datetime:
        return after(start, length) if self.level.business else start + length

    # -- whom it calls ------------------------------------------------------------------------

    def _fire(
        self,
        steps: list[tuple[Step, str]],
        at: datetime,
        *,
        skip: Collection[str] = (),
    ) -> None:
        self.reached += [(step.path, step.name, cause, at) for step, cause in steps]
        fallen = False
        for first, cause in steps:
            step: Step | None = first
            while step is not None and not self._call_step(step, cause, at, skip):
                step, cause = self._following(step), "after-empty"
                if step is None and not fallen:
                    fallen = True
                    self._fall_back("after-empty", at)
                elif step is not None and (step.path, step.name) in self._climbed():
                    break
                elif step is not None:
                    self.reached.append((step.path, step.name, cause, at))

    def _call_step(self, step: Step, cause: str, at: datetime, skip: Collection[str]) -> bool:
        names = self.people.holders(step.whom)
        for name in names:
            if name not in skip:
                self._call((step.path, step.name, cause), name, at)
        return bool(names)

    def _call(self, what: tuple[str, str, str], name: str, at: datetime) -> None:
        if name in self.engaged or self.paged.get(name) == at:
            return
        self.paged[name] = at
        self.calls["/".join(what), name] += 1

    def _fall_back(self, cause: str, at: datetime) -> None:
        path = self.level.path[0].path
        self.reached.append((path, "fallback", cause, at))
        for name in self.people.fallback:
            self._call((path, "fallback", cause), name, at)

    def _following(self, step: Step) -> Step | None:
        path = [one for one in self._every_step() if one.path == step.path]
        names = [one.name for one in path]
        if step.name not in names:
            return None
        return next(iter(path[names.index(step.name) + 1 :]), None)

    def _every_step(self) -> Iterator[Step]:
        yield from self.levels["P1"].path
        yield from self.levels["P2"].path

    def _climbed(self) -> set[tuple[str, str]]:
        return {(path, name) for path, name, _, at in self.reached if at >= self.zero}

    def _at_once(self) -> list[Step]:
        return [step for step in self.level.path if "at-once" in step.causes]

    def _burn_again(self, now: datetime) -> None:
        self.status, self.mitigated_at = "acknowledged", None
        for one in self._paused():
            one.left = one.from_pause = None
        done = {(path, name) for path, name, cause, _ in self.reached if cause == "at-once"}
        waited = [s for s in self._at_once() if (s.path, s.name) not in done]
        self._fire([(step, "at-once") for step in waited], now)

    # -- what becomes of a promise ------------------------------------------------------------

    def _settle(self, duty: str, now: datetime) -> None:
        if (one := self.owed.pop(duty, None)) is None:
            return
        if duty == "update" and self.level.business:
            return
        if was_over(one, now):
            self._miss(duty)
        else:
            self.over[duty] = "met"
            self.ended[duty, "met"] += 1

    def _miss(self, duty: str) -> None:
        self.over[duty] = "missed"
        self.ended[duty, "missed"] += 1

    def _cancel(self, now: datetime) -> None:
        """Nothing is owed any more, and a duty whose time was over was missed."""
        for key, one in self.owed.items():
            if (
                key in DUTIES
                and not (key == "update" and self.level.business)
                and was_over(one, now)
            ):
                self._miss(key)
        self.owed.clear()

    def _pause(self, now: datetime) -> None:
        for key, one in self.owed.items():
            if key == "resolve" or "/" in key:
                one.left, one.from_pause = one.due - now, now

    def _paused(self) -> list[Owed]:
        return [one for one in self.owed.values() if one.left is not None]


# -- alerts ---------------------------------------------------------------------------------------


@dataclass
class Alert:
    """One thing that fired, however often it was told."""

    key: str
    severity: str
    incident: Incident
    count: int = 1
    state: str = "firing"


@dataclass
class Alerts:
    """Which alert belongs to which incident. Keys that begin alike are one group."""

    people: People
    versions: list[dict[str, Level]]
    alerts: list[Alert] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)

    def open(self, key: str) -> Alert | None:
        return next((a for a in self.alerts if a.key == key and a.state != "resolved"), None)

    def trigger(self, key: str, severity: str, now: datetime) -> None:
        known = self.open(key)
        if known is not None:
            if severity < known.severity and severity < known.incident.code:
                known.incident.set_severity(severity, now)
            known.severity, known.count = severity, known.count + 1
            return
        of_group = [a.incident for a in self.alerts if a.key[0] == key[0] and a.incident.active]
        incident = of_group[-1] if of_group else None
        if incident is None:
            incident = Incident(severity, self.versions[-1], self.people, now)
            self.incidents.append(incident)
            incident.open(now)
        else:
            was_mitigated = incident.status == "mitigated"
            if severity < incident.code:
                incident.set_severity(severity, now)
            if was_mitigated:
                incident.relapse(now)
        self.alerts.append(Alert(key, severity, incident))

    def acknowledge(self, key: str, now: datetime) -> None:
        alert = self.open(key)
        if alert is not None:
            alert.incident.acknowledge(None, now)
            alert.state = "acknowledged"

    def resolve(self, key: str, now: datetime) -> None:
        alert = self.open(key)
        if alert is None:
            return
        alert.state = "resolved"
        if not any(a.incident is alert.incident and a.state != "resolved" for a in self.alerts):
            alert.incident.resolve(now, by_source=True)

    def each(self, change: Callable[[Incident], None]) -> None:
        for incident in self.incidents:
            change(incident)

    def end_with_incidents(self) -> None:
        """A resolved incident's alerts are over."""
        for alert in self.alerts:
            if not alert.incident.active:
                alert.state = "resolved"


# -- one Wednesday --------------------------------------------------------------------------------


def after(start: datetime, length: timedelta) -> datetime:
    """So much business time later; what fills a day is due at its closing."""
    left = closing(start) - start
    if length <= left:
        return start + length
    return after(tomorrow(start), length - left)


def business(start: datetime, end: datetime) -> timedelta:
    """The business time between two instants."""
    if end <= closing(start):
        return end - start
    return closing(start) - start + business(tomorrow(start), end)


def closing(at: datetime) -> datetime:
    return at.replace(hour=OPENS, minute=0, second=0, microsecond=0) + DAY


def tomorrow(at: datetime) -> datetime:
    """The next opening of business."""
    return closing(at) - DAY + timedelta(days=1)


def was_over(one: Owed, now: datetime) -> bool:
    return one.left < timedelta() if one.left is not None else one.due < now


def now_of(one: Owed) -> datetime:
    assert one.from_pause is not None
    return one.from_pause


def left_of(one: Owed) -> timedelta:
    assert one.left is not None
    return one.left
