"""Each sender's own words, read into facts."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.enums import Action
from alerts.rules import alertmanager, generic, grafana, pagerduty
from alerts.rules.facts import AlertFacts, Link, Unreadable
from tests.alerts import payloads


def test_an_alertmanager_group_is_read_alert_by_alert() -> None:
    first, second = alertmanager.read(payloads.alertmanager())
    assert first == AlertFacts(
        dedup_key="7f6a1f3a2b9c4d5e",
        action=Action.TRIGGER,
        title="web-1 is down",
        description="web-1.example.org:9100 of job node has been down for more than 5 minutes.",
        severity="critical",
        rule="InstanceDown",
        source="web-1.example.org:9100",
        labels=payloads.ALERTMANAGER["alerts"][0]["labels"],
        links=(
            Link("runbook", "Runbook", "https://runbooks.example.org/instance-down"),
            Link(
                "source",
                "Prometheus",
                "http://prometheus.example.org:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            ),
            Link("silence", "Alertmanager", "http://alertmanager.example.org:9093"),
        ),
        started_at=datetime(2026, 3, 4, 9, 58, 11, 123456, tzinfo=UTC),
        document=payloads.ALERTMANAGER["alerts"][0],
    )
    assert second.dedup_key == "0a1b2c3d4e5f6071"


def test_a_resolved_group_resolves() -> None:
    assert {
        facts.action for facts in alertmanager.read(payloads.alertmanager(status="resolved"))
    } == {Action.RESOLVE}


def test_an_alert_without_fingerprint_is_known_by_its_labels() -> None:
    body = payloads.alertmanager(count=1)
    del body["alerts"][0]["fingerprint"]
    [one] = alertmanager.read(body)
    [again] = alertmanager.read(deepcopy(body))
    body["alerts"][0]["labels"]["instance"] = "web-9"
    [other] = alertmanager.read(body)
    assert one.dedup_key == again.dedup_key != other.dedup_key


def test_an_empty_group_is_no_alert() -> None:
    assert alertmanager.read({"version": "4", "alerts": []}) == []


@pytest.mark.parametrize(
    "document", [None, [], "text", 7, {}, {"alerts": None}, {"alerts": "many"}]
)
def test_what_is_no_group_is_unreadable(document: object) -> None:
    with pytest.raises(Unreadable):
        alertmanager.read(document)


def test_one_bad_alert_in_a_good_group_is_an_alert_itself() -> None:
    body = payloads.alertmanager()
    body["alerts"].insert(1, 42)
    good, bad, rest = alertmanager.read(body)
    assert [good.title, rest.title] == ["web-1 is down", "web-2 is down"]
    assert bad.title == "An alert of the group could not be read: it is a number, not an object"
    assert bad.action == Action.TRIGGER


def test_an_alert_of_nothing_is_still_an_alert() -> None:
    [facts] = alertmanager.read({"alerts": [{}]})
    assert facts.action == Action.TRIGGER
    assert facts.dedup_key.startswith("labels:")


def test_grafana_brings_its_panel_dashboard_silence_picture_and_values() -> None:
    [facts] = grafana.read(payloads.grafana())
    assert facts.title == "Memory is high in zone us-1"
    assert facts.description == "The system has high memory usage\nB = 44.23943737541908, C = 1"
    assert facts.started_at == datetime(2026, 3, 4, 8, 51, 3, 157076, tzinfo=UTC)
    assert [(link.kind, link.href) for link in facts.links] == [
        ("runbook", "https://runbooks.example.org/memory"),
        ("dashboard", "https://grafana.example.org/d/memory"),
        ("panel", "https://grafana.example.org/d/memory?viewPanel=4"),
        ("source", "https://grafana.example.org/alerting/1afz29v7z/edit"),
        ("silence", payloads.GRAFANA["alerts"][0]["silenceURL"]),
        ("image", "https://grafana.example.org/public/img/attachments/panel.png"),
    ]


def test_a_grafana_rule_without_data_keeps_its_own_name() -> None:
    body = payloads.grafana()
    body["alerts"][0]["labels"] = {"alertname": "DatasourceNoData", "rulename": "High memory usage"}
    [facts] = grafana.read(body)
    assert facts.rule == "High memory usage"


# --- PagerDuty -----------------------------------------------------------------------------------


@pytest.mark.clause("X15")
def test_every_documented_field_of_a_pagerduty_event_is_read() -> None:
    event = pagerduty.read(payloads.pagerduty("k" * 32), fresh_key="fresh")
    facts = event.facts
    assert (event.routing_key, event.dedup_key) == ("k" * 32, "samplekeyhere")
    assert facts.action == Action.TRIGGER
    assert facts.title == "PING OK - Packet loss = 0%, RTA = 1.41 ms on web-1"
    assert (facts.severity, facts.source, facts.rule) == (
        "critical",
        "prod05.theseus.acme-widgets.com",
        "disk",
    )
    assert facts.started_at == datetime(2026, 3, 4, 9, 59, tzinfo=UTC)
    assert facts.labels == {
        "free space": "1%",
        "ping time": "1500ms",
        "load avg": "0.75",
        "source": "prod05.theseus.acme-widgets.com",
        "component": "mysql",
        "group": "prod-datapipe",
        "class": "disk",
    }
    assert facts.links == (
        Link("runbook", "The runbook", "https://runbooks.example.org/disk"),
        Link("image", "An example link with an image", "https://chart.example.org/chart?type=line"),
        Link("link", "An example link with an image", "https://example.org/"),
        Link("source", "Sample Monitoring Service", "https://monitoring.example.org"),
    )
    assert "routing_key" not in facts.document


def test_a_trigger_without_a_key_gets_one() -> None:
    event = pagerduty.read(payloads.pagerduty("k", dedup_key=None), fresh_key="fresh")
    assert (event.dedup_key, event.facts.dedup_key) == ("fresh", "fresh")


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_an_acknowledgment_needs_only_key_and_action(action: str) -> None:
    event = pagerduty.read(
        {"routing_key": "k", "event_action": action, "dedup_key": "a"}, fresh_key="f"
    )
    assert (event.facts.action, event.facts.dedup_key) == (Action(action), "a")


def test_the_client_hears_its_own_long_key_back() -> None:
    event = pagerduty.read(payloads.pagerduty("k", dedup_key="x" * 256), fresh_key="f")
    assert event.dedup_key == "x" * 256
    assert len(event.facts.dedup_key) == 255


def payload(**changes: Any) -> dict[str, Any]:
    whole = payloads.PAGERDUTY["payload"] | changes
    return {name: value for name, value in whole.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"routing_key": ""}, ["'routing_key' is missing or blank"]),
        ({"event_action": "shout"}, ["'event_action' is missing or invalid (must be one of the following: "
                                     "'trigger', 'acknowledge', 'resolve')"]),
        ({"event_action": "resolve", "dedup_key": None}, ["'dedup_key' is missing or blank"]),
        ({"payload": None}, ["'payload' is missing or blank"]),
        ({"payload": "text"}, ["'payload' is missing or blank"]),
        ({"payload": payload(summary=None, source=" ")},
         ["'payload.summary' is missing or blank", "'payload.source' is missing or blank"]),
        ({"payload": payload(severity="bad")},
         ["'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error', 'info')"]),
    ],
)  # fmt: skip
def test_faults_of_an_event_are_all_named(changes: dict[str, Any], errors: list[str]) -> None:
    body = payloads.pagerduty("k") | changes
    with pytest.raises(Unreadable) as fault:
        pagerduty.read(
            {name: value for name, value in body.items() if value is not None}, fresh_key="f"
        )
    assert fault.value.errors == errors


@pytest.mark.parametrize("details", ["a text", ["a", "list"], None, 7, {"deep": {"er": 1}}])
@pytest.mark.parametrize("extra", [{}, {"links": "x", "images": [7], "client_url": {}}])
def test_custom_details_and_links_of_any_shape_lose_no_event(
    details: object, extra: dict[str, Any]
) -> None:
    body = payloads.pagerduty("k", payload=payload(custom_details=details), **extra)
    assert pagerduty.read(body, fresh_key="f").facts.title


# --- Any JSON ------------------------------------------------------------------------------------


def test_without_a_mapping_the_usual_names_are_looked_for() -> None:
    [facts] = generic.read(
        {
            "message": "Queue is long",
            "id": 17,
            "level": "error",
            "status": "open",
            "service": "agents",
            "check": "queue-length",
            "host": "q-1",
            "url": "https://monitoring.example.org/17",
            "time": "2026-03-04T09:00:00Z",
            "tags": {"queue": "high"},
        },
        {},
    )
    assert facts.title == "Queue is long"
    assert (facts.dedup_key, facts.severity, facts.rule, facts.source) == (
        "17",
        "error",
        "queue-length",
        "q-1",
    )
    assert facts.labels == {"queue": "high", "service": "agents"}
    assert facts.links == (Link("source", "Source", "https://monitoring.example.org/17"),)
    assert facts.started_at == datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


def test_a_mapping_says_where_each_fact_stands() -> None:
    mapping = {
        "items": "data.events",
        "title": "what.text",
        "dedup_key": "ids.0",
        "state": "phase",
        "resolved": ["gone"],
        "acknowledged": ["seen"],
    }
    document = {
        "data": {
            "events": [
                {"what": {"text": "One"}, "ids": ["a"], "phase": "here"},
                {"what": {"text": "Two"}, "ids": ["b"], "phase": "gone"},
                {"what": {"text": "Three"}, "ids": ["c"], "phase": "SEEN"},
            ]
        }
    }
    assert [
        (facts.title, facts.dedup_key, facts.action) for facts in generic.read(document, mapping)
    ] == [
        ("One", "a", Action.TRIGGER),
        ("Two", "b", Action.RESOLVE),
        ("Three", "c", Action.ACKNOWLEDGE),
    ]


@pytest.mark.parametrize(
    "document", [7, "text", None, [], {}, [1, None, {}], {"a": {"b": [1]}}, True]
)
@pytest.mark.parametrize("mapping", [{}, {"items": "a.b.0", "title": "x.9999999999999999999"}])
def test_whatever_the_document_is_reading_it_does_not_fail(
    document: object, mapping: dict[str, str]
) -> None:
    assert isinstance(generic.read(document, mapping), list)


def test_the_same_event_without_a_key_is_the_same_alert() -> None:
    [one] = generic.read({"title": "Disk full", "host": "a"}, {})
    [again] = generic.read({"title": "Disk full", "host": "a", "at": "later"}, {})
    [other] = generic.read({"title": "Disk full", "host": "b"}, {})
    assert one.dedup_key == again.dedup_key != other.dedup_key


def test_a_mapping_with_faults_is_refused_with_each_named() -> None:
    assert generic.faults({"title": "a.b", "items": "x", "resolved": ["ok"]}) == []
    found = generic.faults({"titel": "a", "title": 7, "resolved": "ok"})
    assert len(found) == 3
    assert generic.faults([]) != []
