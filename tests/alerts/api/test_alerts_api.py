"""Alerts as JSON: to those who see their incident."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from alerts.enums import IntegrationKind
from alerts.models import Alert
from alerts.services import take
from incidents import services as incidents
from tests.alerts.factories import Sender, event, make_sender
from tests.directory.factories import bearer, make_auditor
from tests.incidents.factories import WEDNESDAY, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(world: World) -> Sender:
    return make_sender(world=world)


def send(sender: Sender, *events: Any) -> None:
    take(sender.key, IntegrationKind.GENERIC, list(events), now=WEDNESDAY)


def get(client: Client, path: str, user: Any) -> Any:
    return client.get(f"/api/v1/{path}", headers=bearer(user))


def test_an_alert_reads_as_the_contract_says(client: Client, sender: Sender) -> None:
    send(sender, event("a", labels={"x": "1"}))
    [row] = get(client, "alerts/", sender.world.engineer).json()["results"]
    assert row == {
        "id": sender.alert.pk,
        "integration": sender.integration.slug,
        "dedup_key": "a",
        "state": "firing",
        "count": 1,
        "title": "Too slow: a",
        "description": "",
        "severity": "P2",
        "kind": "standard",
        "rule": "TooSlow",
        "source": "",
        "service": sender.world.service.slug,
        "incident": sender.incident.ref,
        "labels": {"x": "1"},
        "links": [],
        "started_at": "2026-03-04T10:00:00Z",
        "first_seen_at": "2026-03-04T10:00:00Z",
        "last_seen_at": "2026-03-04T10:00:00Z",
        "acknowledged_at": None,
        "resolved_at": None,
        "false_positive": False,
        "false_positive_reason": "",
    }


def test_an_incident_names_its_alerts(client: Client, sender: Sender) -> None:
    send(sender, event("a"), event("b"))
    row = get(client, f"incidents/{sender.incident.ref}/", sender.world.engineer).json()
    assert sorted(alert["dedup_key"] for alert in row["alerts"]) == ["a", "b"]
    assert row["alert_count"] == 2


def test_filters(client: Client, sender: Sender) -> None:
    send(sender, event("a"), event("b", rule="Other"))
    first = Alert.objects.get(dedup_key="a")
    assert first.incident is not None
    user = sender.world.engineer
    for query, keys in [
        (f"incident={first.incident.ref}", ["a"]),
        ("state=resolved", []),
        ("state=nonsense", None),
        ("severity=P2", ["b", "a"]),
        (f"service={sender.world.service.slug}", ["b", "a"]),
        ("service=none", []),
        (f"integration={sender.integration.slug}&dedup_key=b", ["b"]),
    ]:
        answer = get(client, f"alerts/?{query}", user)
        if keys is None:
            assert answer.status_code == 400
        else:
            assert [row["dedup_key"] for row in answer.json()["results"]] == keys, query


@pytest.mark.clause("C80")
def test_the_alerts_of_a_restricted_incident_are_hidden_with_it(
    client: Client, sender: Sender
) -> None:
    send(sender, event("a", severity="critical", labels={"category": "security"}))
    path = f"alerts/{sender.alert.pk}/"
    assert get(client, path, sender.world.security).status_code in (200, 404)
    for user in (sender.world.engineer, sender.world.admin, make_world().manager, make_auditor()):
        assert get(client, path, user).status_code == 404
        assert get(client, "alerts/", user).json()["results"] == []
    assert get(client, path, sender.world.primary).status_code == 200


def test_nobody_writes_and_strangers_see_nothing(client: Client, sender: Sender) -> None:
    send(sender, event("a"))
    path = f"/api/v1/alerts/{sender.alert.pk}/"
    assert client.get(path).status_code == 401
    for method in (client.post, client.put, client.patch, client.delete):
        answer = method(
            path, "{}", content_type="application/json", headers=bearer(sender.world.manager)
        )
        assert answer.status_code == 405
    assert get(client, "alerts/99999999999999999999/", sender.world.engineer).status_code == 404


@pytest.mark.clause("C216")
def test_a_false_positive_is_marked_after_the_acknowledgment(
    client: Client, sender: Sender
) -> None:
    send(sender, event("a"))
    path = f"/api/v1/alerts/{sender.alert.pk}/false-positive/"

    def mark(user: Any, body: str = '{"reason": "noise"}') -> Any:
        return client.post(path, body, content_type="application/json", headers=bearer(user))

    primary = sender.world.primary
    assert (mark(primary).status_code, mark(primary).json()["code"]) == (409, "not_acknowledged")
    incidents.acknowledge(sender.incident.pk, actor=sender.world.actor("primary"), now=WEDNESDAY)
    assert mark(primary, "{}").status_code == 400
    assert mark(make_world().engineer).status_code == 403
    assert mark(primary).json()["false_positive"] is True
    assert mark(primary).status_code == 200


@pytest.mark.parametrize("rows", [1, 30])
def test_a_list_takes_the_same_queries_for_one_row_and_for_thirty(
    client: Client, sender: Sender, rows: int, django_assert_max_num_queries: Any
) -> None:
    send(sender, *[event(f"k{number}") for number in range(rows)])
    headers = bearer(sender.world.engineer)
    with django_assert_max_num_queries(8):
        answer = client.get("/api/v1/alerts/", headers=headers)
    assert len(answer.json()["results"]) == rows
