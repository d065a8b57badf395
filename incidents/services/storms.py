"""Alerts that come by the thousand: counted at once, told of rarely."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from deadlines.services import Promise, schedule
from incidents.enums import Promised

FIRST_TOLD = 10


@transaction.atomic
def note_alerts(incident_id: int, count: int, *, now: datetime) -> int:
    """Adds alerts to the incident's tally and returns it. Never waits for the incident's lock.

    The first is told by whoever declares; from ten on, each power of ten gets one timeline entry,
    written by the clock, which holds the incident's lock (subject first, then its rows).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE incidents_alerttally SET count = count + %s, last_at = %s"
            " WHERE incident_id = %s RETURNING count",
            [count, now, incident_id],
        )
        row = cursor.fetchone()
    if row is None:
        return 0
    after: int = row[0]
    promise_counts(incident_id, after - count, after, now=now)
    return after


def promise_counts(incident_id: int, before: int, after: int, *, now: datetime) -> None:
    """Each power of ten that the tally has passed is told on the timeline, by the clock."""
    threshold = FIRST_TOLD
    while threshold <= after:
        if before < threshold:
            schedule(
                [
                    Promise(
                        kind=Promised.ALERT_COUNT,
                        subject_type="incident",
                        subject_id=incident_id,
                        key=f"incident:{incident_id}:alerts.{threshold}",
                        due_at=now,
                        owed_by="Watchbill",
                    )
                ],
                now=now,
            )
        threshold *= 10
