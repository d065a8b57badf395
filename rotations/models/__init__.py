"""Rotas, their plans, what changes them, and the shifts that follow."""

from rotations.models.absence import TimeOff
from rotations.models.breach import Breach
from rotations.models.feed import Feed
from rotations.models.override import Override
from rotations.models.plan import Plan, PlanMember
from rotations.models.rota import Rota
from rotations.models.rules import RosterRules
from rotations.models.shift import Shift
from rotations.models.swap import Swap

__all__ = [
    "Breach",
    "Feed",
    "Override",
    "Plan",
    "PlanMember",
    "RosterRules",
    "Rota",
    "Shift",
    "Swap",
    "TimeOff",
]
