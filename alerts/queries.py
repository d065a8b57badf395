"""Reads of alerts and integrations that more than one edge needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from alerts.enums import AlertKind, AlertState, IntegrationKind
from alerts.models import Alert, Integration, TestRun
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
    """Whose key it is: an enabled integration of this kind, by a key that has not expired."""
    return (
        Integration.objects.filter(
            Q(keys__expires_at__isnull=True) | Q(keys__expires_at__gt=now),
            keys__sha256=hash_of(key),
            kind=kind.value,
            enabled=True,
        )
        .select_related("default_service__team")
        .first()
    )


def services_by_slug(integration: Integration, slugs: Iterable[str]) -> dict[str, Service]:
    """The services that an integration's alerts may name, by slug, in one query."""
    wanted = set(slugs)
    if not wanted:
        return {}
    services = Service.objects.select_related("team").filter(slug__in=wanted, active=True)
    if not integration.all_teams:
        services = services.filter(team_id=integration.team_id)
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


def brief_alerts(incident: Incident) -> list[dict[str, object]]:
    """The incident's newest alerts in a few words, for the API; no query for one that has none."""
    tally = getattr(incident, "alert_tally", None)
    if tally is None or not tally.count:
        return []
    rows = Alert.objects.filter(incident_id=incident.pk).order_by("-first_seen_at", "-id")
    fields = ("id", "dedup_key", "state", "severity", "title", "count")
    return list(rows.values(*fields)[:ALERTS_IN_BRIEF])


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


def active_incident_of_group(group_key: str) -> GroupIncident | None:
    """The active incident of the group's newest alert that has one."""
    row = (
        Alert.objects.filter(
            group_key=group_key, incident__status__in=[status.value for status in ACTIVE]
        )
        .order_by("-first_seen_at", "-id")
        .values_list("incident_id", "incident__severity", "incident__status", "first_seen_at")
        .first()
    )
    if row is None or row[0] is None:
        return None
    return GroupIncident(row[0], str(row[1]), str(row[2]), row[3])


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
