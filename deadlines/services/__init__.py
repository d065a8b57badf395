"""Every way a promise may change, and how beat's schedule is kept."""

from deadlines.services.beat import restore_schedule
from deadlines.services.enforcement import Tick, enforce
from deadlines.services.promises import (
    Promise,
    cancel,
    keep_failed_receiver,
    move,
    pause,
    resume,
    schedule,
    settle,
    waive,
)

__all__ = [
    "Promise",
    "Tick",
    "cancel",
    "enforce",
    "keep_failed_receiver",
    "move",
    "pause",
    "restore_schedule",
    "resume",
    "schedule",
    "settle",
    "waive",
]
