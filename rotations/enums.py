"""The levels of a rota, and the reasons somebody holds it."""

from enum import StrEnum


class Level(StrEnum):
    """Where on the escalation path a rota stands."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    SHADOW = "shadow"


class Unit(StrEnum):
    """What a shift's length counts."""

    DAY = "day"
    WEEK = "week"


class Why(StrEnum):
    """Why a person is on call at an instant."""

    ROTA = "rota"
    OVERRIDE = "override"
