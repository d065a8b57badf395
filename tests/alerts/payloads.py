"""Bodies as the senders' own documentation shows them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="InstanceDown"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "watchbill",
    "groupLabels": {"alertname": "InstanceDown"},
    "commonLabels": {"alertname": "InstanceDown", "job": "node", "severity": "critical"},
    "commonAnnotations": {"summary": "Instance down"},
    "externalURL": "http://alertmanager.example.org:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "InstanceDown",
                "instance": "web-1.example.org:9100",
                "job": "node",
                "severity": "critical",
            },
            "annotations": {
                "summary": "web-1 is down",
                "description": "web-1.example.org:9100 of job node has been down for more than 5 minutes.",
                "runbook_url": "https://runbooks.example.org/instance-down",
            },
            "startsAt": "2026-03-04T09:58:11.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            "fingerprint": "7f6a1f3a2b9c4d5e",
        },
        {
            "status": "firing",
            "labels": {
                "alertname": "InstanceDown",
                "instance": "web-2.example.org:9100",
                "job": "node",
                "severity": "critical",
            },
            "annotations": {"summary": "web-2 is down"},
            "startsAt": "2026-03-04T09:58:41.5Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            "fingerprint": "0a1b2c3d4e5f6071",
        },
    ],
}

GRAFANA: dict[str, Any] = {
    "receiver": "Watchbill",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory usage", "team": "blue", "zone": "us-1"},
            "annotations": {
                "description": "The system has high memory usage",
                "runbook_url": "https://runbooks.example.org/memory",
                "summary": "Memory is high in zone us-1",
            },
            "startsAt": "2026-03-04T10:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.org/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana.example.org/alerting/silence/new?alertmanager=grafana&matchers=team%3Dblue",
            "dashboardURL": "https://grafana.example.org/d/memory",
            "panelURL": "https://grafana.example.org/d/memory?viewPanel=4",
            "imageURL": "https://grafana.example.org/public/img/attachments/panel.png",
            "values": {"B": 44.23943737541908, "C": 1},
            "valueString": "[ var='B' labels={} value=44.23943737541908 ]",
        }
    ],
    "groupLabels": {},
    "commonLabels": {"team": "blue"},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example.org/",
    "version": "1",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "title": "[FIRING:1]  (blue)",
    "state": "alerting",
    "message": "**Firing**\n\nLabels:\n - alertname = High memory usage",
}

PAGERDUTY: dict[str, Any] = {
    "payload": {
        "summary": "PING OK - Packet loss = 0%, RTA = 1.41 ms on web-1",
        "timestamp": "2026-03-04T09:59:00.000+0000",
        "severity": "critical",
        "source": "prod05.theseus.acme-widgets.com",
        "component": "mysql",
        "group": "prod-datapipe",
        "class": "disk",
        "custom_details": {"free space": "1%", "ping time": "1500ms", "load avg": 0.75},
    },
    "routing_key": "",
    "dedup_key": "samplekeyhere",
    "images": [
        {
            "src": "https://chart.example.org/chart?type=line",
            "href": "https://example.org/",
            "alt": "An example link with an image",
        }
    ],
    "links": [{"href": "https://runbooks.example.org/disk", "text": "The runbook"}],
    "event_action": "trigger",
    "client": "Sample Monitoring Service",
    "client_url": "https://monitoring.example.org",
}


def alertmanager(*, status: str = "firing", count: int = 2) -> dict[str, Any]:
    """The documented group with so many of its alerts, in this status."""
    body = deepcopy(ALERTMANAGER)
    body["status"] = status
    body["alerts"] = body["alerts"][:count]
    for alert in body["alerts"]:
        alert["status"] = status
    return body


def grafana(*, status: str = "firing") -> dict[str, Any]:
    body = deepcopy(GRAFANA)
    body["status"] = status
    body["alerts"][0]["status"] = status
    return body


def pagerduty(key: str, **changes: Any) -> dict[str, Any]:
    """The documented event with this routing key; a change to None leaves the field out."""
    body = deepcopy(PAGERDUTY) | {"routing_key": key} | changes
    return {name: value for name, value in body.items() if value is not None}
