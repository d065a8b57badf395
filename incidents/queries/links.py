"""Where to look: the service's own links, and those that came with the alerts."""

from __future__ import annotations

from deadlines.extension import contributions
from incidents.models import Incident

MOST = 12


def links_of(incident: Incident) -> list[tuple[str, str]]:
    """Label and address of each link, alerts' first, each address once.

    Upper rooms contribute to "incident.links": a function of the incident that gives (label, address).
    """
    found: dict[str, str] = {}
    for _, provider in contributions("incident.links"):
        for label, address in provider(incident):
            if str(address).startswith(("https://", "http://")):
                found.setdefault(str(address), str(label)[:60])
    service = incident.lead_service
    if service is not None:
        for label, address in (
            ("Runbook", service.runbook_url),
            ("Dashboard", service.dashboard_url),
            ("Logs", service.logs_url),
        ):
            if address:
                found.setdefault(address, label)
    return [(label, address) for address, label in list(found.items())[:MOST]]
