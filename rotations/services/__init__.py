"""Every change of who is or will be on call goes through these verbs."""

from rotations.services.founding import found_rota
from rotations.services.overrides import (
    OverrideWanted,
    add_override,
    add_overrides,
    remove_override,
)
from rotations.services.refusal import RosterBroken, RotaRefused
from rotations.services.taking_over import take_over

__all__ = [
    "OverrideWanted",
    "RosterBroken",
    "RotaRefused",
    "add_override",
    "add_overrides",
    "found_rota",
    "remove_override",
    "take_over",
]
