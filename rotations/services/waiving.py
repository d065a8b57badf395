"""Several teams' rosters changed in one stroke, and who may let a breach stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from django.core.exceptions import PermissionDenied

from deadlines.extension import Actor
from directory.models import User
from directory.permissions import may_edit_team, person_of
from rotations.services.changing import Outcome, changing
from rotations.services.on_record import told_by


@contextmanager
def changing_all(
    team_ids: Collection[int],
    *,
    actor: Actor,
    now: datetime,
    waiver: Actor | None = None,
    waiver_reason: str = "",
    said: str = "",
    reach: datetime | None = None,
) -> Iterator[list[Outcome]]:
    """`changing` of several teams at once; each team's breaches are waived by its own manager only.

    `waiver` is who gives the reason, the actor unless named; `said` is told to those whose
    shifts move; `reach` as there.
    Raises PermissionDenied for a reason of somebody who manages none of the teams.
    """
    reason = waiver_reason.strip()
    person = person_of(waiver or actor)
    waived_by: dict[int, User] = {}
    if reason and isinstance(person, User):
        waived_by = {one: person for one in team_ids if may_edit_team(person, one)}
    if reason and team_ids and not waived_by:
        raise PermissionDenied("Only the team's manager may let a breach stand.")
    with told_by(actor), ExitStack() as stack:
        outcomes = [
            stack.enter_context(
                changing(
                    one,
                    now=now,
                    actor=actor,
                    waived_by=waived_by.get(one),
                    waiver_reason=reason,
                    reach=reach,
                )  # fmt: skip
            )
            for one in sorted(
                team_ids
            )  # in one order, so that two such changes never wait for each other
        ]
        for outcome in outcomes:
            outcome.said = said
        yield outcomes


def moved_by(outcomes: Iterable[Outcome]) -> frozenset[int]:
    """The ids of those whose shifts moved, and who have been told so."""
    return frozenset(moved.user_id for outcome in outcomes for moved in outcome.moved)
