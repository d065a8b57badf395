"""The states, natures and reaches of a promise."""

from enum import StrEnum


class State(StrEnum):
    """Where a promise stands. Pending and paused are open; the rest is settled for good."""

    PENDING = "pending"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    WAIVED = "waived"
    CANCELLED = "cancelled"


class Nature(StrEnum):
    """A duty is owed by a person and missed when it falls due; an act is done by the portal."""

    DUTY = "duty"
    ACT = "act"


class Reach(StrEnum):
    """How a promise reaches people: at any hour, at once to the engaged, or in the daily digest."""

    WAKE = "wake"
    NOW = "now"
    DIGEST = "digest"
