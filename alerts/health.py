"""What the alerts say of themselves: for `/readyz` and the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count

from alerts.enums import AlertState, BeatState
from alerts.models import Alert, HeartbeatMonitor
from deadlines.extension import Problem

HOMELESS_AFTER = timedelta(minutes=1)
Metric = tuple[str, str, str, list[tuple[dict[str, str], float]]]


def check(now: datetime) -> list[Problem]:
    """Alerts that fire and have no incident: nobody is paged for them."""
    homeless = Alert.objects.filter(
        incident=None, state=AlertState.FIRING.value, first_seen_at__lt=now - HOMELESS_AFTER
    ).count()
    if not homeless:
        return []
    return [
        Problem("alerts", f"{homeless} alerts have no incident yet; opening one keeps failing.")
    ]


def metrics(now: datetime) -> Iterator[Metric]:
    """Open alerts by state, silent heartbeats. Counts of restricted incidents' alerts are left out."""
    rows = (
        Alert.objects.exclude(state=AlertState.RESOLVED.value)
        .exclude(incident__restricted=True)
        .values_list("state")
        .annotate(count=Count("id"))
    )
    yield (
        "watchbill_alerts_open",
        "Alerts that are not resolved.",
        "gauge",
        [({"state": state}, float(count)) for state, count in rows],
    )
    yield (
        "watchbill_heartbeats_silent",
        "Heartbeats that have fallen silent.",
        "gauge",
        [({}, float(HeartbeatMonitor.objects.filter(state=BeatState.SILENT.value).count()))],
    )
