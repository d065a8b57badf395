"""The levels of a rota, the reasons somebody holds it, and the states of what changes it."""

from enum import StrEnum


class Level(StrEnum):
    """Where on the escalation path a rota stands."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    SHADOW = "shadow"


class Unit(StrEnum):
    """What a shift's length counts."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class PlanState(StrEnum):
    """A plan is edited as a draft, binds once published, and never did when withdrawn."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class OverrideKind(StrEnum):
    """How an override came about."""

    OVERRIDE = "override"
    SWAP = "swap"
    TAKE_OVER = "take_over"


class Why(StrEnum):
    """Why a person is on call at an instant: by turn, or by the kind of override that says so."""

    ROTA = "rota"
    OVERRIDE = "override"
    SWAP = "swap"
    TAKE_OVER = "take_over"


class SwapState(StrEnum):
    """What became of a request. Accepted waits for the manager; taken holds; undone held and was taken back."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    UNDONE = "undone"
    LAPSED = "lapsed"


class BreachKind(StrEnum):
    """What the roster proof finds."""

    GAP = "gap"
    NO_SECOND = "no_second"
    MISALIGNED = "misaligned"
    TIME_OFF = "time_off"
    INACTIVE = "inactive"
    UNREACHABLE = "unreachable"
    NOT_READY = "not_ready"
    REST_SHORT = "rest_short"
    WEEKS_IN_ROW = "weeks_in_row"
    HOLIDAY = "holiday"
