"""The policy: one published procedure as frozen values, the shape every rule reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Literal

from procedures.rules.document import (
    WEEKDAYS,
    CriterionFacts,
    Document,
    MethodFacts,
    PathFacts,
    RepeatFacts,
    SettingValue,
    SeverityFacts,
    StepFacts,
)
from procedures.rules.notation import (
    BadNotation,
    Target,
    Trigger,
    parse_route,
    parse_target,
    parse_trigger,
)
from procedures.rules.spans import BadSpan, Span, format_span, parse_span

__all__ = [
    "BadNotation",
    "BadSpan",
    "BusinessHours",
    "ChannelRoute",
    "Criterion",
    "Path",
    "Policy",
    "RoleRule",
    "Severity",
    "Span",
    "Step",
    "Target",
    "Trigger",
    "format_span",
    "parse_span",
    "parse_target",
    "parse_trigger",
    "policy_from_document",
]

ClockWord = Literal["elapsed", "business"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One reason for a severity. `measure`, `comparison`, `threshold` where the document has a number."""

    key: str
    text: str
    clause: str
    measure: str = ""
    comparison: str = ""
    threshold: float | None = None
    unit: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Severity:
    """A severity and what is owed at it. A clock that is None does not exist at this severity."""

    code: str
    rank: int
    name: str
    criteria: tuple[Criterion, ...] = ()
    examples: tuple[str, ...] = ()
    impact: str = ""
    response: str = ""
    acknowledge_within: Span | None = None
    first_update_within: Span | None = None
    update_every: Span | None = None
    resolve_within: Span | None = None
    clock: ClockWord = "elapsed"
    acknowledge_clock: ClockWord = "elapsed"
    acknowledge_clause: str = ""
    first_update_clause: str = ""
    update_clause: str = ""
    resolve_clause: str = ""
    examples_clause: str = ""
    impact_clause: str = ""
    response_clause: str = ""
    update_is_reminder: bool = False
    pages: bool = True
    hold_until_business_hours: bool = False
    wake_after_ack: bool = True
    backlog: bool = False
    incident_channel: bool = False
    freezes_deploys: bool = False
    war_room: str = "never"
    postmortem: str = "button"
    public_update: str = "no"
    customer_mail: str = "no"
    customer_mail_downtime_over: Span | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of a path: whom, when, under which clause."""

    key: str
    label: str
    targets: tuple[Target, ...]
    triggers: tuple[Trigger, ...]
    clause: str
    also_clauses: tuple[str, ...] = ()
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """An escalation path. Unacknowledged, its reached steps repeat at the severities that repeat."""

    slug: str
    name: str
    kind: Literal["standard", "security"]
    severities: tuple[str, ...]
    steps: tuple[Step, ...]
    repeat_every: Span | None
    repeat_severities: tuple[str, ...] = ()
    repeat_extras: tuple[tuple[int, Step], ...] = ()
    with_standard: tuple[str, ...] = ()
    clause: str = ""
    repeat_clause: str = ""

    def repeats_for(self, severity: str) -> Span | None:
        """How often the reached steps repeat while nobody acknowledges; None where they do not."""
        return self.repeat_every if severity in self.repeat_severities else None

    def extras_in(self, round_number: int) -> tuple[Step, ...]:
        """The steps that join the repeats from this round on (the first repeat is round 1)."""
        return tuple(step for begins, step in self.repeat_extras if begins <= round_number)


@dataclass(frozen=True, slots=True)
class RoleRule:
    """A role: who backs it up, and by which methods it may be reached at each severity."""

    slug: str
    name: str
    clause: str
    methods_by_severity: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    backup_required: bool = False
    backup_role: str = ""
    from_rota: str = ""
    tertiary: bool = False

    def methods_for(self, severity: str) -> tuple[str, ...]:
        """The kinds of contact method allowed at a severity; none means the role is not paged."""
        return self.methods_by_severity.get(severity, ())


@dataclass(frozen=True, slots=True)
class ChannelRoute:
    """An alert or incident of a severity is posted to a chat channel."""

    event: Literal["alert", "incident"]
    severity: str
    channel: str


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """What a new team's calendar starts from. Workdays count from Monday = 0."""

    zone: str
    workdays: tuple[int, ...]
    opens: time
    closes: time
    holiday_country: str
    holiday_subdivision: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A published version as rules read it. `version` is the version's number."""

    slug: str
    name: str
    platform: str
    version: int
    severities: tuple[Severity, ...]
    paths: tuple[Path, ...]
    roles: tuple[RoleRule, ...]
    channels: tuple[ChannelRoute, ...]
    business_hours: BusinessHours
    incident_channel_pattern: str
    last_updated: date
    document: Document = field(compare=False, repr=False)

    def severity(self, code: str) -> Severity:
        """The severity of this code. Raises `LookupError` when the policy has none."""
        for severity in self.severities:
            if severity.code == code:
                return severity
        raise LookupError(f"{self.slug} version {self.version} has no severity {code}")

    def role(self, slug: str) -> RoleRule | None:
        """The role of this slug, if the policy has it."""
        return next((role for role in self.roles if role.slug == slug), None)

    def paths_for(self, kind: str, severity: str) -> tuple[Path, ...]:
        """The paths an incident runs, the standard one first (C83). A security incident runs the
        security path, and the standard one with it at the severities named so (X18: P1 runs both).
        """
        standard = self._paths("standard", severity)
        security = self._paths("security", severity) if kind == "security" else ()
        if not security:
            return standard
        together = any(severity in path.with_standard for path in security)
        return standard + security if together else security

    def channels_for(self, event: str, severity: str) -> tuple[str, ...]:
        """The chat channels an alert or incident of a severity is posted to (X5: there may be many)."""
        return tuple(
            route.channel
            for route in self.channels
            if route.event == event and route.severity == severity
        )

    def setting(self, key: str) -> SettingValue | Span | None:
        """A setting's value, a time as a `Span`; None when the procedure does not have it."""
        for setting in self.document.setting:
            if setting.key == key:
                if setting.kind == "span":
                    return parse_span(str(setting.value))
                return setting.value
        return None

    def _paths(self, kind: str, severity: str) -> tuple[Path, ...]:
        return tuple(
            path for path in self.paths if path.kind == kind and severity in path.severities
        )


