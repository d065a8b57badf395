"""The whole procedure as one document: what the file, the draft and a version have in common.

Every list item's fields carry the names of its row's columns, so that one table of sections
(`procedures.models.sections`) moves rows into a document and back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from procedures.enums import ClauseKind, Level, Method
from procedures.rules.notation import parse_route, parse_target, parse_trigger
from procedures.rules.spans import format_span, parse_span

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

type ClockWord = Literal["elapsed", "business"]
type Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
type Cadence = Literal["", "weekly", "monthly", "quarterly", "yearly"]
type Comparison = Literal["", ">", ">=", "<", "<=", "="]
type SettingValue = bool | int | float | str | list[str]
SETTING_TYPES: dict[str, tuple[type, ...]] = {
    "span": (str,),
    "text": (str,),
    "words": (list,),
    "number": (int, float),
    "flag": (bool,),
    "time": (str,),
}


def _plain(value: Any) -> Any:
    return value.replace("\r\n", "\n").rstrip() if isinstance(value, str) else value


def _said(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _length(value: str) -> str:
    return format_span(parse_span(value)) if value else ""


def _some_length(value: str) -> str:
    if value and parse_span(value) == parse_span("0s"):
        raise ValueError("must be longer than nothing")
    return _length(value)


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"is no time zone: {value!r}")
    return value


def _reads(parse: Callable[[str], object]) -> Callable[[str], str]:
    def check(value: str) -> str:
        parse(value)
        return value

    return check


Text = Annotated[str, BeforeValidator(_plain)]
Said = Annotated[str, BeforeValidator(_plain), AfterValidator(_said)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Length = Annotated[str, AfterValidator(_length)]
SomeLength = Annotated[str, AfterValidator(_some_length)]
Zone = Annotated[str, AfterValidator(_zone)]
Who = Annotated[str, AfterValidator(_reads(parse_target))]
When = Annotated[str, AfterValidator(_reads(parse_trigger))]
Route = Annotated[str, AfterValidator(_reads(parse_route))]


class Facts(BaseModel):
    """A table of the file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProcedureFacts(Facts):
    """The head of the document, and what a new team's calendar starts from."""

    slug: Key
    name: Said
    platform: Said
    scope: Text = ""
    document_version: Text = ""
    last_updated: date
    review_every: Cadence = ""
    next_review: date | None = None
    zone: Zone = "UTC"
    workdays: list[Weekday] = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    opens: time = time(9)
    closes: time = time(17)
    holiday_country: Text = "US"
    holiday_subdivision: Text = ""
    incident_channel_pattern: Text = "incident-{date}-{description}"
    incident_channel_example: Text = ""
    also_clauses: list[str] = []


class CriterionFacts(Facts):
    """One reason for a severity, with its number where the document gives one."""

    key: Key
    text: Said
    measure: Text = ""
    comparison: Comparison = ""
    threshold: float | None = None
    unit: Text = ""
    flag: Text = ""
    clause: str = ""
    also_clauses: list[str] = []


class SeverityFacts(Facts):
    """A severity: how it is told, and what is owed at it. An empty time is no clock."""

    code: Key
    rank: int = Field(ge=1)
    name: Said
    impact: Text = ""
    impact_clause: str = ""
    response: Text = ""
    response_clause: str = ""
    examples: list[Text] = []
    examples_clause: str = ""
    acknowledge_within: SomeLength = ""
    acknowledge_clock: ClockWord = "elapsed"
    acknowledge_clause: str = ""
    first_update_within: SomeLength = ""
    first_update_clause: str = ""
    update_every: SomeLength = ""
    update_is_reminder: bool = False
    update_clause: str = ""
    resolve_within: SomeLength = ""
    resolve_clause: str = ""
    clock: ClockWord = "elapsed"
    pages: bool = True
    hold_until_business_hours: bool = False
    wake_after_ack: bool = True
    backlog: bool = False
    incident_channel: bool = False
    freezes_deploys: bool = False
    war_room: Literal["automatic", "proposed", "never"] = "never"
    postmortem: Literal["required", "offered", "button"] = "button"
    postmortem_clause: str = ""
    public_update: Literal["always", "if user-facing", "no"] = "no"
    public_update_clause: str = ""
    customer_mail: Literal["always", "if down longer", "no"] = "no"
    customer_mail_downtime_over: SomeLength = ""
    customer_mail_clause: str = ""
    also_clauses: list[str] = []
    criterion: list[CriterionFacts] = []


