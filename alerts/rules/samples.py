"""What each kind of sender would send for a test: shown as a curl line, and sent by the test button."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alerts.enums import IntegrationKind
from alerts.rules import alertmanager, generic, grafana, pagerduty
from alerts.rules.facts import AlertFacts

TITLE = "Test alert: please acknowledge"
RULE = "WatchbillTest"
TEST_LABEL = "watchbill_test"


def body(kind: IntegrationKind, *, token: str, key: str, at: datetime) -> dict[str, Any]:
    """A whole body of this kind whose one alert carries the test run's token."""
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {"alertname": RULE, "severity": "error", TEST_LABEL: token}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": TITLE},
        "startsAt": moment,
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"test-{token}",
    }
    group = {
        "version": "4",
        "status": "firing",
        "receiver": "watchbill",
        "groupLabels": {},
        "alerts": [alert],
    }
    if kind in {IntegrationKind.ALERTMANAGER, IntegrationKind.GRAFANA}:
        return group
    if kind == IntegrationKind.PAGERDUTY:
        details = {TEST_LABEL: token}
        payload = {"summary": TITLE, "source": "watchbill", "severity": "error", "class": RULE}
        return {
            "routing_key": key,
            "event_action": "trigger",
            "dedup_key": f"test-{token}",
            "payload": {**payload, "timestamp": moment, "custom_details": details},
        }
    return {
        "title": TITLE,
        "dedup_key": f"test-{token}",
        "severity": "error",
        "rule": RULE,
        "timestamp": moment,
        "labels": {TEST_LABEL: token},
    }


def facts(kind: IntegrationKind, *, token: str, at: datetime) -> list[AlertFacts]:
    """The same, read the way a body from outside is read. A heartbeat has no body: its silence is made up."""
    document = body(kind, token=token, key="-", at=at)
    if kind == IntegrationKind.ALERTMANAGER:
        return alertmanager.read(document)
    if kind == IntegrationKind.GRAFANA:
        return grafana.read(document)
    if kind == IntegrationKind.PAGERDUTY:
        return [pagerduty.read(document, fresh_key=f"test-{token}").facts]
    return generic.read(document, {})
