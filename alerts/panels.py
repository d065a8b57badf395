"""What alerts add to the pages of incidents."""

from __future__ import annotations

from datetime import datetime

from alerts.queries import alerts_of_incident
from directory.permissions import Somebody
from incidents.models import Incident
from incidents.panels import Panel


def of_incident(incident: Incident, user: Somebody, *, now: datetime) -> Panel | None:
    """The newest alerts of an incident, each with its links; nothing for one without alerts."""
    newest, count = alerts_of_incident(incident.pk)
    if not count:
        return None
    return Panel("Alerts", "alerts/panel.html", {"alerts": newest, "more": count - len(newest)})
