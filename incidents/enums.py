"""The states and kinds of an incident."""

from enum import StrEnum


class Status(StrEnum):
    """Where an incident stands. The database refuses every change that `rules.lifecycle` does not list."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Kind(StrEnum):
    """A security incident is restricted to those granted, and climbs the security path."""

    STANDARD = "standard"
    SECURITY = "security"


class UpdateKind(StrEnum):
    """Only findings are the first update that the procedure asks for (C40)."""

    INITIAL = "initial"
    STATUS = "status"
    FINDINGS = "findings"


class EntryKind(StrEnum):
    """What a timeline entry tells."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    UPDATE = "update"
    NOTE = "note"
    STEP = "step"
    REPEAT = "repeat"
    EMPTY_STEP = "empty_step"
    MISSED = "missed"
    REMINDED = "reminded"
    SEVERITY = "severity"
    OWNER = "owner"
    ROLE = "role"
    NEED_HELP = "need_help"
    CANNOT_TAKE = "cannot_take"
    ESCALATED = "escalated"
    ALL_HANDS = "all_hands"
    MAJOR = "major"
    BREACH = "breach"
    ALERTS = "alerts"
    PROPOSED = "proposed"
    MITIGATED = "mitigated"
    RELAPSED = "relapsed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    UNDONE = "undone"
    CLOSED = "closed"
    FALSE_POSITIVE = "false_positive"
    WAIVED = "waived"
    PAGES = "pages"


class RoleName(StrEnum):
    """What somebody is on one incident."""

    RESPONDER = "responder"
    COMMANDER = "commander"
    OPS_LEAD = "ops-lead"
    COMMUNICATIONS_LEAD = "communications-lead"
    SME = "sme"


class Promised(StrEnum):
    """The kinds of promises an incident makes."""

    ACKNOWLEDGE = "incident.acknowledge"
    FIRST_UPDATE = "incident.first_update"
    UPDATE = "incident.update"
    RESOLVE = "incident.resolve"
    STEP = "incident.step"
    REPEAT = "incident.repeat"
    OPENING = "incident.opening"
    NUDGE = "incident.nudge"
    ALERT_COUNT = "incident.alert_count"


class Flag(StrEnum):
    """What arms the steps that wait for a flag."""

    MAJOR = "major"
    BREACH_CONFIRMED = "breach_confirmed"
