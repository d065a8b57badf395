"""What is wrong with a procedure: every fault at once, each named by its key and its line."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from procedures.enums import Flag
from procedures.rules.changes import identity
from procedures.rules.document import (
    SETTING_TYPES,
    Document,
    PathFacts,
    SettingFacts,
    SeverityFacts,
    StepFacts,
    WarRoomTriggerFacts,
)
from procedures.rules.file import Place
from procedures.rules.notation import Trigger, parse_route, parse_target, parse_trigger
from procedures.rules.spans import BadSpan, parse_span

WHOLE_TEAM = "all-hands"
_SEVERITY_LISTS = {
    "severities",
    "with_standard",
    "repeat_severities",
    "promised_for",
    "automatic_for",
    "proposed_for",
}
_CLAUSE_LISTS = {"also_clauses"}
_TEXT_SETTING = "must be a text, a number, true, false, or a list of words"
_STAND_INS: dict[str, Any] = {
    "rank": 1,
    "round": 1,
    "last_updated": "2000-01-01",
    "kinds": [],
    "value": "",
    "command": "-",
}

type Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where by key path, what, and the file's line when it came from a file."""

    where: str
    what: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.where}: {self.what}" if self.where else f"{place}{self.what}"


class ProcedureRefused(ValueError):
    """The procedure has faults; nothing was written."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


def read_document(data: Raw, lines: Mapping[Place, int] | None = None) -> Document:
    """The document of a file's or a draft's tables. Raises `ProcedureRefused` with every fault.

    Values of a wrong shape are set aside and the rest is still judged, so that one round names all.
    """
    found: dict[Place, str] = {}
    document: Document | None = None
    try:
        document = Document.model_validate(data)
    except ValidationError as error:
        found = _shape_faults(error, data)
        document = _without(data, error)
    if document is not None:
        for place, what in _meaning_faults(document):
            if not any(place[: len(bad)] == bad for bad in found):
                found.setdefault(place, what)
    if found or document is None:
        raise ProcedureRefused(_in_order(found, data, lines or {}))
    return document


def _in_order(found: Mapping[Place, str], data: Raw, lines: Mapping[Place, int]) -> list[Fault]:
    faults = [
        Fault(named(place, data), what, line_of(place, lines)) for place, what in found.items()
    ]
    return sorted(faults, key=lambda fault: fault.line or 0)


def named(place: Place, data: Any) -> str:
    """A place in words: severity[P2].criterion[slow].threshold."""
    words = ""
    for part in place:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
            words += f"[{identity(data) or part + 1}]"
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
            words += f".{part}" if words else part
    return words


def line_of(place: Place, lines: Mapping[Place, int]) -> int | None:
    """The line of a place, or of the nearest table around it."""
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return None


# --- shape ----------------------------------------------------------------------------------------


def _shape_faults(error: ValidationError, data: Raw) -> dict[Place, str]:
    found: dict[Place, str] = {}
    for detail in error.errors():
        place = _place(detail, data)
        found.setdefault(place, _worded(detail, place))
    return found


def _place(detail: ErrorDetails, data: Raw) -> Place:
    """The error's place without the branches of a union, which are no keys of the file."""
    place: Place = ()
    value: Any = data
    for part in detail["loc"]:
        if isinstance(value, Mapping) and (part in value or detail["type"] == "missing"):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            break
        place = (*place, part)
    return place


