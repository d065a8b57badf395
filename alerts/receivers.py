"""What alerts hear from below: the clock, and the end of an incident."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alerts.models import Alert, HeartbeatMonitor
from alerts.services.heartbeats import HEARTBEAT_KIND, HEARTBEAT_SUBJECT, look
from alerts.services.openings import (
    ALERT_SUBJECT,
    DRILL_END_KIND,
    OPEN_KIND,
    end_drill,
    open_for,
)
from alerts.services.sources import end_with_incident
from deadlines.enums import Nature, Reach
from deadlines.models import Deadline
from deadlines.registry import Due, Kind, register_kind, register_subject
from incidents.events import incident_resolved


def open_incident(deadline: Deadline, due: Due) -> dict[str, Any]:
    """An alert that was kept without an incident gets one at last."""
    alert = Alert.objects.select_related("integration", "service__team").get(pk=deadline.subject_id)
    return {"incident": open_for(alert, now=due.now)}


def listen_for_beat(deadline: Deadline, due: Due) -> dict[str, str]:
    return look(deadline, now=due.now)


def finish_drill(deadline: Deadline, due: Due) -> dict[str, str]:
    """A test alert that nobody ended is over after half an hour."""
    return end_drill(deadline.subject_id, now=due.now)


def alerts_end(*, incident_id: int, now: str, **_: Any) -> None:
    """A resolved incident's alerts are over: what fires again afterwards is a new alert, and pages."""
    end_with_incident(incident_id, now=datetime.fromisoformat(now))


def register() -> None:
    """Called when the apps are ready."""
    register_subject(ALERT_SUBJECT, lock=_lock_alert, label=lambda pk: f"alert {pk}")
    register_subject(HEARTBEAT_SUBJECT, lock=_lock_monitor, label=_name_of_monitor)
    register_kind(
        Kind(OPEN_KIND, Nature.ACT, Reach.NOW, open_incident, "An alert gets its incident")
    )
    register_kind(
        Kind(
            HEARTBEAT_KIND,
            Nature.ACT,
            Reach.WAKE,
            listen_for_beat,
            "A silent heartbeat becomes an alert",
        )
    )
    register_kind(
        Kind(
            DRILL_END_KIND,
            Nature.ACT,
            Reach.DIGEST,
            finish_drill,
            "A forgotten test alert is ended",
        )
    )
    incident_resolved.listen(alerts_end)


def _lock_alert(pk: int) -> bool:
    rows = Alert.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(pk=pk).order_by().values_list("pk", flat=True).first() is not None


def _lock_monitor(pk: int) -> bool:
    rows = HeartbeatMonitor.objects.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(pk=pk).values_list("pk", flat=True).first() is not None


def _name_of_monitor(pk: int) -> str:
    monitor = HeartbeatMonitor.objects.select_related("integration").filter(pk=pk).first()
    return str(monitor) if monitor else f"heartbeat {pk}"
