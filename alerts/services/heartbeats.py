"""Heartbeats: each beat moves the silence further away; silence is an alert, and the next beat its end."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from alerts.enums import Action, BeatState, IntegrationKind
from alerts.models import HeartbeatMonitor, Integration
from alerts.queries import hash_of
from alerts.rules.facts import AlertFacts
from alerts.services.intake import UnknownKey, take_events
from deadlines.models import Deadline
from deadlines.queries import open_promises
from deadlines.services import Promise, cancel, move, schedule

HEARTBEAT_KIND = "alerts.heartbeat"
HEARTBEAT_SUBJECT = "alerts.heartbeat"

_BEAT = """
UPDATE alerts_heartbeatmonitor AS monitor
   SET last_beat_at = greatest(monitor.last_beat_at, %(now)s), beats = monitor.beats + 1
  FROM alerts_integrationkey AS key
  JOIN alerts_integration AS sender ON sender.id = key.integration_id
 WHERE key.sha256 = %(key_hash)s AND (key.expires_at IS NULL OR key.expires_at > %(now)s)
   AND sender.enabled AND sender.kind = %(kind)s AND monitor.integration_id = sender.id
RETURNING monitor.id, monitor.state
"""


def beat(key: str, *, now: datetime) -> None:
    """“Still alive.” One statement while all is well; the beat after a silence resolves its alert.

    Raises UnknownKey.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _BEAT, {"key_hash": hash_of(key), "kind": IntegrationKind.HEARTBEAT.value, "now": now}
        )
        row = cursor.fetchone()
    if row is None:
        raise UnknownKey
    if row[1] != BeatState.ALIVE:
        _come_alive(row[0], now=now)


def watch(monitor: HeartbeatMonitor, *, now: datetime) -> None:
    """Begins to watch, or goes on with another interval: the promise to look stands at the right time.

    After a time in which nobody watched, the silence counts from now.
    """
    with transaction.atomic():
        row = HeartbeatMonitor.objects.select_for_update(no_key=True).get(pk=monitor.pk)
        if row.state != BeatState.SILENT and not _is_watched(row):
            row.watched_since = now
            row.save(update_fields=["watched_since"])
        _promise(row, now=now)


def stop_watching(monitor: HeartbeatMonitor, *, now: datetime) -> None:
    """An integration was switched off: its silence is expected."""
    cancel(HEARTBEAT_SUBJECT, monitor.pk, now=now, reason="The integration was switched off.")


def look(deadline: Deadline, *, now: datetime) -> dict[str, str]:
    """The clock's handler. Heard from meanwhile: looks again when the next beat is late. Silent: alerts.

    A monitor switched off since then is left alone.
    """
    monitor = (
        HeartbeatMonitor.objects.select_related("integration__default_service__team")
        .filter(pk=deadline.subject_id, integration__enabled=True)
        .first()
    )
    if monitor is None:
        return {"watched": "no longer"}
    if monitor.silent_at > now:
        move(deadline.key, monitor.silent_at, now=now)
        return {"heard": monitor.last_beat_at.isoformat() if monitor.last_beat_at else ""}
    HeartbeatMonitor.objects.filter(pk=monitor.pk).update(state=BeatState.SILENT.value)
    take_events(monitor.integration, [_silence(monitor)], now=now)
    return {"silent_since": monitor.silent_at.isoformat()}


def _come_alive(monitor_id: int, *, now: datetime) -> None:
    with transaction.atomic():
        monitor = (
            HeartbeatMonitor.objects.select_for_update(no_key=True, of=("self",))
            .select_related("integration__default_service__team")
            .get(pk=monitor_id)
        )
        was = monitor.state
        monitor.state = BeatState.ALIVE.value
        monitor.save(update_fields=["state"])
        _promise(monitor, now=now)
        if was == BeatState.SILENT:
            take_events(monitor.integration, [_end_of_silence(monitor)], now=now)


def _promise(monitor: HeartbeatMonitor, *, now: datetime) -> None:
    """One open promise per monitor: moved while it is open, made anew after it was kept."""
    if move(_key(monitor), monitor.silent_at, now=now) is not None:
        return
    monitor.round += 1
    monitor.save(update_fields=["round"])
    schedule(
        [
            Promise(
                kind=HEARTBEAT_KIND,
                subject_type=HEARTBEAT_SUBJECT,
                subject_id=monitor.pk,
                key=_key(monitor),
                due_at=monitor.silent_at,
                round=monitor.round,
                team_id=monitor.integration.team_id,
            )
        ],
        now=now,
    )


def _is_watched(monitor: HeartbeatMonitor) -> bool:
    return open_promises(HEARTBEAT_SUBJECT, [monitor.pk]).exists()


def _key(monitor: HeartbeatMonitor) -> str:
    return f"{HEARTBEAT_KIND}:{monitor.pk}:{monitor.round}"


def _silence(monitor: HeartbeatMonitor) -> AlertFacts:
    heard = monitor.last_beat_at
    since = f"Last heard at {heard:%Y-%m-%d %H:%M:%S} UTC." if heard else "Never heard so far."
    return AlertFacts(
        dedup_key=f"heartbeat:{monitor.pk}",
        title=f"No heartbeat from {monitor.integration.name}",
        description=f"{since} It should be heard every {monitor.interval_seconds} s.",
        severity=monitor.severity,
        rule=f"heartbeat {monitor.integration.slug}",
        started_at=heard,
        document={
            "interval_seconds": monitor.interval_seconds,
            "grace_seconds": monitor.grace_seconds,
        },
    )


def _end_of_silence(monitor: HeartbeatMonitor) -> AlertFacts:
    return AlertFacts(dedup_key=f"heartbeat:{monitor.pk}", action=Action.RESOLVE)


def make_monitor(
    integration: Integration,
    *,
    interval_seconds: int,
    grace_seconds: int,
    severity: str,
    now: datetime,
) -> HeartbeatMonitor:
    """A heartbeat of an integration, watched from now on."""
    with transaction.atomic():
        monitor = HeartbeatMonitor.objects.create(
            integration=integration,
            interval_seconds=interval_seconds,
            grace_seconds=grace_seconds,
            severity=severity,
            watched_since=now,
        )
        _promise(monitor, now=now)
    return monitor