def _worded(detail: ErrorDetails, place: Place) -> str:
    context = detail.get("ctx", {})
    if place[0] == "setting" and place[-1] == "value" and detail["type"] != "missing":
        return _TEXT_SETTING
    match detail["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is missing"
        case "value_error":
            return str(context["error"])
        case "literal_error" | "enum":
            return f"must be {context['expected']}, not {detail['input']!r}"
        case "string_pattern_mismatch":
            return f"is no short name: {detail['input']!r}"
    return (
        f"{detail['msg'].removeprefix('Input should be ').lower()}: {str(detail['input'])[:80]!r}"
    )


def _without(data: Raw, error: ValidationError) -> Document | None:
    """The document with its misshapen values set aside, to judge the rest; None when hopeless."""
    rest = copy.deepcopy(dict(data))
    # From the back, so that the places before a removed list item still hold.
    for detail in reversed(error.errors()):
        _set_aside(rest, _place(detail, data))
    try:
        return Document.model_validate(rest)
    except ValidationError as again:
        for detail in again.errors():
            _stand_in(rest, detail["loc"])
    try:
        return Document.model_validate(rest)
    except ValidationError:
        return None


def _set_aside(rest: Any, place: Place) -> None:
    holder = _holder(rest, place)
    if isinstance(holder, dict) and str(place[-1]).endswith(("_within", "_every")):
        holder[place[-1]] = "1m"  # there is a clock, only its length cannot be read
    elif isinstance(holder, dict):
        holder.pop(place[-1], None)
    elif isinstance(holder, list) and isinstance(place[-1], int) and place[-1] < len(holder):
        del holder[place[-1]]


def _stand_in(rest: Any, place: Place) -> None:
    holder = _holder(rest, place)
    if isinstance(holder, dict):
        holder[place[-1]] = _STAND_INS.get(str(place[-1]), "unnamed")


def _holder(rest: Any, place: Place) -> Any:
    for part in place[:-1]:
        try:
            rest = rest[part]
        except (KeyError, IndexError, TypeError):
            return None
    return rest


# --- meaning --------------------------------------------------------------------------------------

type Found = Iterator[tuple[Place, str]]


def _meaning_faults(document: Document) -> Found:
    data = document.model_dump(mode="json")
    yield from _duplicates(data, ())
    yield from _unknown_names(document, data)
    yield from _head(document)
    for place, severity in enumerate(document.severity):
        yield from _severity(severity, ("severity", place))
    if document.severity and not document.path:
        yield ("path",), "no escalation path: nobody would ever be paged"
    for place, path in enumerate(document.path):
        yield from _path(path, document, ("path", place))
    yield from _coverage(document)
    for place, setting in enumerate(document.setting):
        yield from _setting(setting, ("setting", place))
    for place, trigger in enumerate(document.war_room_trigger):
        yield from _war_room_trigger(trigger, ("war_room_trigger", place))
    for place, phase in enumerate(document.phase):
        begins = parse_span(phase.begins_after or "0s").seconds
        if phase.ends_after and parse_span(phase.ends_after).seconds <= begins:
            yield ("phase", place, "ends_after"), "the phase ends before it begins"


def _duplicates(data: Any, place: Place) -> Found:
    for name, value in data.items():
        if not isinstance(value, list) or not value or not isinstance(value[0], dict):
            continue
        counts: Counter[str] = Counter()
        for index, item in enumerate(value):
            called = identity(item)
            counts[called] += 1
            if called and counts[called] > 1:
                yield (*place, name, index), f"{called!r} is there already"
            yield from _duplicates(item, (*place, name, index))


def _unknown_names(document: Document, data: Any) -> Found:
    """Severities, clauses, roles, rotas, runbooks that are named and nowhere defined."""
    known = _Known(document)
    yield from _walk(known, data, ())
    yield from _unknown_in_roles(document, known)
    for index, rota in enumerate(document.rota):
        where: Place = ("rota", index, "derived_from")
        if rota.derived_from == rota.level:
            yield where, "a rota cannot be derived from itself"
        elif rota.derived_from and rota.derived_from not in known.rotas:
            yield where, f"no rota {rota.derived_from!r} is defined"
    for index, channel in enumerate(document.channel):
        for place, route in enumerate(channel.routes):
            severity = parse_route(route)[1]
            if severity not in known.severities:
                yield ("channel", index, "routes", place), f"unknown severity {severity!r}"
    for index, playbook in enumerate(document.playbook):
        if playbook.runbook and playbook.runbook not in known.runbooks:
            yield ("playbook", index, "runbook"), f"unknown runbook {playbook.runbook!r}"


def _unknown_in_roles(document: Document, known: _Known) -> Found:
    for index, role in enumerate(document.role):
        if role.backup_role == role.slug:
            yield ("role", index, "backup_role"), "a role cannot back itself up"
        elif role.backup_role and role.backup_role not in known.roles:
            yield ("role", index, "backup_role"), f"unknown role {role.backup_role!r}"
        if role.from_rota and role.from_rota not in known.rotas:
            yield ("role", index, "from_rota"), f"no rota {role.from_rota!r} is defined"
        for place, method in enumerate(role.method):
            if method.severity not in known.severities:
                where: Place = ("role", index, "method", place, "severity")
                yield where, f"unknown severity {method.severity!r}"


class _Known:
    def __init__(self, document: Document) -> None:
        self.severities = {severity.code for severity in document.severity}
        self.clauses = {clause.code for clause in document.clause}
        self.roles = {role.slug for role in document.role}
        self.rotas = {rota.level.value for rota in document.rota}
        self.runbooks = {runbook.slug for runbook in document.runbook}

    def target_fault(self, text: str) -> str:
        target = parse_target(text)
        if target.kind == "role" and target.name not in self.roles:
            return f"unknown role {target.name!r}"
        if target.kind == "rota" and target.name not in self.rotas:
            return f"no rota {target.name!r} is defined"
        if target.kind == "team" and target.name != WHOLE_TEAM:
            return f"unknown team {target.name!r}; the whole team is {WHOLE_TEAM!r}"
        return ""


def _walk(known: _Known, value: Any, place: Place) -> Found:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(known, inner, (*place, name))
    elif isinstance(value, list):
        name = place[-1]
        for index, inner in enumerate(value):
            if name in _SEVERITY_LISTS and inner not in known.severities:
                yield (*place, index), f"unknown severity {inner!r}"
            elif name in _CLAUSE_LISTS and inner not in known.clauses:
                yield (*place, index), f"unknown clause {inner!r}"
            elif name in {"who", "eligible"} and (fault := known.target_fault(inner)):
                yield (*place, index), fault
            else:
                yield from _walk(known, inner, (*place, index))
    elif isinstance(value, str) and value and _names_clause(place) and value not in known.clauses:
        yield place, f"unknown clause {value!r}"


def _names_clause(place: Place) -> bool:
    name = str(place[-1])
    return name == "clause" or name.endswith("_clause")


def _head(document: Document) -> Found:
    head = document.procedure
    if head.closes <= head.opens:
        yield ("procedure", "closes"), "business hours must end after they begin"
    if not head.workdays:
        yield ("procedure", "workdays"), "at least one day must be a working day"
    if len(set(head.workdays)) < len(head.workdays):
        yield ("procedure", "workdays"), "a day is named twice"
    ranks = Counter(severity.rank for severity in document.severity)
    for place, severity in enumerate(document.severity):
        if ranks[severity.rank] > 1:
            yield ("severity", place, "rank"), f"rank {severity.rank} is given twice"


def _severity(severity: SeverityFacts, place: Place) -> Found:
    clocks = {
        "acknowledge_within": severity.acknowledge_clock,
        "first_update_within": severity.clock,
        "update_every": severity.clock,
        "resolve_within": severity.clock,
    }
    for name, clock in clocks.items():
        length = getattr(severity, name)
        if length and parse_span(length).business_days and clock != "business":
            yield (*place, name), "business days need the business clock"
    if severity.customer_mail == "if down longer" and not severity.customer_mail_downtime_over:
        where = (*place, "customer_mail_downtime_over")
        yield where, "is missing: longer than what?"
    if severity.hold_until_business_hours and not severity.pages:
        yield (*place, "hold_until_business_hours"), "nothing is held where nobody is paged"
    for index, criterion in enumerate(severity.criterion):
        if (criterion.threshold is None) != (not criterion.comparison):
            where = (*place, "criterion", index, "threshold")
            yield where, "a threshold needs a comparison, and a comparison a threshold"


def _path(path: PathFacts, document: Document, place: Place) -> Found:
    severities = [item for item in document.severity if item.code in path.severities]
    if not path.severities:
        yield (*place, "severities"), "no severity: the path can never run"
    if not path.step:
        yield (*place, "step"), "the path is empty: it would reach nobody"
    for index, code in enumerate(path.severities):
        if any(item.code == code and not item.pages for item in document.severity):
            yield (*place, "severities", index), f"{code} pages nobody: the path can never run"
    for index, step in enumerate(path.step):
        yield from _step(step, severities, (*place, "step", index))
    if path.step and not any(
        parse_trigger(text).kind == "at_once" for step in path.step for text in step.when
    ):
        yield (*place, "step"), "no step is taken at once: the path begins with silence"
    yield from _repeats(path, place)
    if path.kind == "standard" and path.with_standard:
        yield (*place, "with_standard"), "only a security path runs beside a standard one"
    for code in path.with_standard:
        if code not in path.severities:
            yield (*place, "with_standard"), f"{code} is no severity of this path"


def _step(step: StepFacts, severities: list[SeverityFacts], place: Place) -> Found:
    if not step.who:
        yield (*place, "who"), "reaches nobody"
    if not step.when:
        yield (*place, "when"), "has no trigger: it can never fire"
    triggers = [parse_trigger(text) for text in step.when]
    for index, trigger in enumerate(triggers):
        if why := _never_fires(trigger, triggers, index, severities):
            yield (*place, "when", index), f"can never fire: {why}"


def _never_fires(
    trigger: Trigger, triggers: list[Trigger], index: int, severities: list[SeverityFacts]
) -> str:
    if trigger.kind != "at_once" and any(other.kind == "at_once" for other in triggers):
        return "the step is taken at once already"
    if trigger.kind == "flag":
        if trigger.flag not in set(Flag):
            return f"nobody can set the flag {trigger.flag!r}; there are {', '.join(Flag)}"
        same = [other.flag == trigger.flag for other in triggers[:index]]
        return "the same flag stands above" if any(same) else ""
    if any(other.kind == trigger.kind for other in triggers[:index]):
        return f"another {trigger.kind.replace('_', ' ')!r} stands above"
    return _no_clock(trigger, severities)


def _no_clock(trigger: Trigger, severities: list[SeverityFacts]) -> str:
    if trigger.kind == "unacknowledged" and trigger.after is None:
        bare = [item.code for item in severities if not item.acknowledge_within]
        if severities and len(bare) == len(severities):
            return f"{', '.join(bare)} has no acknowledgment time"
    clocks = {_clock_of(trigger, item) for item in severities}
    if trigger.after and trigger.after.business_days and "business" not in clocks:
        return "business days on a severity that runs on all hours"
    return ""


def _clock_of(trigger: Trigger, severity: SeverityFacts) -> str:
    return severity.acknowledge_clock if trigger.kind == "unacknowledged" else severity.clock


def _repeats(path: PathFacts, place: Place) -> Found:
    if path.repeat and not (path.repeat_every and path.repeat_severities):
        yield (*place, "repeat"), "can never fire: the path does not repeat"
    if path.repeat_severities and not path.repeat_every:
        yield (*place, "repeat_severities"), "how often? repeat_every is missing"
    if path.repeat_every and not path.repeat_severities:
        yield (*place, "repeat_every"), "at which severities? repeat_severities is missing"
    if path.repeat_every and parse_span(path.repeat_every).business_days:
        yield (*place, "repeat_every"), "repeats run on all hours, not on business days"
    for index, code in enumerate(path.repeat_severities):
        if code not in path.severities:
            yield (*place, "repeat_severities", index), f"{code} is no severity of this path"
    keys = {step.key for step in path.step}
    for index, extra in enumerate(path.repeat):
        if not extra.who:
            yield (*place, "repeat", index, "who"), "reaches nobody"
        if extra.key in keys:
            yield (*place, "repeat", index, "key"), f"{extra.key!r} is a step of this path already"


def _coverage(document: Document) -> Found:
    taken: dict[tuple[str, str], str] = {}
    for index, path in enumerate(document.path):
        for code in path.severities:
            other = taken.setdefault((path.kind, code), path.slug)
            if other != path.slug:
                where: Place = ("path", index, "severities")
                yield where, f"the {path.kind} path {other!r} is for {code} already"
    for index, severity in enumerate(document.severity):
        if document.path and severity.pages and ("standard", severity.code) not in taken:
            yield ("severity", index, "pages"), "no standard path is for it: it would page nobody"


def _setting(setting: SettingFacts, place: Place) -> Found:
    if why := setting_fault(setting.kind, setting.value):
        yield (*place, "value"), why


def setting_fault(kind: str, value: Any) -> str:
    """Why a value is none of its kind; "" when it is."""
    allowed = SETTING_TYPES[kind]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        return f"is no {kind}: {value!r}"
    if kind == "span":
        try:
            parse_span(str(value))
        except BadSpan as error:
            return str(error)
    if kind == "time" and not _is_time_of_day(str(value)):
        return f'write a time of day like "09:00": {value!r}'
    return ""


def _is_time_of_day(text: str) -> bool:
    hours, _, minutes = text.partition(":")
    whole = len(hours) == 2 and len(minutes) == 2 and (hours + minutes).isdecimal()
    return whole and int(hours) < 24 and int(minutes) < 60


def _war_room_trigger(trigger: WarRoomTriggerFacts, place: Place) -> Found:
    if trigger.kind == "lasting" and not trigger.after:
        yield (*place, "after"), "can never fire: lasting longer than what?"
    if trigger.kind == "services" and trigger.at_least < 1:
        yield (*place, "at_least"), "how many services?"
    if trigger.kind == "flag" and not trigger.flag:
        yield (*place, "flag"), "can never fire: which flag?"
    if not trigger.automatic_for and not trigger.proposed_for:
        yield place, "can never fire: at no severity is it automatic or proposed"
