"""Every change of who is or will be on call goes through these verbs."""

from rotations.services.absences import (
    HandOverFirst,
    add_time_off,
    change_time_off,
    remove_time_off,
)
from rotations.services.founding import found_rota
from rotations.services.overrides import (
    OverrideWanted,
    add_override,
    add_overrides,
    remove_override,
)
from rotations.services.refusal import RosterBroken, RotaRefused
from rotations.services.swaps import (
    StretchBack,
    accept_swap,
    approve_swap,
    ask_swap,
    decline_swap,
    undo_swap,
    withdraw_swap,
)
from rotations.services.taking_over import take_over

__all__ = [
    "HandOverFirst",
    "OverrideWanted",
    "RosterBroken",
    "RotaRefused",
    "StretchBack",
    "accept_swap",
    "add_override",
    "add_overrides",
    "add_time_off",
    "approve_swap",
    "ask_swap",
    "change_time_off",
    "decline_swap",
    "found_rota",
    "remove_override",
    "remove_time_off",
    "take_over",
    "undo_swap",
    "withdraw_swap",
]
