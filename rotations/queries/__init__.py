"""What is read of rotas, in a fixed number of queries each."""

from rotations.queries.facts import PlanRow, facts_of, overrides_of
from rotations.queries.held import held_at, held_between
from rotations.queries.oncall import OnCall, next_shifts, on_call_of, shifts_of, who_is_on_call
from rotations.queries.roster import people_of, roster
from rotations.queries.suggesting import suggestions

__all__ = [
    "OnCall",
    "PlanRow",
    "facts_of",
    "held_at",
    "held_between",
    "next_shifts",
    "on_call_of",
    "overrides_of",
    "people_of",
    "roster",
    "shifts_of",
    "suggestions",
    "who_is_on_call",
]
