"""The words a procedure may use."""

from enum import StrEnum


class Clock(StrEnum):
    """Which hours count: all of them, or the team's business hours."""

    ELAPSED = "elapsed"
    BUSINESS = "business"


class PathKind(StrEnum):
    """Which incidents a path is for."""

    STANDARD = "standard"
    SECURITY = "security"


class TargetKind(StrEnum):
    """Whom a step reaches: a rota's level, a role's holders, a whole team, the service's experts."""

    ROTA = "rota"
    ROLE = "role"
    TEAM = "team"
    LEAD_SERVICE_SMES = "lead_service_smes"


class TriggerKind(StrEnum):
    """What sets a step off."""

    AT_ONCE = "at_once"
    UNACKNOWLEDGED = "unacknowledged"
    UNRESOLVED = "unresolved"
    ON_DEMAND = "on_demand"
    FLAG = "flag"


class Flag(StrEnum):
    """What somebody can declare of an incident, and a step can wait for."""

    MAJOR = "major"
    BREACH_CONFIRMED = "breach_confirmed"


class Method(StrEnum):
    """A kind of contact method."""

    PAGER = "pager"
    PHONE = "phone"
    MAIL = "mail"
    CHAT = "chat"
    WEBHOOK = "webhook"


class RouteEvent(StrEnum):
    """What is posted to a chat channel by severity."""

    ALERT = "alert"
    INCIDENT = "incident"


class Level(StrEnum):
    """The rungs of a team's pager."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    SHADOW = "shadow"


class Result(StrEnum):
    """What became of a clause in one case."""

    MET = "met"
    MISSED = "missed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"


class ClauseKind(StrEnum):
    """What honouring a clause takes. A clause may take several."""

    DATA = "data"
    GATE = "gate"
    TIMER = "timer"
    RECURRING = "recurring"
    CHECKLIST = "checklist"
    PERMISSION = "permission"
    ACTION = "action"
    LINK = "link"
    TEXT = "text"
    READING = "reading"
