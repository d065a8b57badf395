"""Rotas, their members and their overrides."""

from rotations.models.override import Override
from rotations.models.rota import Rota, RotaMember

__all__ = ["Override", "Rota", "RotaMember"]
