"""Celery's door to the outbox. A task is a nudge: losing it loses nothing."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from notifications import delivery
from notifications.nudge import DELIVER

SWEEP = "notifications.sweep"


@shared_task(name=DELIVER, ignore_result=True)
def deliver(**_unknown: Any) -> int:
    """Sends whatever is due, until nothing is; returns how many messages were dealt with.

    Arguments of newer versions are ignored, so that an old worker can meet a new message.
    """
    return delivery.deliver_due()


@shared_task(name=SWEEP, ignore_result=True)
def sweep(**_unknown: Any) -> int:
    """The clock's sweep, asked for by Beat: it finds what nobody was nudged for, should no clock live."""
    return delivery.sweep()
