"""What the clock says of itself: for `/readyz`, the metrics and the home page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django_celery_beat.models import PeriodicTasks

from deadlines.extension import Problem
from deadlines.models import Deadline, Pulse, ScheduleRepair
from deadlines.queries import amiss_in_schedule, backlog, last_tick

REPAIR_SHOWN_FOR = timedelta(days=1)

Metric = tuple[str, str, str, list[tuple[dict[str, str], float]]]


def check(now: datetime) -> list[Problem]:
    """A clock that stands still, lags, fails, or disagrees with the database about the time; a schedule
    of beat's that somebody has meddled with."""
    return [*_standing(now), *_lagging(now), *_skewed(now), *_scheduled(now)]


def _standing(now: datetime) -> Iterator[Problem]:
    ticked = last_tick()
    if ticked is None:
        yield Problem("clock", "No process has ticked yet. Start `manage.py clock`.")
    elif now - ticked > timedelta(seconds=settings.CLOCK_DEAD_AFTER_SECONDS):
        silent = int((now - ticked).total_seconds())
        yield Problem(
            "clock",
            f"Nothing has ticked for {silent} s. Start `manage.py clock`, or look at its log.",
        )


def _lagging(now: datetime) -> Iterator[Problem]:
    state = backlog(now)
    if state.overdue and state.oldest_due_at:
        behind = int((now - state.oldest_due_at).total_seconds())
        yield Problem("overdue", f"{state.overdue} promises are overdue, the oldest by {behind} s.")
    if state.failing:
        yield Problem(
            "handlers",
            f"{state.failing} promises keep failing. The worst: {state.worst_error}"[:500],
        )


def _skewed(now: datetime) -> Iterator[Problem]:
    fresh = Pulse.objects.filter(ticked_at__gte=now - timedelta(minutes=1))
    for pulse in fresh:
        seconds = abs(pulse.skew.total_seconds())
        if seconds > settings.SKEW_WARNING_SECONDS:
            yield Problem(
                "skew",
                f"The wall clock of {pulse.name} is {seconds:.0f} s off the database's.",
                "error" if seconds > settings.SKEW_ERROR_SECONDS else "warning",
            )


def _scheduled(now: datetime) -> Iterator[Problem]:
    """A restored row is told for a day: whoever did it should hear that it did not last."""
    if PeriodicTasks.last_change() is None:
        return  # nothing was ever scheduled
    for name, what in amiss_in_schedule().items():
        yield Problem(
            "schedule", f"Beat's schedule row {name} was {what}. A clock restores it.", "warning"
        )
    for repair in ScheduleRepair.objects.filter(at__gt=now - REPAIR_SHOWN_FOR)[:3]:
        yield Problem("schedule", f"Beat's schedule row {repair}.", "warning")


def metrics(now: datetime) -> Iterator[Metric]:
    """The clock's gauges, for Prometheus."""
    state = backlog(now)
    ticked = last_tick()
    overdue_for = (now - state.oldest_due_at).total_seconds() if state.oldest_due_at else 0.0
    yield (
        "watchbill_clock_tick_age_seconds",
        "Seconds since any process last finished a tick.",
        "gauge",
        [({}, (now - ticked).total_seconds() if ticked else float("inf"))],
    )
    yield (
        "watchbill_promises_overdue",
        "Pending promises overdue by more than 5 s.",
        "gauge",
        [({}, float(state.overdue))],
    )
    yield (
        "watchbill_promise_oldest_overdue_seconds",
        "How late the oldest overdue promise is.",
        "gauge",
        [({}, overdue_for)],
    )
    yield (
        "watchbill_promises_failing",
        "Pending promises whose handler has raised.",
        "gauge",
        [({}, float(state.failing))],
    )
    yield (
        "watchbill_promises_pending",
        "Pending promises.",
        "gauge",
        [({}, float(Deadline.objects.filter(state="pending").count()))],
    )
    yield (
        "watchbill_clock_lag_seconds",
        "How late the oldest promise of each process's last tick was handled.",
        "gauge",
        [
            ({"process": pulse.role}, pulse.lag.total_seconds())
            for pulse in Pulse.objects.filter(ticked_at__gte=now - timedelta(minutes=1))
            .order_by("role", "-ticked_at")
            .distinct("role")
        ],
    )
