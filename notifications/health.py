"""What the outbox says of itself: to the health page and to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min

from deadlines.extension import Problem
from notifications.enums import OPEN_PAGES, PageOutState, Purpose
from notifications.models import Page, PageOut
from notifications.queries import backlog

LATE = timedelta(seconds=10)
VERY_LATE = timedelta(seconds=30)
RECENT = timedelta(hours=1)

Metric = tuple[str, str, str, list[tuple[dict[str, str], float]]]


def check(now: datetime) -> list[Problem]:
    """Messages that did not go out in time, messages in quarantine, channels that fail, people whom
    nothing reached within the last hour."""
    found: list[Problem] = []
    state = backlog(now, grace=LATE)
    if state.oldest_due_at:
        age = now - state.oldest_due_at
        found.append(
            Problem(
                "outbox",
                f"{state.overdue} messages wait to be sent, the oldest for {age.total_seconds():.0f} s.",
                "error" if age > VERY_LATE else "warning",
            )
        )
    if state.quarantined:
        found.append(
            Problem(
                "quarantine",
                f"{state.quarantined} messages stopped their senders again and again and were set aside."
                " Look at them in the admin and try them again.",
            )
        )
    for channel, waiting in sorted(state.failing.items()):
        found.append(
            Problem(
                f"channel {channel}",
                f"{waiting} messages were tried three times and more; the last answer is on each.",
            )
        )
    unreached = PageOut.objects.filter(
        purpose=Purpose.PAGE, state=PageOutState.UNREACHABLE, created_at__gte=now - RECENT
    ).count()
    if unreached:
        found.append(
            Problem("unreachable", f"{unreached} calls of the last hour reached nobody.", "warning")
        )
    return found


def metrics(now: datetime) -> Iterator[Metric]:
    """Age of the oldest due message, what waits per channel and state, quarantine, unreachable calls."""
    waiting = Page.objects.filter(state__in=OPEN_PAGES)
    oldest = waiting.filter(next_try_at__lte=now).aggregate(at=Min("next_try_at"))["at"]
    yield (
        "watchbill_outbox_oldest_due_seconds",
        "Age of the oldest message that is due and not sent.",
        "gauge",
        [({}, (now - oldest).total_seconds() if oldest else 0.0)],
    )
    counts = (
        waiting.values_list("channel", "state").annotate(n=Count("id")).order_by("channel", "state")
    )
    yield (
        "watchbill_outbox_waiting",
        "Messages that may still go out.",
        "gauge",
        [({"channel": channel, "state": state}, float(n)) for channel, state, n in counts],
    )
    state = backlog(now)
    yield (
        "watchbill_outbox_quarantined",
        "Messages set aside because they stopped their senders.",
        "gauge",
        [({}, float(state.quarantined))],
    )
    yield (
        "watchbill_outbox_failing",
        "Waiting messages that were tried three times and more.",
        "gauge",
        [({"channel": channel}, float(n)) for channel, n in sorted(state.failing.items())],
    )
