"""Rotas and overrides in the admin."""

from rotations.admin.overrides import OverrideAdmin
from rotations.admin.rotas import RotaAdmin

__all__ = ["OverrideAdmin", "RotaAdmin"]
