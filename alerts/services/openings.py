"""Where alerts meet incidents: a new alert joins the active incident of its group, or declares one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from django.db import connection

from alerts.enums import AlertKind, AlertState
from alerts.models import Alert, Integration, TestRun
from alerts.queries import active_incident_of_group
from alerts.rules.judging import still_together, worse
from alerts.rules.samples import TEST_LABEL
from deadlines.extension import PORTAL, Actor
from deadlines.services import Promise, schedule
from deadlines.standing import one_look
from directory.models import Service
from incidents import services as incidents
from incidents.enums import Status
from incidents.models import Incident
from incidents.rules.lifecycle import ACTIVE
from incidents.rules.texts import clean_title
from procedures.queries import current_version, policy_of

OPEN_KIND = "alerts.open"
DRILL_END_KIND = "alerts.end_drill"
DRILL_LASTS = timedelta(minutes=30)
ALERT_SUBJECT = "alert"


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert just kept, which still needs its incident."""

    id: int
    dedup_key: str
    title: str
    severity: str
    kind: AlertKind
    group_key: str
    service: Service
    started_at: datetime
    drill_run_id: int | None = None
    drill_user_id: int | None = None


def actor_of(integration: Integration) -> Actor:
    """The integration as the one who acts."""
    return Actor("integration", integration.pk, integration.name)


def place(integration: Integration, alerts: Sequence[NewAlert], *, now: datetime) -> list[NewAlert]:
    """Gives every alert its incident, in the caller's transaction: one per group (service, rule).

    Groups are taken in the order of their keys, so that two bodies never wait for each other. Returns
    the alerts that joined an incident which others may be ending just now: look again after the commit.
    """
    joined: list[NewAlert] = []
    ordered = sorted(alerts, key=attrgetter("group_key", "dedup_key"))
    for group_key, members in groupby(ordered, key=attrgetter("group_key")):
        group = list(members)
        if _place_group(integration, group_key, group, now=now):
            joined += group
    return joined


def without_active_incident(alerts: Sequence[NewAlert]) -> list[NewAlert]:
    """Those of the alerts that still fire though their incident has ended."""
    ids = set(
        Alert.objects.filter(pk__in=[alert.id for alert in alerts], incident__isnull=False)
        .exclude(state=AlertState.RESOLVED.value)
        .exclude(incident__status__in=[status.value for status in ACTIVE])
        .values_list("id", flat=True)
    )
    return [alert for alert in alerts if alert.id in ids]


def open_later(alerts: Sequence[NewAlert], *, now: datetime) -> None:
    """Opening the alerts' incidents becomes a promise that is due now; it stays loud until it is kept."""
    schedule(
        [
            Promise(
                kind=OPEN_KIND,
                subject_type=ALERT_SUBJECT,
                subject_id=alert.id,
                key=f"{OPEN_KIND}:{alert.id}",
                due_at=now,
                team_id=alert.service.team_id,
            )
            for alert in alerts
        ],
        now=now,
    )


def open_for(alert: Alert, *, now: datetime) -> int | None:
    """Keeps that promise. Returns the incident's id; None when the alert needs none any more."""
    if alert.incident_id is not None or alert.resolved_at is not None:
        return alert.incident_id
    token = alert.labels.get(TEST_LABEL, "")
    run = TestRun.objects.filter(integration_id=alert.integration_id, token=token).first()
    new = NewAlert(
        id=alert.pk,
        dedup_key=alert.dedup_key,
        title=alert.title,
        severity=alert.severity,
        kind=AlertKind(alert.kind),
        group_key=alert.group_key,
        service=alert.service,
        started_at=alert.started_at,
        drill_run_id=run.pk if run else None,
        drill_user_id=run.user_id if run else None,
    )
    place(alert.integration, [new], now=now)
    alert.refresh_from_db(fields=["incident"])
    return alert.incident_id


def _place_group(
    integration: Integration, group_key: str, members: Sequence[NewAlert], *, now: datetime
) -> bool:
    """True when they joined an incident that was there."""
    window = timedelta(seconds=integration.group_window_seconds)
    # Whoever opens the group's incident holds its lock until it is committed. Who finds the lock taken may
    # still join what is there; who finds nothing waits for the lock and looks again.
    held = _group_locked("pg_try_advisory_xact_lock", group_key)
    incident_id = _joined(integration, group_key, members, window=window, now=now)
    if incident_id is None and not held:
        _group_locked("pg_advisory_xact_lock", group_key)
        incident_id = _joined(integration, group_key, members, window=window, now=now)
    joined = incident_id is not None
    if incident_id is None:
        with one_look(anew=True):  # whoever held the group's lock may have kept us waiting
            incident_id = _declared(integration, members, now=now)
    Alert.objects.filter(pk__in=[member.id for member in members]).update(incident_id=incident_id)
    first = members[0]
    if first.drill_run_id is not None:
        TestRun.objects.filter(pk=first.drill_run_id, alert=None).update(alert_id=first.id)
    return joined


