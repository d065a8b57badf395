"""Whether deployments should wait (C221)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deadlines.extension import contributions
from incidents.models import Incident
from incidents.permissions import Somebody, visible_to
from incidents.queries.facts import policy_of_incident
from incidents.rules.lifecycle import ACTIVE

CLAUSE = "C221"


@dataclass(frozen=True, slots=True)
class FreezeReason:
    """Why a deployment should wait."""

    kind: str
    ref: str
    severity: str
    text: str
    services: tuple[str, ...]
    since: datetime
    clause: str = CLAUSE


def freeze_reasons(
    user: Somebody, *, now: datetime, service: str | None = None, fixes: str | None = None
) -> list[FreezeReason]:
    """The active incidents that stop deployments and which the person may see, the oldest first.

    Which severities do so is the procedure's word. A change that fixes one of them (`fixes` is its
    reference) is not stopped by anything. `service` narrows to incidents of that service or of its
    team. Drills stop nothing. Upper rooms contribute further reasons to "freeze".
    """
    burning = (
        visible_to(user)
        .filter(status__in=sorted(ACTIVE), drill=False)
        .select_related("team")
        .prefetch_related("services", "team__services")
        .order_by("opened_at", "id")
    )
    reasons = []
    for incident in burning:
        if not policy_of_incident(incident).severity(incident.severity).freezes_deploys:
            continue
        if fixes is not None and incident.ref == fixes:
            return []
        slugs = tuple(sorted(one.slug for one in incident.services.all()))
        if service is not None and not _concerns(incident, slugs, service):
            continue
        reasons.append(
            FreezeReason(
                "incident", incident.ref, incident.severity,
                f"{incident.severity} {incident.ref} is {incident.status}: {incident.title}",
                slugs, incident.opened_at,
            )
        )  # fmt: skip
    for _, provider in contributions("freeze"):
        reasons += provider(user=user, now=now, service=service, fixes=fixes)
    return reasons


def _concerns(incident: Incident, slugs: tuple[str, ...], service: str) -> bool:
    of_team = (one.slug for one in incident.team.services.all())
    return not slugs or service in slugs or service in of_team
