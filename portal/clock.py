"""The clock process: one thread enforces, one sweeps the outbox, one looks after beat's schedule, one tells
the watchdog outside.

Each sleeps on the monotonic clock, so that a stepped wall clock stops none of them, and begins each
cycle by dropping dead database connections. No thread ends on an error: it is logged, and it goes on.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.db import close_old_connections

from deadlines.services import enforce, restore_schedule
from notifications import delivery
from portal import health
from portal.demo.credentials import refresh_credentials

logger = logging.getLogger(__name__)

SHORTEST_WAIT_SECONDS = 0.02
SCHEDULE_EVERY_SECONDS = 10.0
TIMEOUT_SECONDS = 10


class Clock:
    """Runs until it is told to stop."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._name = f"clock:{socket.gethostname()}:{os.getpid()}"

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        """Blocks until `stop` is called, from a signal handler or another thread."""
        threads = [
            threading.Thread(target=self._repeat, args=args, name=args[0], daemon=True)
            for args in self._duties()
        ]
        for thread in threads:
            thread.start()
        while not self._stopped.wait(60):
            pass
        for thread in threads:
            thread.join(TIMEOUT_SECONDS)

    def _duties(self) -> list[tuple[str, Callable[[], object], float]]:
        duties: list[tuple[str, Callable[[], object], float]] = [
            ("enforce", self._enforce, settings.TICK_EVERY_SECONDS),
            ("sweep", delivery.sweep, settings.TICK_EVERY_SECONDS),
            ("schedule", keep_schedule, SCHEDULE_EVERY_SECONDS),
        ]
        if settings.HEARTBEAT_URL:
            duties.append(("heartbeat", tell_heartbeat, settings.HEARTBEAT_EVERY_SECONDS))
        if settings.DEMO:
            duties.append(("sample people", keep_sample_people_true, 60.0))
        return duties

    def _enforce(self) -> None:
        """A tick, and within its second one more whenever something falls due."""
        ends = time.monotonic() + settings.TICK_EVERY_SECONDS
        while True:
            tick = enforce(process=self._name)
            if tick.next_at is None:
                return
            wait = max((tick.next_at - tick.now).total_seconds(), SHORTEST_WAIT_SECONDS)
            if time.monotonic() + wait >= ends or self._stopped.wait(wait):
                return

    def _repeat(self, name: str, duty: Callable[[], object], every: float) -> None:
        due = time.monotonic()
        while not self._stopped.is_set():
            close_old_connections()
            try:
                duty()
            except Exception:
                logger.exception("%s failed; it goes on", name)
            due = max(due + every, time.monotonic())
            self._stopped.wait(due - time.monotonic())


def keep_schedule() -> None:
    """Beat cannot: without its row it sends nothing, and what it sends reaches a worker only by the broker."""
    restore_schedule(now=datetime.now(UTC))  # noqa: TID251 - an edge


def keep_sample_people_true() -> None:
    """Who is primary in `demo.json` changes with the shift."""
    refresh_credentials(now=datetime.now(UTC))  # noqa: TID251 - an edge


def tell_heartbeat() -> bool:
    """Tells HEARTBEAT_URL that all is well, and says nothing while anything is amiss."""
    report = health.report(datetime.now(UTC))  # noqa: TID251 - an edge
    if not report.ready:
        logger.warning("no heartbeat: %s", ", ".join(report.errors))
        return False
    request = urllib.request.Request(settings.HEARTBEAT_URL, headers={"User-Agent": "Watchbill"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 - checked by the settings
            return True
    except (urllib.error.URLError, OSError) as error:
        logger.warning("the heartbeat was not heard: %s", type(error).__name__)
        return False
