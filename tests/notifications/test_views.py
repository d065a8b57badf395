"""The outbox: one's own messages, and an admin's where mail is kept as files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from directory.models import User
from incidents.models import Incident
from incidents.queries.messages import message_of
from notifications.channels import file
from notifications.channels.clock import AttemptClock
from notifications.models import Page
from notifications.rendering import with_html
from tests.incidents.factories import WEDNESDAY, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        yield


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def sent(world: World, **facts: object) -> Page:
    incident = world.declare(**facts)  # type: ignore[arg-type]
    page = Page.objects.filter(
        page_out__subject_id=incident.pk, page_out__user=world.primary
    ).earliest("id")
    message = message_of(page.page_out, WEDNESDAY)
    assert message is not None
    answer = file.send(
        with_html(message), page.address, key=page.delivery_key, clock=AttemptClock(10)
    )
    page.channel, page.state, page.provider_id = "file", "delivered", answer.provider_id
    page.sent_at = page.delivered_at = WEDNESDAY
    page.save()
    return page


def test_one_reads_ones_own_messages_and_nobody_elses(world: World) -> None:
    page = sent(world, title="API is down")
    own = as_user(world.primary)
    assert f"/outbox/{page.pk}/" in own.get("/outbox/").content.decode()
    letter = own.get(f"/outbox/{page.pk}/").content.decode()
    assert "API is down" in letter
    assert "/p/" in letter
    stranger = as_user(world.engineer)
    assert f"/outbox/{page.pk}/" not in stranger.get("/outbox/").content.decode()
    for ending in ("", "body/"):
        assert stranger.get(f"/outbox/{page.pk}/{ending}").status_code == 404


def test_the_html_part_is_sealed(world: World) -> None:
    page = sent(world)
    answer = as_user(world.primary).get(f"/outbox/{page.pk}/body/")
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert '<base target="_blank">' in answer.content.decode()
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_an_admin_sees_all_but_restricted_ones_only_where_mail_is_kept_as_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, hidden = sent(world), sent(world, severity="P1", kind="security", title="CANARY")
    admin = as_user(world.admin)
    monkeypatch.setattr(settings, "EMBEDDED", True)
    page = admin.get("/outbox/").content.decode()
    assert f"/outbox/{plain.pk}/" in page
    assert f"/outbox/{hidden.pk}/" not in page
    assert admin.get(f"/outbox/{plain.pk}/").status_code == 200
    assert admin.get(f"/outbox/{hidden.pk}/").status_code == 404
    assert f"/outbox/{plain.pk}/" not in as_user(world.manager).get("/outbox/").content.decode()
    monkeypatch.setattr(settings, "EMBEDDED", False)
    assert f"/outbox/{plain.pk}/" not in admin.get("/outbox/").content.decode()
    assert admin.get(f"/outbox/{plain.pk}/").status_code == 404


def test_a_letter_that_also_speaks_of_a_restricted_incident_is_hidden_as_a_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, mixed = sent(world), sent(world, title="Ordinary")
    speaks_for(plain, world.declare(title="Another ordinary one"))
    speaks_for(mixed, world.declare("P1", kind="security", title="CANARY"))
    monkeypatch.setattr(settings, "EMBEDDED", True)
    admin = as_user(world.admin)
    page = admin.get("/outbox/").content.decode()
    assert f"/outbox/{plain.pk}/" in page
    assert f"/outbox/{mixed.pk}/" not in page
    assert admin.get(f"/outbox/{plain.pk}/").status_code == 200
    for ending in ("", "body/"):
        assert admin.get(f"/outbox/{mixed.pk}/{ending}").status_code == 404
    assert as_user(world.primary).get(f"/outbox/{mixed.pk}/").status_code == 200


def speaks_for(letter: Page, incident: Incident) -> None:
    changed = Page.objects.filter(
        page_out__subject_id=incident.pk, page_out__user=letter.page_out.user
    ).update(state="bundled", bundle=letter)
    assert changed
