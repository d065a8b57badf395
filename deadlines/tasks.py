"""Beat's tick: the same loop as the clock process, through the broker."""

from __future__ import annotations

import os
import socket

from celery import shared_task

from deadlines.services import enforce as enforce_due


@shared_task(name="deadlines.tasks.enforce", ignore_result=True)
def enforce() -> None:
    """Enforces whatever is due. Losing this message costs nothing: the clock process ticks too."""
    enforce_due(process=f"beat:{socket.gethostname()}:{os.getpid()}")
