"""Swaps as a person sees them, and whom one might ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from directory.models import User
from directory.permissions import editable_teams
from rotations.enums import SwapState
from rotations.models import Rota, Swap
from rotations.permissions import visible_swaps
from rotations.queries.calendar import Held, lines_of

OPEN = (SwapState.ASKED, SwapState.ACCEPTED)

BUTTONS = {
    "accept": ("Accept", ""),
    "approve": ("Approve", ""),
    "decline": ("Decline", "Why?"),
    "withdraw": ("Withdraw", ""),
    "undo": ("Take back", "Why? (may stay empty)"),
}


@dataclass(frozen=True, slots=True)
class SwapShown:
    """A swap with what the reader may do about it."""

    swap: Swap
    verbs: tuple[str, ...]

    @property
    def stands(self) -> str:
        """How it stands, in a few words."""
        return {
            SwapState.ASKED: f"waits for {self.swap.colleague}",
            SwapState.ACCEPTED: "accepted, waits for the manager",
            SwapState.TAKEN: "swapped",
        }.get(SwapState(self.swap.state), self.swap.state)

    @property
    def buttons(self) -> list[tuple[str, str, str]]:
        """(verb, what the button says, what it asks for first) of each."""
        return [(verb, *BUTTONS[verb]) for verb in self.verbs]


def swaps_shown(user: User, *, now: datetime) -> list[SwapShown]:
    """The swaps that concern the person: asked of them, by them or for them, theirs that hold, and those that wait
    for their approval. What is settled and over is left out."""
    managed = editable_teams(user)
    rows: QuerySet[Swap] = (
        visible_swaps(user)
        .filter(
            Q(state__in=OPEN)
            | Q(state=SwapState.TAKEN, ends_at__gt=now)
            | Q(state=SwapState.TAKEN, back_ends_at__gt=now)
        )
        .filter(
            Q(giver=user)
            | Q(colleague=user)
            | Q(filed_by=user)
            | Q(state__in=OPEN, rota__team__in=managed)
        )
    )
    named = rows.select_related("rota__team", "back_rota__team", "giver", "colleague", "filed_by")
    manages = set(managed.values_list("pk", flat=True))
    return [
        SwapShown(row, _verbs(row, user, manages, now))
        for row in named.order_by("starts_at", "pk").distinct()
    ]


def _verbs(swap: Swap, user: User, managed: set[int], now: datetime) -> tuple[str, ...]:
    teams = {swap.rota.team_id} | ({swap.back_rota.team_id} if swap.back_rota else set())
    manager = teams <= managed
    mine = user.pk in (swap.giver_id, swap.filed_by_id) or manager
    begun = min(swap.starts_at, swap.back_starts_at or swap.starts_at) <= now
    found = []
    if swap.state == SwapState.ASKED and user.pk == swap.colleague_id:
        found += ["accept", "decline"]
    if swap.state == SwapState.ACCEPTED and manager:
        found += ["approve", "decline"]
    if swap.state in OPEN and mine:
        found.append("withdraw")
    sides = user.pk in (swap.giver_id, swap.colleague_id) and not begun
    if swap.state == SwapState.TAKEN and (sides or manager):
        found.append("undo")
    return tuple(dict.fromkeys(found))


def to_come(rotas: Sequence[Rota], *, now: datetime, until: datetime) -> list[Held]:
    """The stretches of the rotas that begin between the instants, by their start."""
    found = [
        one
        for line in lines_of(rotas, start=now, end=until, now=now)
        for one in line.held
        if one.starts_at > now
    ]
    return sorted(found, key=lambda one: (one.starts_at, one.rota_id))
