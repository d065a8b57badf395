"""Send test alert: the whole way of an alert, for the one who presses."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from alerts.enums import IntegrationKind
from alerts.models import Alert, TestRun
from directory.models import User
from incidents import services as incidents
from incidents.models import Incident
from notifications.models import Page
from tests.alerts.factories import Sender, make_heartbeat, make_sender
from tests.incidents.factories import WEDNESDAY, World, make_world, page_outs, tick

pytestmark = pytest.mark.django_db
KINDS = list(IntegrationKind)


@pytest.fixture(autouse=True)
def _on_wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def of_kind(kind: IntegrationKind, world: World) -> Sender:
    return (
        make_heartbeat(world)
        if kind == IntegrationKind.HEARTBEAT
        else make_sender(kind, world=world)
    )


def start(client: Client, sender: Sender, **data: str) -> str:
    answer = client.post(f"/integrations/{sender.integration.pk}/test/", data)
    assert answer.status_code == 302
    return str(answer["Location"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_of_each_kind_opens_a_drill_that_pages_only_who_pressed(
    world: World, kind: IntegrationKind
) -> None:
    sender = of_kind(kind, world)
    start(signed_in(world.manager), sender)
    incident = Incident.objects.get()
    assert incident.drill
    assert world.called(incident) == ["manager"]
    for minutes in range(1, 29):
        tick(WEDNESDAY + timedelta(minutes=minutes))
    assert set(world.called(incident)) == {"manager"}


def test_each_step_is_shown_as_it_happens(world: World) -> None:
    sender = make_sender("alertmanager", world=world)
    client = signed_in(world.manager)
    page = start(client, sender)
    text = client.get(page).content.decode()
    incident = Incident.objects.get()
    assert "The alert arrived" in text
    assert incident.ref in text
    assert f'hx-get="{page}"' in text
    [first, *_] = Page.objects.order_by("id")
    assert f'href="/outbox/{first.pk}/"' in text
    Page.objects.filter(pk=first.pk).update(
        state="delivered",
        sent_at=WEDNESDAY + timedelta(seconds=1),
        delivered_at=WEDNESDAY + timedelta(seconds=2),
    )
    incidents.acknowledge(
        incident.pk, actor=world.actor("manager"), now=WEDNESDAY + timedelta(seconds=9)
    )
    part = client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    for at in ("10:00:00", "10:00:01", "10:00:02", "10:00:09"):
        assert at in part
    assert "waiting" not in part
    assert "hx-get" not in part


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != IntegrationKind.HEARTBEAT])
def test_the_curl_line_does_the_same_from_the_monitoring_host(
    world: World, kind: IntegrationKind
) -> None:
    sender = of_kind(kind, world)
    client = signed_in(world.manager)
    page = start(client, sender, wait="1")
    assert not Alert.objects.exists()
    assert "Send it from here" in client.get(page).content.decode()
    line = client.get(page).context["curl"].replace("KEY", sender.key)
    words = shlex.split(line)
    body, address = json.loads(words[words.index("-d") + 1]), words[-1]
    path = "/" + address.split("/", 3)[3]
    answer = Client().post(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 202
    assert TestRun.objects.get().alert == Alert.objects.get()
    assert world.called(Incident.objects.get()) == ["manager"]


def test_an_unknown_token_makes_no_drill(world: World) -> None:
    sender = make_sender("generic", world=world)
    body = {"title": "Real", "labels": {"watchbill_test": "0" * 16}}
    Client().post(
        f"/hooks/generic/{sender.key}/", json.dumps(body), content_type="application/json"
    )
    incident = Incident.objects.get()
    assert not incident.drill
    assert world.called(incident) == ["primary"]


def test_another_integrations_token_makes_no_drill(world: World) -> None:
    start(signed_in(world.manager), make_sender("generic", world=world), wait="1")
    sender = make_sender("generic", world=world)
    body = {"title": "Real", "labels": {"watchbill_test": TestRun.objects.get().token}}
    Client().post(
        f"/hooks/generic/{sender.key}/", json.dumps(body), content_type="application/json"
    )
    assert not Incident.objects.get().drill


def test_a_test_nobody_ends_is_ended_by_the_clock(world: World) -> None:
    start(signed_in(world.manager), make_sender("generic", world=world))
    for minutes in range(1, 31):
        tick(WEDNESDAY + timedelta(minutes=minutes))
    assert Incident.objects.get().status == "resolved"
    assert Alert.objects.get().state == "resolved"


def test_a_drill_pages_at_once_though_the_map_holds_the_severity(world: World) -> None:
    sender = make_sender(
        "generic", world=world, severity_map={"error": "P4"}, default_severity="P4"
    )
    start(signed_in(world.manager), sender)
    [page_out] = page_outs(Incident.objects.get())
    assert page_out.held_until is None


def test_sending_twice_is_counted_and_pages_once(world: World) -> None:
    client = signed_in(world.manager)
    page = start(client, make_sender("generic", world=world))
    client.post(page)
    assert Alert.objects.get().count == 2
    assert len(page_outs(Incident.objects.get())) == 1


def test_get_starts_nothing_and_shows_whom_it_would_page(world: World) -> None:
    sender = make_sender("generic", world=world)
    answer = signed_in(world.manager).get(f"/integrations/{sender.integration.pk}/test/")
    assert f"pager-{world.manager.email}" in answer.content.decode()
    assert not TestRun.objects.exists()


def test_only_who_may_edit_the_integration_may_test_it(world: World) -> None:
    sender = make_sender("generic", world=world)
    path = f"/integrations/{sender.integration.pk}/test/"
    other = make_world()
    for user in (world.engineer, world.primary, other.manager):
        client = signed_in(user)
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert Client().get(path).status_code == 302
    assert signed_in(world.admin).get(path).status_code == 200
    assert not Incident.objects.exists()


def test_only_who_began_a_test_sends_it_again(world: World) -> None:
    sender = of_kind(IntegrationKind.GENERIC, world)
    place = start(signed_in(world.manager), sender, wait="1")
    assert signed_in(world.admin).get(place).status_code == 200
    assert signed_in(world.admin).post(place).status_code == 403
    assert not Alert.objects.exists()