def _group_locked(function: str, group_key: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"alerts:{group_key}"])  # noqa: S608 - one of two constants
        return bool(cursor.fetchone()[0])


def raise_incident(
    incident_id: int, severity: str, *, integration: Integration, now: datetime
) -> Incident:
    """The source says it is worse than the incident: the incident follows, and what is owed is planned anew.
    One that was raised as far meanwhile, or has ended, stays as it is."""
    version_id = Incident.objects.values_list("version_id", flat=True).get(pk=incident_id)
    ranked = sorted(policy_of(version_id).severities, key=attrgetter("rank"))
    return incidents.raise_severity(
        incident_id,
        severity=_nearest([one.code for one in ranked], severity),
        reason=f"{integration.name} reports it as {severity}.",
        actor=PORTAL,
        now=now,
    )


def _joined(
    integration: Integration,
    group_key: str,
    members: Sequence[NewAlert],
    *,
    window: timedelta,
    now: datetime,
) -> int | None:
    found = active_incident_of_group(group_key)
    if found is None or not still_together(found.last_alert_at, window=window, now=now):
        return None
    worst = min(member.severity for member in members)
    if worse(worst, found.severity):
        incident = raise_incident(found.incident_id, worst, integration=integration, now=now)
        if not incident.active:
            return None
    if found.status == Status.MITIGATED:
        incidents.relapse(
            found.incident_id, note=f"A new alert: {members[0].title}", actor=PORTAL, now=now
        )
    incidents.note_alerts(found.incident_id, len(members), now=now)
    return found.incident_id


def _declared(integration: Integration, members: Sequence[NewAlert], *, now: datetime) -> int:
    """One incident for all of them: named after the worst, or after the integration where nothing of the
    title can be seen; begun when the first began."""
    worst = min(members, key=attrgetter("severity", "started_at"))
    facts = incidents.DeclareFacts(
        title=clean_title(worst.title) or f"An alert from {integration.name}",
        severity=worst.severity if worst.drill_run_id is None else _known_severity(worst),
        services=[worst.service.pk],
        kind=worst.kind.value,
        started_at=min(member.started_at for member in members),
        drill=worst.drill_run_id is not None,
        drill_user_id=worst.drill_user_id,
        origin="alert",
        alerts=len(members),
    )
    actor = actor_of(integration)
    try:
        incident = incidents.declare(facts, actor=actor, now=now)
    except incidents.VerbRefused as refused:
        if refused.code != "unknown_severity":
            raise
        facts = replace(facts, severity=_known_severity(worst))
        incident = incidents.declare(facts, actor=actor, now=now)
    if worst.drill_run_id is not None:
        promise_end_of_drill(incident.pk, worst.drill_run_id, at=now + DRILL_LASTS, now=now)
    return incident.pk


def _known_severity(alert: NewAlert) -> str:
    """A code that the team's procedure knows. An unknown one becomes the next worse, so that it wakes.

    A drill is to page at this very moment: of the severities that do, the mildest that is bad enough.
    """
    policy = policy_of(current_version(alert.service.team.procedure_id).pk)
    ranked = sorted(policy.severities, key=attrgetter("rank"))
    if alert.drill_run_id is not None:
        ranked = [
            one for one in ranked if one.pages and not one.hold_until_business_hours
        ] or ranked
    return _nearest([severity.code for severity in ranked], alert.severity)


def _nearest(codes: Sequence[str], code: str) -> str:
    return code if code in codes else max((one for one in codes if one < code), default=codes[0])


def promise_end_of_drill(incident_id: int, run_id: int, *, at: datetime, now: datetime) -> None:
    """A test that nobody ends is ended by the clock, so that no drill stays open for ever."""
    schedule(
        [
            Promise(
                kind=DRILL_END_KIND,
                subject_type="incident",
                subject_id=incident_id,
                key=f"{DRILL_END_KIND}:{run_id}",
                due_at=at,
            )
        ],
        now=now,
    )


def end_drill(incident_id: int, *, now: datetime) -> dict[str, str]:
    """Resolves the drill of a test alert, when it is still open. The clock holds the incident."""
    alert = (
        Alert.objects.select_related("integration", "incident")
        .filter(incident_id=incident_id)
        .first()
    )
    if alert is None or alert.incident is None or not alert.incident.active:
        return {"ended": "by a person"}
    incidents.resolve(
        incident_id,
        note="The test is over.",
        actor=actor_of(alert.integration),
        now=now,
    )
    return {"ended": "by the clock"}
