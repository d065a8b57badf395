"""The states and kinds of what monitoring sends."""

from enum import StrEnum


class IntegrationKind(StrEnum):
    """What the sender speaks."""

    PAGERDUTY = "pagerduty"
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    GENERIC = "generic"
    HEARTBEAT = "heartbeat"


class Action(StrEnum):
    """What an event asks for, in the words of PagerDuty's Events API."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class AlertState(StrEnum):
    """Where an alert stands, as its source sees it."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class ResolveMode(StrEnum):
    """What becomes of an incident when the last of its alerts is resolved by its source."""

    PROPOSE = "propose"
    RESOLVE = "resolve"


class BeatState(StrEnum):
    """Where a heartbeat stands."""

    WAITING = "waiting"
    ALIVE = "alive"
    SILENT = "silent"


class AlertKind(StrEnum):
    """Which escalation an alert asks for, in the words of the incidents."""

    STANDARD = "standard"
    SECURITY = "security"
