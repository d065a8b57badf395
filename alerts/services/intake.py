"""Takes what monitoring sends. When `take` returns, everything is committed: the alerts, their incidents,
the promises and the first pages. Only then may the sender be told so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import OperationalError, connection, transaction

from alerts.enums import Action, AlertState, IntegrationKind
from alerts.models import Alert, Integration
from alerts.queries import (
    hash_of,
    integration_by_key,
    known_keys,
    open_alerts,
    services_by_slug,
    test_runs,
)
from alerts.rules import cleaning
from alerts.rules.facts import AlertFacts
from alerts.rules.judging import Verdict, group_key, worse
from alerts.rules.samples import TEST_LABEL
from alerts.services.counting import Told, count_again, merged
from alerts.services.openings import (
    NewAlert,
    open_later,
    place,
    raise_incident,
    without_active_incident,
)
from alerts.services.overload import Overloaded, limiter
from alerts.services.sources import acknowledge_from_source, open_rows, resolve_from_source
from deadlines.services.enforcement import PASSING
from directory.models import Service

logger = logging.getLogger(__name__)

RAW_LENGTH = 65_536
ATTEMPTS = 6
INSERT_BATCH = 500


class UnknownKey(Exception):
    """No enabled integration of this kind has this key, or it has expired."""


class Busy(Exception):
    """The same alerts are being changed by others all the time. Nothing was lost; send again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a body: how many events it held, and how many alerts are new."""

    events: int
    new: int = 0


def take(
    key: str,
    kind: IntegrationKind,
    events: Sequence[AlertFacts],
    *,
    raw: bytes = b"",
    now: datetime,
) -> Receipt:
    """Takes the events of one body, sent with a key. C14, C64, C67: what they wake is the severity's matter.

    An alert that is open already is counted by one statement. A new one joins the active incident of
    its service and rule, or declares one. Acknowledgments and resolutions reach the incident.

    Raises UnknownKey; Overloaded, when too much comes and nothing in the body is new.
    """
    key_hash = hash_of(key)
    told = merged(events)
    only_triggers = bool(told) and all(facts.action == Action.TRIGGER for facts in events)
    if only_triggers:
        _refuse_flood(key_hash, told, now=now)
        counted = count_again(key_hash, kind, told, now=now)
        if counted.rate is not None:
            limiter.learn(key_hash, counted.rate, len(told), now=now)
        if not counted.left:
            return Receipt(len(events))
        told = counted.left
    integration = integration_by_key(key, kind, now=now)
    if integration is None:
        raise UnknownKey
    limiter.learn(key_hash, integration.rate_per_minute, len(events), now=now)
    shown = raw.replace(key.encode(), b"...") if raw else b""
    if only_triggers:
        return Receipt(len(events), take_triggers(integration, told, raw=shown, now=now))
    return take_events(integration, events, raw=shown, now=now)


def take_events(
    integration: Integration, events: Sequence[AlertFacts], *, raw: bytes = b"", now: datetime
) -> Receipt:
    """Takes events of an integration that is known already, in their order where one key has several."""
    new = 0
    for action, run in _runs(events):
        if action == Action.TRIGGER:
            new += take_triggers(integration, merged(run), raw=raw, now=now)
            continue
        keys = [facts.dedup_key for facts in run]
        change = resolve_from_source if action == Action.RESOLVE else acknowledge_from_source
        _again_when_passing(partial(change, integration, keys, now=now))
    return Receipt(len(events), new)


def take_triggers(
    integration: Integration, told: Sequence[Told], *, raw: bytes = b"", now: datetime
) -> int:
    """Keeps new alerts and counts the others. Returns how many are new. Raises Busy."""
    left = list(told)
    new = 0
    for _ in range(ATTEMPTS):
        before = len(left)
        left = _again_when_passing(partial(_keep_new, integration, left, raw=raw, now=now))
        new += before - len(left)
        if not left:
            return new
        left = [each for each in left if not _count_known(integration, each, now=now)]
        if not left:
            return new
    raise Busy


def _refuse_flood(key_hash: str, told: Sequence[Told], *, now: datetime) -> None:
    if limiter.allows(key_hash, len(told), now=now):
        return
    keys = [each.facts.dedup_key for each in told]
    if len(known_keys(key_hash, keys)) == len(keys):
        raise Overloaded


def _runs(events: Sequence[AlertFacts]) -> Iterable[tuple[Action, list[AlertFacts]]]:
    """The events by action. A key with several actions keeps their order: then each event is its own run."""
    actions: dict[str, set[Action]] = {}
    for facts in events:
        actions.setdefault(facts.dedup_key, set()).add(facts.action)
    if any(len(kinds) > 1 for kinds in actions.values()):
        return [(facts.action, [facts]) for facts in events]
    return [
        (action, run)
        for action in Action
        if (run := [facts for facts in events if facts.action == action])
    ]


def _keep_new(
    integration: Integration, told: Sequence[Told], *, raw: bytes, now: datetime
) -> list[Told]:
    """One transaction: new alerts with their incidents. Returns those that are open already.

    When no incident can be opened (a fault of ours, never of the sender), the alerts are kept all
    the same, and opening their incident becomes a promise that is due now, and loud.
    """
    judged = _judged(integration, told)
    joined: list[NewAlert] = []
    try:
        with transaction.atomic():
            kept = _inserted(integration, judged, raw=raw, now=now)
            if kept:
                joined = place(integration, kept, now=now)
    except OperationalError:
        raise
    except Exception:
        logger.exception("no incident could be opened for alerts of %s", integration.slug)
        with transaction.atomic():
            kept = _inserted(integration, judged, raw=raw, now=now)
            open_later(kept, now=now)
    if joined:
        _move_on(integration, joined, now=now)
    keys = {alert.dedup_key for alert in kept}
    return [each for each in told if each.facts.dedup_key not in keys]


def _move_on(integration: Integration, joined: Sequence[NewAlert], *, now: datetime) -> None:
    """An incident may end in the instant an alert joins it, unseen by both: then the alert needs another.

    Nobody locks the incident to join it, or a storm would keep the clock from it. So it is looked at
    again once the alert is committed; the sender is answered only then.
    """
    for _ in range(ATTEMPTS):
        stranded = without_active_incident(joined)
        if not stranded:
            return
        ids = [alert.id for alert in stranded]
        with transaction.atomic():
            rows = open_rows(ids)
            Alert.objects.filter(pk__in=rows).update(incident=None)
            place(integration, [alert for alert in stranded if alert.id in rows], now=now)
    raise Busy


@dataclass(frozen=True, slots=True)
class _Judged:
    told: Told
    verdict: Verdict
    service: Service
    drill_run_id: int | None
    drill_user_id: int | None

    @property
    def group_key(self) -> str:
        return group_key(
            service_id=self.service.pk,
            rule=self.verdict.rule,
            kind=self.verdict.kind.value,
            drill_of=self.drill_run_id,
        )


def _judged(integration: Integration, told: Sequence[Told]) -> list[_Judged]:
    judge = integration.judge
    slugs = {each.facts.dedup_key: judge.services(each.facts) for each in told}
    services = services_by_slug(integration, [slug for named in slugs.values() for slug in named])
    tokens = {token for each in told if (token := each.facts.labels.get(TEST_LABEL, ""))}
    runs = test_runs(integration, tokens)
    found = []
    for each in told:
        named = (services[slug] for slug in slugs[each.facts.dedup_key] if slug in services)
        run = runs.get(each.facts.labels.get(TEST_LABEL, ""))
        found.append(
            _Judged(
                each,
                judge.judge(each.facts),
                next(named, integration.default_service),
                run.pk if run else None,
                run.user_id if run else None,
            )
        )
    return found


_COLUMNS = (
    "integration_id", "dedup_key", "state", "count", "title", "description", "severity", "severity_word",
    "kind", "rule", "group_key", "source", "service_id", "labels", "links", "payload", "raw", "started_at",
    "first_seen_at", "last_seen_at", "resolved_by", "false_positive_reason",
)  # fmt: skip
_ROW = "(" + ", ".join(["%s"] * len(_COLUMNS)) + ")"


def _inserted(
    integration: Integration, judged: Sequence[_Judged], *, raw: bytes, now: datetime
) -> list[NewAlert]:
    """Inserts what is not open yet, in the order of the keys, and waits for whoever inserts the same now.

    ON CONFLICT DO NOTHING locks no row that exists: whoever holds an incident may wait for its
    alerts, so nobody who holds alerts may wait for an incident.
    """
    kept: list[NewAlert] = []
    for start in range(0, len(judged), INSERT_BATCH):
        batch = judged[start : start + INSERT_BATCH]
        values: list[Any] = []
        for each in batch:
            values += _values(integration, each, raw=raw if len(judged) == 1 else b"", now=now)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO alerts_alert ({', '.join(_COLUMNS)}) "  # noqa: S608 - constants only
                f"VALUES {', '.join([_ROW] * len(batch))} "
                "ON CONFLICT (integration_id, dedup_key) WHERE state <> 'resolved' DO NOTHING "
                "RETURNING id, dedup_key",
                values,
            )
            ids = {dedup_key: pk for pk, dedup_key in cursor.fetchall()}
        kept += [
            NewAlert(
                id=ids[each.told.facts.dedup_key],
                dedup_key=each.told.facts.dedup_key,
                title=each.verdict.title,
                severity=each.verdict.severity,
                kind=each.verdict.kind,
                group_key=each.group_key,
                service=each.service,
                started_at=cleaning.started(each.told.facts.started_at, now=now),
                drill_run_id=each.drill_run_id,
                drill_user_id=each.drill_user_id,
            )
            for each in batch
            if each.told.facts.dedup_key in ids
        ]
    return kept


def _values(integration: Integration, each: _Judged, *, raw: bytes, now: datetime) -> list[Any]:
    facts = each.told.facts
    began = cleaning.started(facts.started_at, now=now)
    kept_raw = raw or json.dumps(facts.document, default=str).encode()
    return [
        integration.pk, facts.dedup_key, AlertState.FIRING.value, each.told.times,
        cleaning.line(each.verdict.title), facts.description, each.verdict.severity, facts.severity[:60],
        each.verdict.kind.value, each.verdict.rule, each.group_key, facts.source[:250], each.service.pk,
        json.dumps(dict(facts.labels)), json.dumps([link.as_dict() for link in facts.links[:30]]),
        json.dumps(cleaning.tree(facts.document)), kept_raw[:RAW_LENGTH], began, now, now, "", "",
    ]  # fmt: skip


def _count_known(integration: Integration, told: Told, *, now: datetime) -> bool:
    """Counts an alert that is open, though not as the hot path wants it. False: try again as a new one.

    A worse word than before raises the incident; a word that is less bad is kept on the alert only.
    An alert whose incident is over ended with it: what fires now is new.
    """
    alert = open_alerts(integration, [told.facts.dedup_key]).select_related("incident").first()
    if alert is None:
        return False
    if alert.incident is not None and not alert.incident.active:
        _end_with_incident([alert.pk], now=now)
        return False
    verdict = integration.judge.judge(told.facts)
    with transaction.atomic():
        if (
            alert.incident
            and worse(verdict.severity, alert.severity)
            and worse(verdict.severity, alert.incident.severity)
        ):
            incident = raise_incident(
                alert.incident.pk, verdict.severity, integration=integration, now=now
            )
            if not incident.active:
                return False
        row = Alert.objects.select_for_update(no_key=True).get(pk=alert.pk)
        if row.state == AlertState.RESOLVED:
            return False
        row.count += told.times
        row.last_seen_at = max(row.last_seen_at, now)
        row.severity = verdict.severity
        row.severity_word = told.facts.severity[:60]
        row.save(update_fields=["count", "last_seen_at", "severity", "severity_word"])
    return True


def _end_with_incident(alert_ids: Sequence[int], *, now: datetime) -> None:
    Alert.objects.filter(pk__in=alert_ids).exclude(state=AlertState.RESOLVED.value).update(
        state=AlertState.RESOLVED.value, resolved_at=now, resolved_by="its incident's end"
    )


def _again_when_passing[T](work: Callable[[], T]) -> T:
    """Runs the work, and again after a deadlock; inside a transaction of the caller there is no again."""
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if connection.in_atomic_block or state not in PASSING or attempt == ATTEMPTS - 1:
                raise
    raise Busy


def take_oversized(key: str, kind: IntegrationKind, *, now: datetime) -> bool:
    """A body too large to be read becomes an alert that says so. False for an unknown key."""
    integration = integration_by_key(key, kind, now=now)
    if integration is None:
        return False
    facts = AlertFacts(
        dedup_key="payload too large",
        title=f"Payload too large from {integration.name}",
        description="An event was larger than what is read. What it would have told is not known: look at the source.",
        rule="payload too large",
        source=integration.slug,
    )
    take_events(integration, [facts], now=now)
    return True
