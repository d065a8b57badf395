"""The ways in, over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from alerts.models import Alert
from tests.alerts import payloads
from tests.alerts.factories import make_sender
from tests.incidents.factories import WEDNESDAY, World, page_outs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, raw, content_type="application/json", headers=headers)


# --- Alertmanager --------------------------------------------------------------------------------


@pytest.mark.clause("C14", "C27", "C77")
def test_an_alertmanager_group_opens_one_incident_and_pages_the_primary(
    client: Client, world: World
) -> None:
    sender = make_sender("alertmanager", world=world)
    answer = post(client, f"/hooks/alertmanager/{sender.key}/", payloads.alertmanager())
    assert answer.status_code == 202
    assert answer.json() == {"status": "accepted", "events": 2, "new_alerts": 2}
    incident = sender.incident
    assert (incident.title, incident.severity, incident.status) == (
        "web-1 is down",
        "P1",
        "triggered",
    )
    assert incident.started_at == datetime(2026, 3, 4, 9, 58, 11, 123456, tzinfo=UTC)
    assert "primary" in world.called(incident)
    first, second = Alert.objects.order_by("id")
    assert {first.incident_id, second.incident_id} == {incident.pk}
    assert sorted(link["kind"] for link in first.links + second.links) == [
        "runbook", "silence", "silence", "source", "source",
    ]  # fmt: skip


def test_a_repeated_group_is_counted_and_pages_nobody_again(client: Client, world: World) -> None:
    sender = make_sender("alertmanager", world=world)
    for _ in range(3):
        post(client, f"/hooks/alertmanager/{sender.key}/", payloads.alertmanager())
    assert list(Alert.objects.values_list("count", flat=True)) == [3, 3]
    assert len(page_outs(sender.incident)) == len(
        {page.user_id for page in page_outs(sender.incident)}
    )
