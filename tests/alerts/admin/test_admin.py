"""Integrations and alerts in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts.enums import IntegrationKind
from alerts.models import Alert, HeartbeatMonitor, Integration
from alerts.queries import hash_of
from alerts.services import take
from deadlines.models import Deadline
from directory.models import User
from tests.alerts.factories import Sender, event, make_heartbeat, make_sender
from tests.incidents.factories import WEDNESDAY, World, make_world

pytestmark = pytest.mark.django_db
PRESSED = {"_form_submitted": "on"}  # what the confirming dialog sends


def signed_in(user: User) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def form(world: World, **changes: Any) -> dict[str, Any]:
    whole = {
        "name": "Prometheus",
        "slug": "prometheus",
        "kind": "alertmanager",
        "team": world.team.pk,
        "default_service": world.service.pk,
        "enabled": "on",
        "severity_map": '{"critical": "P1"}',
        "severity_labels": "severity",
        "default_severity": "P2",
        "service_labels": "service,app",
        "security_labels": "{}",
        "mapping": "{}",
        "group_window_seconds": 3600,
        "resolve_mode": "propose",
        "rate_per_minute": 1000,
    }
    return whole | changes


def messages_of(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def test_a_new_integration_gets_a_key_that_is_shown_once(world: World) -> None:
    client = signed_in(world.manager)
    answer = client.post("/admin/alerts/integration/add/", form(world), follow=True)
    integration = Integration.objects.get()
    found = re.search(r"<code>([a-z0-9]{32})</code>", messages_of(answer))
    assert found
    assert integration.keys.get().sha256 == hash_of(found[1])
    page = client.get(f"/admin/alerts/integration/{integration.pk}/change/").content.decode()
    assert found[1] not in page
    assert found[1][:6] in page
    assert "/hooks/alertmanager/KEY/" in page


def test_a_new_heartbeat_is_watched_from_its_creation(world: World) -> None:
    signed_in(world.manager).post("/admin/alerts/integration/add/", form(world, kind="heartbeat"))
    assert HeartbeatMonitor.objects.get().interval_seconds == 300
    assert Deadline.objects.filter(kind="alerts.heartbeat", state="pending").count() == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"severity_map": '{"critical": "P9"}'}, "not P9"),
        ({"severity_map": '["P1"]'}, "Write words and severities"),
        ({"default_severity": "worst"}, "One of P1, P2, P3, P4"),
        ({"security_labels": '{"kind": "security"}'}, "lists of values"),
        ({"mapping": '{"titel": "a"}'}, "titel"),
    ],
)
def test_data_that_cannot_be_is_refused_with_a_sentence(
    world: World, changes: dict[str, str], complaint: str
) -> None:
    answer = signed_in(world.manager).post("/admin/alerts/integration/add/", form(world, **changes))
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert not Integration.objects.exists()


def test_a_new_key_leaves_the_old_ones_good_for_a_week(world: World) -> None:
    sender = make_sender("generic", world=world)
    client = signed_in(world.manager)
    answer = client.post(
        f"/admin/alerts/integration/{sender.integration.pk}/rotate/", PRESSED, follow=True
    )
    assert "shown now and never again" in messages_of(answer)
    new, old = sender.integration.keys.order_by("-created_at")
    assert new.expires_at is None
    assert old.expires_at is not None
    assert timedelta(days=6) < old.expires_at - timezone.now() <= timedelta(days=7)
    client.post(f"/admin/alerts/integration/{sender.integration.pk}/withdraw-older/", PRESSED)
    old.refresh_from_db()
    assert old.expires_at is not None
    assert old.expires_at <= timezone.now()


def test_the_dialog_leads_back_to_the_page_that_shows_the_key(world: World) -> None:
    sender = make_sender("generic", world=world)
    client = signed_in(world.manager)
    path = f"/admin/alerts/integration/{sender.integration.pk}"
    answer = client.post(f"{path}/rotate/", PRESSED, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == f"{path}/change/"
    assert "shown now and never again" in messages_of(client.get(f"{path}/change/"))


def test_a_manager_sees_and_edits_only_the_own_teams_integrations(world: World) -> None:
    own, foreign = make_sender("generic", world=world), make_sender("generic", world=make_world())
    client = signed_in(world.manager)
    page = client.get("/admin/alerts/integration/").content.decode()
    assert own.integration.name in page
    assert foreign.integration.name not in page
    path = f"/admin/alerts/integration/{foreign.integration.pk}"
    assert client.get(f"{path}/change/").status_code == 302
    assert client.post(f"{path}/rotate/", PRESSED).status_code in (302, 403, 404)
    assert client.post(f"{path}/withdraw-older/", PRESSED).status_code in (302, 403, 404)
    assert foreign.integration.keys.count() == 1
    theirs = form(world, team=foreign.world.team.pk, default_service=foreign.world.service.pk)
    assert client.post("/admin/alerts/integration/add/", theirs).status_code == 200
    assert Integration.objects.count() == 2


def test_only_an_admin_opens_an_integration_to_all_teams(world: World) -> None:
    sender = make_sender("generic", world=world)
    path = f"/admin/alerts/integration/{sender.integration.pk}/change/"
    data = form(world, all_teams="on", name="Changed") | {
        "keys-TOTAL_FORMS": 0, "keys-INITIAL_FORMS": 0,
    }  # fmt: skip
    assert signed_in(world.manager).post(path, data).status_code == 302
    assert not Integration.objects.get().all_teams
    assert signed_in(world.admin).post(path, data).status_code == 302
    assert Integration.objects.get().all_teams


def test_engineers_do_not_see_integrations(world: World) -> None:
    sender = make_sender("generic", world=world)
    client = signed_in(world.engineer)
    assert client.get("/admin/alerts/integration/").status_code == 403
    assert client.get(f"/admin/alerts/integration/{sender.integration.pk}/change/").status_code in (
        302,
        403,
    )


def test_switching_a_heartbeat_off_ends_the_watch_and_on_begins_it(world: World) -> None:
    sender = make_heartbeat(world)
    monitor = HeartbeatMonitor.objects.get()
    path = f"/admin/alerts/integration/{sender.integration.pk}/change/"
    inline = {
        "heartbeat-TOTAL_FORMS": 1, "heartbeat-INITIAL_FORMS": 1, "heartbeat-0-id": monitor.pk,
        "heartbeat-0-integration": sender.integration.pk, "heartbeat-0-interval_seconds": 60,
        "heartbeat-0-grace_seconds": 5, "heartbeat-0-severity": "P2", "keys-TOTAL_FORMS": 0, "keys-INITIAL_FORMS": 0,
    }  # fmt: skip
    client = signed_in(world.manager)
    off = {name: value for name, value in form(world).items() if name != "enabled"}
    assert client.post(path, off | inline).status_code == 302
    assert not Deadline.objects.filter(kind="alerts.heartbeat", state="pending").exists()
    assert client.post(path, form(world) | inline).status_code == 302
    assert Deadline.objects.filter(kind="alerts.heartbeat", state="pending").count() == 1


def send(sender: Sender, *events: Any) -> None:
    take(sender.key, IntegrationKind.GENERIC, list(events), now=WEDNESDAY)


def test_alerts_are_only_looked_at(world: World) -> None:
    sender = make_sender(world=world)
    send(sender, event("a", title="<script>alert(1)</script>", document={"x": "<b>"}))
    client = signed_in(world.engineer)
    assert "&lt;script&gt;" in client.get("/admin/alerts/alert/").content.decode()
    page = client.get(f"/admin/alerts/alert/{sender.alert.pk}/change/").content.decode()
    assert "<script>alert(1)" not in page
    assert (
        client.post(f"/admin/alerts/alert/{sender.alert.pk}/change/", {"title": "x"}).status_code
        == 403
    )
    assert client.get("/admin/alerts/alert/add/").status_code == 403


def test_the_alerts_of_a_restricted_incident_are_not_in_the_admin(world: World) -> None:
    sender = make_sender(world=world)
    send(sender, event("a", title="CANARY", severity="critical", labels={"category": "security"}))
    for user in (world.engineer, world.admin):
        client = signed_in(user)
        assert "CANARY" not in client.get("/admin/alerts/alert/").content.decode()
        found = client.get("/admin/alerts/alert/?q=CANARY").content.decode()
        assert f"/admin/alerts/alert/{sender.alert.pk}/" not in found
        assert client.get(f"/admin/alerts/alert/{sender.alert.pk}/change/").status_code == 302
    assert "CANARY" in signed_in(world.primary).get("/admin/alerts/alert/").content.decode()


def test_an_integrations_counts_leave_out_restricted_alerts(world: World) -> None:
    sender = make_sender(world=world)
    take(
        sender.key,
        IntegrationKind.GENERIC,
        [event("a", labels={"kind": "security"})],
        now=WEDNESDAY,
    )
    page = signed_in(world.admin).get("/admin/alerts/integration/").content.decode()
    assert "none yet" in page
    take(sender.key, IntegrationKind.GENERIC, [event("b")], now=WEDNESDAY)
    assert (
        "none yet" not in signed_in(world.admin).get("/admin/alerts/integration/").content.decode()
    )


@pytest.mark.parametrize("rows", [1, 30])
def test_the_lists_take_the_same_queries_for_one_row_and_for_thirty(
    world: World, rows: int, django_assert_max_num_queries: Any
) -> None:
    sender = make_sender(world=world)
    send(sender, *[event(f"k{number}") for number in range(rows)])
    for _ in range(rows):
        make_sender(world=world)
    client = signed_in(world.admin)
    with django_assert_max_num_queries(24):
        client.get("/admin/alerts/alert/")
    with django_assert_max_num_queries(24):
        client.get("/admin/alerts/integration/")
    assert Alert.objects.count() == rows
