"""What a source says of an alert it has sent: somebody has it, or it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from django.db import transaction
from django.db.models import QuerySet

from alerts.enums import AlertState, ResolveMode
from alerts.models import Alert, Integration
from alerts.queries import open_alerts
from alerts.services.openings import actor_of
from incidents import services as incidents
from incidents.models import Incident
from incidents.rules.lifecycle import ACTIVE


def acknowledge_from_source(integration: Integration, keys: Sequence[str], *, now: datetime) -> int:
    """C39: an acknowledgment where the alert came from acknowledges its incident, as one in the portal does.

    Returns how many alerts it was said of; a key nobody knows is no error.
    """
    changed = 0
    for incident_id, ids in _by_incident(integration, keys):
        with transaction.atomic():
            if incident_id is not None and _is_active(incident_id):
                incidents.acknowledge(incident_id, actor=actor_of(integration), now=now)
            changed += (
                _locked(ids)
                .filter(state=AlertState.FIRING.value)
                .update(state=AlertState.ACKNOWLEDGED.value, acknowledged_at=now)
            )
    return changed


def resolve_from_source(integration: Integration, keys: Sequence[str], *, now: datetime) -> int:
    """The alerts are over. When they were the last open ones of their incident, that is proposed for
    resolution or resolved, as the integration says. Returns how many alerts it was said of.

    Lock order: the incident first, its alerts then.
    """
    changed = 0
    for incident_id, ids in _by_incident(integration, keys):
        with transaction.atomic():
            if incident_id is not None:
                Incident.objects.select_for_update(no_key=True).filter(pk=incident_id).first()
            changed += _locked(ids).update(
                state=AlertState.RESOLVED.value, resolved_at=now, resolved_by="its source"
            )
            if incident_id is not None and not _still_open(incident_id) and _is_active(incident_id):
                _finish(integration, incident_id, now=now)
    return changed


def _finish(integration: Integration, incident_id: int, *, now: datetime) -> None:
    """Resolves or proposes. What the gates do not let pass is proposed, for a person to decide."""
    if integration.resolve_mode == ResolveMode.RESOLVE:
        try:
            with transaction.atomic():
                incidents.resolve(
                    incident_id,
                    note="All its alerts were resolved by their source.",
                    actor=actor_of(integration),
                    now=now,
                )
        except incidents.VerbRefused:
            pass
        else:
            return
    incidents.propose_resolution(
        incident_id,
        text="All its alerts were resolved by their source: is it over?",
        actor=actor_of(integration),
        now=now,
    )


def _by_incident(
    integration: Integration, keys: Sequence[str]
) -> list[tuple[int | None, list[int]]]:
    rows = list(open_alerts(integration, keys).values_list("incident_id", "id"))
    rows.sort(key=lambda row: (row[0] or 0, row[1]))
    return [
        (incident_id, [pk for _, pk in members])
        for incident_id, members in groupby(rows, key=itemgetter(0))
    ]


def open_rows(ids: Sequence[int]) -> set[int]:
    """Those of the alerts that are still open, locked in the order of their ids as everywhere."""
    rows = Alert.objects.filter(pk__in=ids).exclude(state=AlertState.RESOLVED.value)
    return set(rows.order_by("id").select_for_update(no_key=True).values_list("id", flat=True))


def _locked(ids: Sequence[int]) -> QuerySet[Alert]:
    return Alert.objects.filter(pk__in=open_rows(ids))


def _still_open(incident_id: int) -> bool:
    rows = Alert.objects.filter(incident_id=incident_id)
    return rows.exclude(state=AlertState.RESOLVED.value).exists()


def _is_active(incident_id: int) -> bool:
    return Incident.objects.filter(
        pk=incident_id, status__in=[status.value for status in ACTIVE]
    ).exists()


def end_with_incident(incident_id: int, *, now: datetime) -> int:
    """The incident is over, and its alerts with it. The caller holds the incident."""
    ids = list(
        Alert.objects.filter(incident_id=incident_id)
        .exclude(state=AlertState.RESOLVED.value)
        .values_list("id", flat=True)
    )
    return _locked(ids).update(
        state=AlertState.RESOLVED.value, resolved_at=now, resolved_by="its incident's end"
    )
