"""Reads of alerts and integrations that more than one edge needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber

from alerts.enums import AlertKind, AlertState, IntegrationKind
from alerts.models import Alert, Integration, IntegrationKey, TestRun
from deadlines.standing import Kept
from directory.models import Service
from directory.permissions import Somebody, editable_teams
from incidents.models import Incident
from incidents.permissions import visible_to
from incidents.rules.lifecycle import ACTIVE

LINKS_ON_A_PHONE = 8
ALERTS_IN_BRIEF = 20


def hash_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def integration_by_key(key: str, kind: IntegrationKind, *, now: datetime) -> Integration | None:
    """Whose key it is: an enabled integration of this kind, by a key that has not expired.

    Kept and shared: for reading only.
    """
    found = _key(hash_of(key))
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        return None
    integration = found.integration
    return integration if integration.enabled and integration.kind == kind.value else None


@Kept
def _key(key_hash: str) -> IntegrationKey | None:
    rows = IntegrationKey.objects.select_related("integration__default_service__team")
    return rows.filter(sha256=key_hash).first()


def services_by_slug(integration: Integration, slugs: Iterable[str]) -> Mapping[str, Service]:
    """The services that an integration's alerts may name, by slug. Kept and shared: for reading only."""
    wanted = frozenset(slugs)
    if not wanted:
        return {}
    return _services((None if integration.all_teams else integration.team_id, wanted))


@Kept
def _services(wanted: tuple[int | None, frozenset[str]]) -> Mapping[str, Service]:
    team_id, slugs = wanted
    services = Service.objects.select_related("team").filter(slug__in=slugs, active=True)
    if team_id is not None:
        services = services.filter(team_id=team_id)
    return {service.slug: service for service in services}


def test_runs(integration: Integration, tokens: Iterable[str]) -> dict[str, TestRun]:
    """The integration's test runs by their tokens. An unknown token is no test: its alert is real."""
    wanted = set(tokens)
    return (
        {run.token: run for run in integration.test_runs.filter(token__in=wanted)} if wanted else {}
    )


def open_alerts(integration: Integration, keys: Sequence[str]) -> QuerySet[Alert]:
    """The integration's unresolved alerts with these dedup keys, oldest first."""
    return (
        Alert.objects.filter(integration=integration, dedup_key__in=list(keys))
        .exclude(state=AlertState.RESOLVED.value)
        .order_by("id")
    )


def known_keys(key_hash: str, keys: Sequence[str]) -> set[str]:
    """Which of the dedup keys are open alerts of the integration that owns the key."""
    return set(
        Alert.objects.filter(integration__keys__sha256=key_hash, dedup_key__in=list(keys))
        .exclude(state=AlertState.RESOLVED.value)
        .values_list("dedup_key", flat=True)
    )


def links_of_incident(incident_id: int) -> list[dict[str, str]]:
    """The addresses its alerts brought along, newest alert first, each once: for the phone page."""
    found: dict[str, dict[str, str]] = {}
    rows = Alert.objects.filter(incident_id=incident_id).order_by("-first_seen_at", "-id")
    for links in rows.values_list("links", flat=True)[:20]:
        for link in links:
            found.setdefault(link["href"], link)
    order = {kind: place for place, kind in enumerate(("runbook", "dashboard", "panel", "source"))}
    ranked = sorted(found.values(), key=lambda link: order.get(link["kind"], len(order)))
    return ranked[:LINKS_ON_A_PHONE]


def labelled_links(incident: Incident) -> list[tuple[str, str]]:
    """The same as label and address: what an incident's pages and messages show."""
    return [(link["label"], link["href"]) for link in links_of_incident(incident.pk)]


def brief_alerts(incidents: Iterable[Incident]) -> dict[int, list[dict[str, object]]]:
    """The newest alerts of some incidents in a few words, for the API, by the incident's id: one query,
    and none for incidents without alerts."""
    ids = [
        incident.pk
        for incident in incidents
        if (tally := getattr(incident, "alert_tally", None)) is not None and tally.count
    ]
    found: dict[int, list[dict[str, object]]] = {}
    if not ids:
        return found
    newest = Window(RowNumber(), partition_by="incident_id", order_by=("-first_seen_at", "-id"))
    rows = Alert.objects.filter(incident_id__in=ids).annotate(place=newest)
    fields = ("id", "dedup_key", "state", "severity", "title", "count")
    for row in (
        rows.filter(place__lte=ALERTS_IN_BRIEF)
        .order_by("incident_id", "place")
        .values("incident_id", *fields)
    ):
        found.setdefault(row.pop("incident_id"), []).append(row)
    return found


def alerts_of_incident(incident_id: int, *, limit: int = 20) -> tuple[list[Alert], int]:
    """The incident's alerts, newest first, at most `limit` of them; and how many there are."""
    rows = Alert.objects.filter(incident_id=incident_id)
    newest = rows.select_related("integration", "service").defer("payload", "raw")
    return list(newest.order_by("-first_seen_at", "-id")[:limit]), rows.count()


@dataclass(frozen=True, slots=True)
class GroupIncident:
    """The active incident that the alerts of a group belong to."""

    incident_id: int
    severity: str
    status: str
    last_alert_at: datetime


# Asked twice for every new alert, so it is spared the ORM's compiling.
_OF_GROUP = f"""
SELECT incident.id, incident.severity, incident.status, alert.first_seen_at
  FROM alerts_alert AS alert JOIN incidents_incident AS incident ON incident.id = alert.incident_id
 WHERE alert.group_key = %s AND incident.status IN ({", ".join(f"'{status.value}'" for status in sorted(ACTIVE))})
 ORDER BY alert.first_seen_at DESC, alert.id DESC
 LIMIT 1
"""  # noqa: S608 - only constants are put in


def active_incident_of_group(group_key: str) -> GroupIncident | None:
    """The active incident of the group's newest alert that has one."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_GROUP, [group_key])
        row = cursor.fetchone()
    return None if row is None else GroupIncident(*row)


def visible_alerts(user: Somebody) -> QuerySet[Alert]:
    """The alerts a person may see: those of incidents they may see.

    One whose incident is still to be opened is seen by those who may edit its team, unless it is a
    security alert.
    """
    homeless = Q(
        incident__isnull=True,
        kind=AlertKind.STANDARD.value,
        service__team__in=editable_teams(user),
    )
    return Alert.objects.filter(Q(incident__in=visible_to(user)) | homeless)


def editable_integrations(user: Somebody) -> QuerySet[Integration]:
    """The integrations a person may see and change: an admin all, a manager those of their team."""
    return Integration.objects.filter(team__in=editable_teams(user))


def address_of(integration: Integration) -> str:
    """Where it sends to; KEY stands for one of its keys."""
    kind = IntegrationKind(integration.kind)
    if kind == IntegrationKind.PAGERDUTY:
        return f"{settings.BASE_URL}/v2/enqueue"
    if kind == IntegrationKind.HEARTBEAT:
        return f"{settings.BASE_URL}/heartbeats/KEY/"
    return f"{settings.BASE_URL}/hooks/{kind.value}/KEY/"