class StepFacts(Facts):
    """One rung of a path."""

    key: Key
    label: Said
    who: list[Who] = []
    when: list[When] = []
    takes_over: bool = False
    clause: str = ""
    also_clauses: list[str] = []


class RepeatFacts(Facts):
    """Whom the repeats of an unacknowledged incident add, from which repeat on."""

    key: Key
    label: Said
    round: int = Field(ge=1)
    who: list[Who] = []
    clause: str = ""
    also_clauses: list[str] = []


class PathFacts(Facts):
    """An escalation path."""

    slug: Key
    name: Said
    kind: Literal["standard", "security"] = "standard"
    severities: list[str] = []
    with_standard: list[str] = []
    repeat_every: SomeLength = ""
    repeat_severities: list[str] = []
    repeat_clause: str = ""
    clause: str = ""
    also_clauses: list[str] = []
    step: list[StepFacts] = []
    repeat: list[RepeatFacts] = []


class MethodFacts(Facts):
    """By which methods a role may be reached at one severity."""

    severity: str
    by: list[Method] = []


class RoleFacts(Facts):
    """A role of the contact table. Who holds it is kept per team, never here."""

    slug: Key
    name: Said
    from_rota: Literal["", "primary", "secondary", "tertiary"] = ""
    tertiary: bool = False
    backup_required: bool = False
    backup_role: str = ""
    clause: str = ""
    also_clauses: list[str] = []
    method: list[MethodFacts] = []


class RotaFacts(Facts):
    """How a level of the pager rotates."""

    level: Level
    name: Said
    unit: Literal["day", "week"] = "week"
    length: int = Field(default=1, ge=1)
    handoff_weekday: Weekday = "monday"
    handoff_time: time = time(9)
    coverage: Text = ""
    participants: Text = ""
    derived_from: Literal["", "primary", "secondary"] = ""
    offset: int = Field(default=0, ge=0)
    minimum_people: int = Field(default=0, ge=0)
    clause: str = ""
    also_clauses: list[str] = []


class ChannelFacts(Facts):
    """A chat channel, and what is posted to it."""

    key: Key
    name: Said
    purpose: Text = ""
    routes: list[Route] = []
    clause: str = ""
    also_clauses: list[str] = []


class ItemFacts(Facts):
    """One line of a checklist, a phase, a recipe or a playbook."""

    key: Key
    text: Said
    command: Text = ""
    link: Text = ""
    measure: Text = ""
    comparison: Comparison = ""
    threshold: float | None = None
    unit: Text = ""
    lasts: SomeLength = ""
    severities: list[str] = []
    ticked_by: Text = ""
    opens: Text = ""
    gate: bool = False
    optional: bool = False
    destructive: bool = False
    unavailable: Text = ""
    clause: str = ""
    also_clauses: list[str] = []


class PhaseFacts(Facts):
    """A phase of the response. Its box is a promise at some severities and guidance at the others."""

    slug: Key
    name: Said
    objective: Text = ""
    begins_after: Length = ""
    ends_after: Length = ""
    promised_for: list[str] = []
    clause: str = ""
    tools: list[Text] = []
    tools_clause: str = ""
    also_clauses: list[str] = []
    item: list[ItemFacts] = []


class LogLocationFacts(Facts):
    """Where a service's log is read. The portal shows the command and never runs it."""

    service: Key
    name: Said
    command: Said
    clause: str = ""


class RecipeFacts(Facts):
    """Common commands of one mitigation."""

    slug: Key
    name: Said
    clause: str = ""
    also_clauses: list[str] = []
    step: list[ItemFacts] = []


