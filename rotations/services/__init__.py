"""Every change of who is or will be on call goes through these verbs."""

from rotations.services.founding import found_rota
from rotations.services.overrides import add_override, remove_override, take_over
from rotations.services.refusal import RotaRefused

__all__ = ["RotaRefused", "add_override", "found_rota", "remove_override", "take_over"]
