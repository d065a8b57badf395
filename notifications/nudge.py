"""A nudge to the workers after a commit: deliver now. The thread that commits never talks to the broker.

On commit sets a flag; one background thread publishes and coalesces. A broker that is down, slow or
frozen delays nobody: the clock's sweep finds the rows by itself.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from celery import current_app
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

DELIVER = "notifications.deliver"
GAP_SECONDS = 0.02
"""Nudges closer than this are one."""

_flag = threading.Event()
_lock = threading.Lock()
_thread: threading.Thread | None = None


def after_commit() -> None:
    """Asks the workers to deliver, once the caller's transaction is committed."""
    if settings.NUDGE_WORKERS:
        transaction.on_commit(_raise_flag)


def _raise_flag() -> None:
    global _thread  # noqa: PLW0603 - one thread per process
    _flag.set()
    if _thread is not None and _thread.is_alive():
        return
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, name="nudge", daemon=True)
            _thread.start()


def _run() -> None:
    while True:
        _flag.wait()
        _flag.clear()
        try:
            publish()
        except Exception as error:  # noqa: BLE001 - whatever the broker does, the rows are safe
            logger.warning("no nudge to the workers: %s: %s", type(error).__name__, error)
        time.sleep(GAP_SECONDS)


def publish() -> None:
    """Sends the one message. Blocks as long as the broker likes."""
    current_app.send_task(
        DELIVER, expires=settings.NUDGE_EXPIRES_SECONDS, retry=False, ignore_result=True
    )


def _forget_thread() -> None:
    """A forked child has no thread of its own yet."""
    global _thread, _lock, _flag  # noqa: PLW0603
    _thread, _lock, _flag = None, threading.Lock(), threading.Event()


os.register_at_fork(after_in_child=_forget_thread)
