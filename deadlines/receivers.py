"""A domain event's receiver that failed is called again by the clock."""

from __future__ import annotations

from deadlines.enums import Nature, Reach
from deadlines.extension import event_named
from deadlines.models import Deadline
from deadlines.registry import Due, Kind, register_kind, register_subject


def call_again(deadline: Deadline, due: Due) -> dict[str, str]:
    payload = deadline.payload
    event_named(payload["event"]).call_again(payload["receiver"], payload["facts"])
    return {"heard_at": due.now.isoformat()}


def register() -> None:
    register_subject("deadlines.event", lock=lambda _: True, label=lambda _: "an event")
    register_kind(
        Kind("deadlines.receiver", Nature.ACT, Reach.NOW, call_again, "An event is heard at last")
    )
