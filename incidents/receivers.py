"""What incidents hear from the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deadlines.extension import PORTAL
from incidents.services.failing import person_was_not_reached
from notifications.events import page_exhausted


@page_exhausted.listen
def on_page_exhausted(
    *, page_out_id: int, subject_type: str, subject_id: int, now: str, **_: Any
) -> None:
    """Every way to reach a person failed: the next one of the path is called."""
    if subject_type == "incident":
        person_was_not_reached(
            subject_id, page_out_id=page_out_id, actor=PORTAL, now=datetime.fromisoformat(now)
        )
