"""Reads of the clock: the database's time, what is open, what is late, which process ticks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.schedules import maybe_schedule
from django.conf import settings
from django.db import connection
from django.db.models import Count, DateTimeField, Func, Min, Q, QuerySet
from django_celery_beat.models import PeriodicTask

from deadlines.enums import State
from deadlines.models import Deadline, Outage, Pulse


def database_now() -> datetime:
    """The database's clock, which alone says what is due. A real instant, not the transaction's start."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


class ClockTimestamp(Func):
    """The same instant, read by a statement that reads rows as well."""

    function = "clock_timestamp"
    output_field = DateTimeField()


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's clock, when any process last finished a tick, and when the last stretch without one ended."""

    now: datetime
    ticked_at: datetime | None
    outage_ended_at: datetime | None


def read_clock() -> Reading:
    """What a tick begins with, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp(), (SELECT max(ticked_at) FROM deadlines_pulse),"
            " (SELECT max(ended_at) FROM deadlines_outage)"
        )
        return Reading(*cursor.fetchone())


def next_due(after: datetime) -> datetime | None:
    """When the clock next has something to look at."""
    return (
        Deadline.objects.filter(state=State.PENDING, run_at__gt=after)
        .order_by("run_at", "id")
        .values_list("run_at", flat=True)
        .first()
    )


def promises_of(subject_type: str, subject_id: int) -> QuerySet[Deadline]:
    """Every promise about a subject, by due time."""
    return Deadline.objects.filter(subject_type=subject_type, subject_id=subject_id)


def open_promises(subject_type: str, subject_ids: Iterable[int]) -> QuerySet[Deadline]:
    """The pending and paused promises of many subjects, by due time, in one query."""
    return Deadline.objects.filter(
        subject_type=subject_type,
        subject_id__in=list(subject_ids),
        state__in=[State.PENDING, State.PAUSED],
    ).order_by("due_at", "id")


def subjects_with_a_future(subject_type: str) -> QuerySet[Deadline, int]:
    """Ids of the subjects that still have a pending promise: what the watchdog holds against the open ones."""
    return Deadline.objects.filter(subject_type=subject_type, state=State.PENDING).values_list(
        "subject_id", flat=True
    )


def outage_of(due_at: datetime) -> Outage | None:
    """The stretch without a tick in which an instant fell, if any."""
    return (
        Outage.objects.filter(began_at__lte=due_at, ended_at__gt=due_at)
        .order_by("began_at")
        .first()
    )


def last_tick() -> datetime | None:
    """When any process last finished a tick."""
    pulse = Pulse.objects.order_by("-ticked_at").first()
    return pulse.ticked_at if pulse else None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the clock has not done yet though it should have.

    `worst_error` names the kind and the error, without its text: strangers read it on `/readyz`.
    """

    overdue: int
    oldest_due_at: datetime | None
    failing: int
    worst_error: str


def backlog(now: datetime, *, grace: timedelta = timedelta(seconds=5)) -> Backlog:
    """Pending promises overdue by more than the grace, and those whose handler keeps failing."""
    pending = Deadline.objects.filter(state=State.PENDING)
    counts = pending.filter(run_at__lte=now - grace).aggregate(
        overdue=Count("id"), oldest=Min("due_at")
    )
    failing = pending.filter(Q(tries__gt=0))
    worst = failing.order_by("-tries", "id").first()
    return Backlog(
        overdue=counts["overdue"],
        oldest_due_at=counts["oldest"],
        failing=failing.count(),
        worst_error=f"{worst.kind}: {worst.last_error.partition(':')[0]}" if worst else "",
    )


def wanted_schedule() -> dict[str, dict[str, Any]]:
    """What beat is to send and when, by name, as the settings say."""
    wanted: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    return wanted


def schedule_digest() -> str:
    """16 characters that stand for it: processes of two versions may want different ones."""
    return hashlib.sha256(repr(sorted(wanted_schedule().items())).encode()).hexdigest()[:16]


def another_schedule_is_wanted(now: datetime) -> bool:
    """Whether a clock ticks whose settings want something else: one version is replaced by another."""
    ticking = Pulse.objects.filter(role="clock", ticked_at__gt=now - timedelta(seconds=30))
    return ticking.exclude(schedule=schedule_digest()).exists()


def amiss_in_schedule() -> dict[str, str]:
    """Which of beat's rows are not as the settings want them: by name, what was done to it. One query."""
    wanted = wanted_schedule()
    rows = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
    found = {row.name: row for row in rows.filter(name__in=wanted)}
    amiss = {name: _amiss(found.get(name), fields) for name, fields in wanted.items()}
    return {name: what for name, what in sorted(amiss.items()) if what}


def _amiss(row: PeriodicTask | None, wanted: dict[str, Any]) -> str:
    if row is None:
        return "deleted"
    if not row.enabled:
        return "disabled"
    options = wanted.get("options", {})
    same = (
        row.task == wanted["task"]
        and row.schedule == maybe_schedule(wanted["schedule"])
        and (row.args, row.kwargs, row.headers) == ("[]", "{}", "{}")
        and all(getattr(row, name) == options.get(name) for name in _OPTIONS)
        and (row.start_time, row.expires, row.one_off) == (None, None, False)
    )
    return "" if same else "edited"


_OPTIONS = ("queue", "exchange", "routing_key", "priority", "expire_seconds")
