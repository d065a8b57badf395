"""What incidents hear from the outbox and from the rotas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deadlines.extension import PORTAL
from incidents.services.failing import person_was_not_reached
from incidents.services.handing_over import hand_calls_over, incidents_called
from notifications.events import page_exhausted
from rotations.events import pager_taken


@page_exhausted.listen
def on_page_exhausted(
    *, page_out_id: int, subject_type: str, subject_id: int, now: str, **_: Any
) -> None:
    """Every way to reach a person failed: the next one of the path is called."""
    if subject_type == "incident":
        person_was_not_reached(
            subject_id, page_out_id=page_out_id, actor=PORTAL, now=datetime.fromisoformat(now)
        )


@pager_taken.listen
def on_pager_taken(
    *, team_id: int, level: str, from_user_id: int | None, to_user_id: int, now: str, **_: Any
) -> None:
    """Somebody took a rota over: the calls that wait for the one relieved are theirs."""
    if from_user_id is None:
        return
    for incident_id in incidents_called(from_user_id, team_id):
        hand_calls_over(
            incident_id, team_id=team_id, level=level, from_user_id=from_user_id,
            to_user_id=to_user_id, now=datetime.fromisoformat(now),
        )  # fmt: skip
