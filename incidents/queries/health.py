"""What incidents say of themselves to monitors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import Count, Exists, OuterRef

from deadlines.enums import State
from deadlines.extension import Problem
from deadlines.models import Deadline
from incidents.enums import Status
from incidents.models import ActionItem, Incident
from incidents.queries.facts import policy_of_incident
from incidents.rules.lifecycle import ACTIVE

Metric = tuple[str, str, str, list[tuple[dict[str, str], float]]]
GRACE = timedelta(seconds=10)


def without_a_future(now: datetime) -> list[Incident]:
    """Active incidents to which nothing more would happen: no pending promise at all (I2).

    One that pages nobody is answered for by its open backlog item.
    """
    pending = Deadline.objects.filter(
        subject_type="incident", subject_id=OuterRef("pk"), state__in=[State.PENDING, State.PAUSED]
    )
    backlog = ActionItem.objects.filter(incident=OuterRef("pk"), source="backlog")
    lost = Incident.objects.filter(status__in=sorted(ACTIVE), opened_at__lt=now - GRACE).exclude(
        Exists(pending)
    )
    found = (
        incident
        for incident in lost.annotate(in_backlog=Exists(backlog)).iterator()
        if not (
            incident.in_backlog
            and not policy_of_incident(incident).severity(incident.severity).pages
        )
    )
    return list(islice(found, 100))


def check(now: datetime) -> list[Problem]:
    """An active incident without a future promise is an error: silence would follow."""
    lost = without_a_future(now)
    if not lost:
        return []
    # Strangers read this: a restricted incident is counted, never named.
    refs = [incident.ref for incident in lost if not incident.restricted][:5]
    named = f": {', '.join(refs)}" if refs else ""
    return [
        Problem("incidents", f"Nothing more would happen to {len(lost)} open incidents{named}.")
    ]


def metrics(now: datetime) -> Iterator[Metric]:
    """Counts for Prometheus. Drills are in none of them; strangers read them, so restricted incidents
    are in none that tells of a healthy portal."""
    counted = (
        Incident.objects.filter(drill=False, restricted=False, status__in=sorted(ACTIVE))
        .values_list("severity", "status")
        .annotate(n=Count("id"))
        .order_by("severity", "status")
    )
    yield (
        "watchbill_incidents_active",
        "Incidents that are triggered, acknowledged or mitigated, by severity and status.",
        "gauge",
        [({"severity": severity, "status": status}, float(n)) for severity, status, n in counted],
    )
    waiting = (
        Incident.objects.filter(drill=False, restricted=False, status=Status.TRIGGERED.value)
        .order_by("opened_at")
        .values_list("opened_at", flat=True)
        .first()
    )
    yield (
        "watchbill_incident_oldest_unacknowledged_seconds",
        "How long the oldest incident that nobody has acknowledged is open.",
        "gauge",
        [({}, (now - waiting).total_seconds() if waiting else 0.0)],
    )
    yield (
        "watchbill_incidents_without_future",
        "Active incidents to which nothing more would happen.",
        "gauge",
        [({}, float(len(without_a_future(now))))],
    )