class PostmortemFieldFacts(Facts):
    """One blank of a post-mortem's section, and what fills it."""

    key: Key
    label: Said
    kind: Literal["text", "number", "yes-no", "time", "list"] = "text"
    filled_from: Text = ""
    required: bool = True


class PostmortemSectionFacts(Facts):
    """A section of the post-mortem's template."""

    key: Key
    heading: Said
    hint: Text = ""
    required: bool = True
    clause: str = ""
    also_clauses: list[str] = []
    field: list[PostmortemFieldFacts] = []


class TemplateFacts(Facts):
    """A text to post or send, with [blanks]."""

    slug: Key
    name: Said
    kind: Literal["status page", "incident channel", "customer mail", "other"] = "other"
    state: Text = ""
    text: Said
    clause: str = ""
    also_clauses: list[str] = []


class ChecklistFacts(Facts):
    """A list to tick or to show: a handoff, a review, an onboarding, ground rules."""

    slug: Key
    name: Said
    section: Key
    every: Cadence = ""
    when: Text = ""
    clause: str = ""
    also_clauses: list[str] = []
    item: list[ItemFacts] = []


class WarRoomTriggerFacts(Facts):
    """What calls for a war room."""

    key: Key
    text: Said
    kind: Literal["lasting", "services", "flag", "decision"]
    after: SomeLength = ""
    at_least: int = Field(default=0, ge=0)
    flag: Text = ""
    automatic_for: list[str] = []
    proposed_for: list[str] = []
    clause: str = ""
    also_clauses: list[str] = []


class WarRoomRoleFacts(Facts):
    """A role of the war room, and who may hold it."""

    slug: Key
    name: Said
    duty: Text = ""
    eligible: list[Who] = []
    also_eligible: Text = ""
    automatic: bool = False
    clause: str = ""
    also_clauses: list[str] = []


class PlaybookFacts(Facts):
    """A scenario: how it looks, what to do, when to call for help."""

    slug: Key
    name: Said
    service: Text = ""
    symptoms: list[Text] = []
    clause: str = ""
    escalate_within: SomeLength = ""
    escalate_clause: str = ""
    runbook: str = ""
    anchor: Text = ""
    link_title: Text = ""
    link_clause: str = ""
    also_clauses: list[str] = []
    action: list[ItemFacts] = []


class RunbookFacts(Facts):
    """A document the procedure refers to, by its path from the procedure."""

    slug: Key
    title: Said
    path: Said
    clause: str = ""
    also_clauses: list[str] = []


class SettingFacts(Facts):
    """One number, time or word that a rule reads by its key."""

    key: Key
    kind: Literal["span", "text", "words", "number", "flag", "time"]
    value: SettingValue
    about: Text = ""
    clause: str = ""
    also_clauses: list[str] = []


class ClauseFacts(Facts):
    """One enforceable sentence of the document, or a reading of one of its holes."""

    code: Annotated[str, Field(pattern=r"^[A-Z]{1,3}[0-9]{1,4}$")]
    chapter: Said
    text: Said
    kinds: list[ClauseKind]
    meaning: Text = ""


class Document(Facts):
    """Everything a procedure says."""

    procedure: ProcedureFacts
    severity: list[SeverityFacts] = []
    path: list[PathFacts] = []
    role: list[RoleFacts] = []
    rota: list[RotaFacts] = []
    channel: list[ChannelFacts] = []
    phase: list[PhaseFacts] = []
    log_location: list[LogLocationFacts] = []
    recipe: list[RecipeFacts] = []
    postmortem_section: list[PostmortemSectionFacts] = []
    template: list[TemplateFacts] = []
    checklist: list[ChecklistFacts] = []
    war_room_trigger: list[WarRoomTriggerFacts] = []
    war_room_role: list[WarRoomRoleFacts] = []
    playbook: list[PlaybookFacts] = []
    runbook: list[RunbookFacts] = []
    setting: list[SettingFacts] = []
    clause: list[ClauseFacts] = []
