"""The phone page of a page-out, without signing in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deadlines.extension import PORTAL
from directory.services import add_member
from incidents.models import Incident, IncidentUserGrant, TimelineEntry
from incidents.services import acknowledge, add_note, all_hands, resolve
from notifications.links import token_of
from notifications.models import PageOut
from tests.directory.factories import make_user
from tests.incidents.factories import WEDNESDAY, World, page_outs

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(client: Client) -> Client:
    return Client(enforce_csrf_checks=True)


def paged(world: World, severity: str = "P2", **facts: Any) -> tuple[Incident, PageOut, str]:
    incident = world.declare(severity, **facts)
    page_out = next(one for one in page_outs(incident) if one.user_id == world.primary.pk)
    return incident, page_out, f"/p/{token_of(page_out)}/"


def test_it_says_what_since_when_which_service_and_what_is_owed(
    world: World, phone: Client
) -> None:
    _, _, path = paged(world, title="API is down")
    page = phone.get(path).content.decode()
    for words in (
        "P2 High",
        "API is down",
        world.service.name,
        "Acknowledge by",
        "14 min left",
        "Need help",
    ):
        assert words in page


def test_looking_changes_nothing_and_keeps_the_address_secret(world: World, phone: Client) -> None:
    incident, page_out, path = paged(world)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = phone.get(path)
        phone.head(path)
    assert not [
        query for query in queries if not query["sql"].lstrip().upper().startswith("SELECT")
    ]
    assert PageOut.objects.get(pk=page_out.pk).answer == ""
    assert Incident.objects.get(pk=incident.pk).status == "triggered"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert "noindex" in answer["X-Robots-Tag"]
    assert not answer.cookies


@pytest.mark.clause("C39", "C77")
def test_acknowledge_works_without_cookie_or_sign_in_and_says_what_was_recorded(
    world: World, phone: Client
) -> None:
    incident, page_out, path = paged(world)
    answer = phone.post(path, {"press": "acknowledged"})
    assert (answer.status_code, answer["Location"]) == (302, path)
    assert Incident.objects.get(pk=incident.pk).acknowledged_by == world.primary
    assert PageOut.objects.get(pk=page_out.pk).answer == "acknowledged"
    page = phone.get(path).content.decode()
    assert "You acknowledged" in page
    assert "You have it." in page
    assert 'value="acknowledged"' not in page
    entries = TimelineEntry.objects.filter(incident=incident).count()
    phone.post(path, {"press": "acknowledged"})
    assert TimelineEntry.objects.filter(incident=incident).count() == entries


@pytest.mark.clause("C74")
def test_need_help_pages_the_secondary(world: World, phone: Client) -> None:
    incident, _, path = paged(world)
    phone.post(path, {"press": "need_help"})
    assert world.called(incident) == ["primary", "secondary"]
    assert "Secondary" in phone.get(path).content.decode()


@pytest.mark.clause("C219", "C22")
def test_i_cannot_take_this_hands_it_on_and_asks_no_reason(world: World, phone: Client) -> None:
    incident, _, path = paged(world)
    phone.post(path, {"press": "cannot_take"})
    assert Incident.objects.get(pk=incident.pk).owner == world.secondary
    page = phone.get(path).content.decode()
    assert "not paged again" in page
    assert 'name="press"' not in page


@pytest.mark.clause("C40")
def test_one_tap_posts_the_first_findings_then_updates(world: World, phone: Client) -> None:
    incident, _, path = paged(world)
    phone.post(path, {"press": "acknowledged"})
    phone.post(path, {"press": "update", "text": "Found the cause."})
    assert Incident.objects.get(pk=incident.pk).first_update_at is not None
    assert (
        TimelineEntry.objects.filter(
            incident=incident, kind="update", text="Found the cause."
        ).count()
        == 1
    )
    assert "You acknowledged" in phone.get(path).content.decode()


@pytest.mark.clause("C40")
def test_that_somebody_looks_into_it_is_no_finding(world: World, phone: Client) -> None:
    incident, _, path = paged(world)
    phone.post(path, {"press": "acknowledged"})
    phone.post(path, {"press": "update", "text": "Looking into it."})
    assert TimelineEntry.objects.get(incident=incident, kind="update").data["kind"] == "status"
    assert Incident.objects.get(pk=incident.pk).first_update_at is None


@pytest.mark.clause("C40")
def test_in_their_own_words_people_say_whether_it_is_a_finding(world: World, phone: Client) -> None:
    incident, _, path = paged(world)
    phone.post(path, {"press": "acknowledged"})
    asked = phone.get(path).content.decode()
    assert 'name="kind" value="findings"' in asked
    assert 'name="kind" value="status"' in asked
    phone.post(path, {"press": "update", "text": "On my way to a desk", "kind": "status"})
    assert Incident.objects.get(pk=incident.pk).first_update_at is None
    phone.post(path, {"press": "update", "text": "Redis is full", "kind": "findings"})
    assert Incident.objects.get(pk=incident.pk).first_update_at is not None
    assert 'name="kind"' not in phone.get(path).content.decode()
    assert phone.post(path, {"press": "update", "text": "x", "kind": "gossip"}).status_code == 409


def test_an_empty_update_or_an_unknown_button_is_refused_in_words(
    world: World, phone: Client
) -> None:
    _, _, path = paged(world)
    assert phone.post(path, {"press": "update", "text": " "}).status_code == 409
    assert phone.post(path, {"press": "explode"}).status_code == 409
    assert phone.post(path).status_code == 409


def test_a_link_that_is_unknown_expired_or_of_somebody_who_left_no_longer_opens(
    world: World, phone: Client
) -> None:
    _, page_out, path = paged(world)
    answers = [
        phone.get("/p/not-a-token/"),
        phone.post("/p/not-a-token/", {"press": "acknowledged"}),
    ]
    with time_machine.travel(WEDNESDAY + timedelta(days=30), tick=False):
        answers.append(phone.get(path))
    world.primary.is_active = False
    world.primary.save()
    answers += [phone.get(path), phone.post(path, {"press": "acknowledged"})]
    for answer in answers:
        assert answer.status_code == 404
        assert "no longer opens" in answer.content.decode()
        assert answer["Referrer-Policy"] == "no-referrer"
    assert PageOut.objects.get(pk=page_out.pk).answer == ""


@pytest.mark.clause("C73")
def test_five_minutes_before_it_says_who_is_woken_when(world: World, phone: Client) -> None:
    _, _, path = paged(
        world, at=WEDNESDAY - timedelta(minutes=10)
    )  # the secondary takes over at 10:05
    page = phone.get(path).content.decode()
    assert "Secondary" in page
    assert "10:05" in page
    assert "is woken at" in page


def test_somebody_else_has_it_and_it_is_over(world: World, phone: Client) -> None:
    incident, _, path = paged(world)
    acknowledge(incident.pk, actor=world.actor("engineer"), now=WEDNESDAY)
    assert "Engineer has it" in phone.get(path).content.decode()
    resolve(incident.pk, actor=world.actor("manager"), now=WEDNESDAY, waive="known")
    page = phone.get(path).content.decode()
    assert "nothing left to press" in page
    assert "<button" not in page


def test_who_may_no_longer_see_a_restricted_incident_reads_nothing_of_it(
    world: World, phone: Client
) -> None:
    incident, _, path = paged(world, kind="security", title="Break-in")
    assert "Break-in" in phone.get(path).content.decode()
    IncidentUserGrant.objects.filter(user=world.primary, content_object=incident).delete()
    answer = phone.get(path)
    assert answer.status_code == 404
    assert "Break-in" not in answer.content.decode()
    assert phone.post(path, {"press": "acknowledged"}).status_code == 404
    incident.refresh_from_db()
    assert incident.acknowledged_at is None


def test_the_page_costs_the_same_with_many_who_are_called_and_much_that_happened(
    world: World, phone: Client
) -> None:
    incident, _, path = paged(world)
    for _ in range(30):
        add_member(world.team.pk, make_user().pk, actor=PORTAL)
    with CaptureQueriesContext(connection) as few:
        phone.get(path)
    cost = len(few)
    all_hands(incident.pk, actor=world.actor("primary"), now=WEDNESDAY)
    for number in range(30):
        add_note(incident.pk, text=f"Note {number}", actor=world.actor("primary"), now=WEDNESDAY)
    phone.get(path)  # what is kept while it stands is read
    with CaptureQueriesContext(connection) as many:
        answer = phone.get(path)
    assert len(many) <= cost
    assert len(answer.content) < 150_000
