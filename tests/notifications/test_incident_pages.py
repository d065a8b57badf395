"""A real incident's page, from its declaration to the mail a sleepy person reads."""

from __future__ import annotations

import pytest

from incidents.services import acknowledge
from notifications import delivery
from notifications.models import ContactMethod, Page
from tests.incidents.factories import WEDNESDAY, World
from tests.incidents.factories import make_world as world_of
from tests.notifications.factories import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = world_of()
    ContactMethod.objects.update(channel="mail")
    return world


@pytest.mark.clause("C77", "C78", "C57")
def test_a_critical_incident_is_in_everybodys_mail_at_one_time(
    world: World, smtp: MailServer
) -> None:
    incident = world.declare(severity="P1")

    delivery.deliver_due(now=WEDNESDAY)

    pages = Page.objects.filter(page_out__subject_id=incident.pk)
    assert pages.count() >= 3
    assert {page.created_at for page in pages} == {incident.opened_at}
    assert all(incident.title in subject for subject in smtp.subjects)
    assert all(subject.startswith("P1 ") for subject in smtp.subjects)
    text = smtp.taken[0][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert incident.ref in text
    assert "Acknowledge by" in text
    assert "/p/" in text


@pytest.mark.clause("C39")
def test_nothing_more_is_sent_about_it_once_acknowledged(world: World, smtp: MailServer) -> None:
    incident = world.declare(severity="P1")
    acknowledge(incident.pk, actor=world.actor("primary"), now=WEDNESDAY)

    delivery.deliver_due(now=WEDNESDAY)

    assert smtp.taken == []


@pytest.mark.clause("X17")
def test_somebody_deactivated_before_the_page_left_gets_none_and_the_next_one_is_called(
    world: World, smtp: MailServer
) -> None:
    incident = world.declare(severity="P2")
    assert world.called(incident) == ["primary"]
    world.primary.is_active = False
    world.primary.save()

    delivery.deliver_due(now=WEDNESDAY)
    delivery.deliver_due(now=WEDNESDAY)

    assert world.called(incident) == ["primary", "secondary"]
    methods = ContactMethod.objects.filter(user=world.secondary)
    assert set(smtp.recipients) <= set(methods.values_list("address", flat=True))
    assert smtp.recipients