def policy_from_document(document: Mapping[str, Any], *, version: int = 0) -> Policy:
    """Reads a version's stored document. Raises pydantic's `ValidationError` on a foreign shape."""
    facts = Document.model_validate(document)
    head = facts.procedure
    return Policy(
        slug=head.slug,
        name=head.name,
        platform=head.platform,
        version=version,
        severities=tuple(
            sorted(map(_severity, facts.severity), key=lambda severity: severity.rank)
        ),
        paths=tuple(map(_path, facts.path)),
        roles=tuple(
            RoleRule(
                slug=role.slug,
                name=role.name,
                clause=role.clause,
                methods_by_severity=_methods(role.method),
                backup_required=role.backup_required,
                backup_role=role.backup_role,
                from_rota=role.from_rota,
                tertiary=role.tertiary,
            )
            for role in facts.role
        ),
        channels=tuple(
            ChannelRoute(event.value, severity, channel.key)
            for channel in facts.channel
            for event, severity in map(parse_route, channel.routes)
        ),
        business_hours=BusinessHours(
            zone=head.zone,
            workdays=tuple(sorted(WEEKDAYS.index(day) for day in head.workdays)),
            opens=head.opens,
            closes=head.closes,
            holiday_country=head.holiday_country,
            holiday_subdivision=head.holiday_subdivision,
        ),
        incident_channel_pattern=head.incident_channel_pattern,
        last_updated=head.last_updated,
        document=facts,
    )


def _methods(methods: list[MethodFacts]) -> dict[str, tuple[str, ...]]:
    return {method.severity: tuple(method.by) for method in methods}


def _span(text: str) -> Span | None:
    return parse_span(text) if text else None


def _criterion(criterion: CriterionFacts) -> Criterion:
    return Criterion(
        key=criterion.key,
        text=criterion.text,
        clause=criterion.clause,
        measure=criterion.measure,
        comparison=criterion.comparison,
        threshold=criterion.threshold,
        unit=criterion.unit,
        flag=criterion.flag,
    )


def _severity(facts: SeverityFacts) -> Severity:
    return Severity(
        code=facts.code,
        rank=facts.rank,
        name=facts.name,
        criteria=tuple(map(_criterion, facts.criterion)),
        examples=tuple(facts.examples),
        impact=facts.impact,
        response=facts.response,
        acknowledge_within=_span(facts.acknowledge_within),
        first_update_within=_span(facts.first_update_within),
        update_every=_span(facts.update_every),
        resolve_within=_span(facts.resolve_within),
        clock=facts.clock,
        acknowledge_clock=facts.acknowledge_clock,
        acknowledge_clause=facts.acknowledge_clause,
        first_update_clause=facts.first_update_clause,
        update_clause=facts.update_clause,
        resolve_clause=facts.resolve_clause,
        examples_clause=facts.examples_clause,
        impact_clause=facts.impact_clause,
        response_clause=facts.response_clause,
        update_is_reminder=facts.update_is_reminder,
        pages=facts.pages,
        hold_until_business_hours=facts.hold_until_business_hours,
        wake_after_ack=facts.wake_after_ack,
        backlog=facts.backlog,
        incident_channel=facts.incident_channel,
        freezes_deploys=facts.freezes_deploys,
        war_room=facts.war_room,
        postmortem=facts.postmortem,
        public_update=facts.public_update,
        customer_mail=facts.customer_mail,
        customer_mail_downtime_over=_span(facts.customer_mail_downtime_over),
    )


def _step(facts: StepFacts | RepeatFacts) -> Step:
    return Step(
        key=facts.key,
        label=facts.label,
        targets=tuple(map(parse_target, facts.who)),
        triggers=tuple(map(parse_trigger, facts.when)) if isinstance(facts, StepFacts) else (),
        clause=facts.clause,
        also_clauses=tuple(facts.also_clauses),
        takes_over=facts.takes_over if isinstance(facts, StepFacts) else False,
    )


def _path(facts: PathFacts) -> Path:
    return Path(
        slug=facts.slug,
        name=facts.name,
        kind=facts.kind,
        severities=tuple(facts.severities),
        steps=tuple(map(_step, facts.step)),
        repeat_every=_span(facts.repeat_every),
        repeat_severities=tuple(facts.repeat_severities),
        repeat_extras=tuple((extra.round, _step(extra)) for extra in facts.repeat),
        with_standard=tuple(facts.with_standard),
        clause=facts.clause,
        repeat_clause=facts.repeat_clause,
    )
