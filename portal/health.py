"""Whether the whole promise holds: every room's checks, and those of the portal itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.mail import get_connection
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from deadlines.extension import Problem, problems
from deadlines.models import Pulse

BEAT_SILENT_SECONDS = 30
LOW_DISK_BYTES = 500 * 2**20
NO_DISK_BYTES = 100 * 2**20


@dataclass(frozen=True, slots=True)
class Report:
    """What is amiss. Warnings leave it ready."""

    at: datetime
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[str]:
        return [problem.name for problem in self.problems if problem.severity == "error"]

    @property
    def ready(self) -> bool:
        return not self.errors

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "ready" if self.ready else "not ready",
            "checked_at": self.at.isoformat(),
            "problems": [
                {"name": p.name, "severity": p.severity, "detail": p.detail} for p in self.problems
            ],
        }


def commit() -> None:
    """Commits something durable without changing a row; raises a database error when that fails."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_logical_emit_message(true, 'watchbill.health', '')")


_lately: tuple[float, list[Problem]] | None = None


def problems_lately(now: datetime) -> list[Problem]:
    """What is amiss, asked for at most so often in this process: for pages that people open, where some twenty
    queries for a line that is nearly always empty would be most of the page. Monitors ask `report`."""
    global _lately  # noqa: PLW0603 - two threads that look at once do no harm
    at = time.monotonic()
    if _lately is not None and at - _lately[0] < settings.HEALTH_KEPT_SECONDS:
        return _lately[1]
    found = problems(now)
    _lately = (at, found)
    return found


def report(now: datetime) -> Report:
    """Everything that is amiss at this moment. Never raises for a server that is down."""
    try:
        commit()
    except DatabaseError as error:
        detail = f"The database does not commit: {type(error).__name__}."
        return Report(now, (Problem("database", detail),))
    return Report(now, tuple(problems(now)))


def check_broker(now: datetime) -> Iterator[Problem]:
    """Pages go out without the broker too, by the clock's sweep, only later."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
        ) as client:
            client.ping()
    except redis.RedisError as error:
        yield Problem("broker", f"The broker does not answer: {type(error).__name__}.")


def check_beat(now: datetime) -> Iterator[Problem]:
    """Beat's tick goes through the broker to a worker: its pulse shows that all three live."""
    last = Pulse.objects.filter(role="beat").order_by("-ticked_at").first()
    if last is None:
        yield Problem("beat", "No tick of Celery beat has ever reached a worker.")
    elif now - last.ticked_at > timedelta(seconds=BEAT_SILENT_SECONDS):
        silent = int((now - last.ticked_at).total_seconds())
        yield Problem(
            "beat",
            f"No tick of Celery beat has reached a worker for {silent} s. Look at beat, broker and worker.",
        )


def check_clock(now: datetime) -> Iterator[Problem]:
    """Beat keeps every promise as well, but only through the broker: the guarantee is this process."""
    last = Pulse.objects.filter(role="clock").order_by("-ticked_at").first()
    if last is None:
        yield Problem("clock process", "No clock process has ever ticked. Start `manage.py clock`.")
    elif now - last.ticked_at > timedelta(seconds=settings.CLOCK_DEAD_AFTER_SECONDS):
        silent = int((now - last.ticked_at).total_seconds())
        yield Problem(
            "clock process",
            f"No clock process has ticked for {silent} s. Start `manage.py clock`, or look at its log.",
        )


def check_disk(now: datetime) -> Iterator[Problem]:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < LOW_DISK_BYTES:
        severity = "error" if free < NO_DISK_BYTES else "warning"
        yield Problem("disk", f"{free // 2**20} MB are left for {settings.DATA_DIR}.", severity)  # type: ignore[arg-type]


def check_migrations() -> Iterator[Problem]:
    """Too slow for each request; `doctor` asks."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Problem("migrations", f"{len(missing)} migrations are missing: manage.py migrate.")


def check_mail() -> Iterator[Problem]:
    if not settings.EMAIL_URL:
        return
    try:
        get_connection(timeout=5).open()
    except OSError as error:
        yield Problem("mail", f"The mail server of EMAIL_URL does not answer: {error}.")


def check_folders() -> Iterator[Problem]:
    for folder in (Path(settings.DATA_DIR), Path(settings.MAIL_DIR), Path(settings.POSTMORTEM_DIR)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".doctor"
            probe.touch()
            probe.unlink()
        except OSError as error:
            yield Problem("folders", f"{folder} cannot be written: {error.strerror}.")
