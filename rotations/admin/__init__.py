"""Rotas, their drafts, and what changes who holds them, in the admin."""

from rotations.admin.absences import TimeOffAdmin
from rotations.admin.overrides import OverrideAdmin
from rotations.admin.plans import PlanAdmin
from rotations.admin.records import BreachAdmin, ShiftAdmin, SwapAdmin
from rotations.admin.rotas import RotaAdmin
from rotations.admin.rules import RosterRulesAdmin

__all__ = [
    "BreachAdmin",
    "OverrideAdmin",
    "PlanAdmin",
    "RosterRulesAdmin",
    "RotaAdmin",
    "ShiftAdmin",
    "SwapAdmin",
    "TimeOffAdmin",
]
