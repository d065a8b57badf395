"""Incidents in the admin: read, with buttons that work by POST alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from directory.models import User
from incidents import services
from incidents.admin.verbs import BUTTONS
from incidents.models import ActionItem, Incident
from tests.incidents.factories import WEDNESDAY, World, make_user, make_world

pytestmark = pytest.mark.django_db
SOON = WEDNESDAY + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def wednesday() -> Iterator[None]:
    with time_machine.travel(SOON, tick=False):
        yield


def signed_in(user: User) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def page(incident: Incident) -> str:
    return reverse("admin:incidents_incident_change", args=[incident.pk])


def button(incident: Incident, verb: str) -> str:
    return reverse("admin:incidents_incident_do", args=[incident.pk, verb])


def test_an_incident_is_shown_with_its_timeline_and_the_buttons_that_work(world: World) -> None:
    incident = world.declare("P2")
    text = signed_in(world.engineer).get(page(incident)).content.decode()
    assert "Paged Primary" in text
    assert button(incident, "acknowledge") in text
    assert button(incident, "major") not in text
    assert button(incident, "close") not in text
    assert "Save" not in text


def test_a_button_needs_a_post(world: World) -> None:
    incident = world.declare("P2")
    client = signed_in(world.engineer)
    asked = client.get(button(incident, "acknowledge"))
    incident.refresh_from_db()
    assert (asked.status_code, incident.status) == (200, "triggered")
    done = client.post(button(incident, "acknowledge"))
    incident.refresh_from_db()
    assert (done.status_code, incident.status, incident.acknowledged_by) == (
        302,
        "acknowledged",
        world.engineer,
    )


def test_what_wakes_people_says_so_first(world: World) -> None:
    incident = world.declare("P2")
    text = signed_in(world.engineer).get(button(incident, "all-hands")).content.decode()
    assert "pages the whole team now" in text
    incident.refresh_from_db()
    assert "all_hands" not in incident.run


def test_a_button_that_one_may_not_press_is_forbidden(world: World) -> None:
    incident = world.declare("P2")
    assert signed_in(make_world().engineer).post(button(incident, "acknowledge")).status_code == 403
    assert (
        signed_in(world.engineer).post(button(incident, "severity"), {"severity": "P1"}).status_code
        == 403
    )


@pytest.mark.clause("C216")
def test_what_is_missing_is_said_on_the_page(world: World) -> None:
    incident = world.declare("P2")
    response = signed_in(world.manager).post(button(incident, "resolve"), {})
    assert response.status_code == 422
    assert "acknowledge first" in response.content.decode()


def test_the_severity_is_chosen_from_the_incidents_own_procedure(world: World) -> None:
    incident = world.declare("P2")
    client = signed_in(world.manager)
    assert "P1 Critical" in client.get(button(incident, "severity")).content.decode()
    assert (
        client.post(button(incident, "severity"), {"severity": "P1", "reason": "Worse"}).status_code
        == 302
    )
    incident.refresh_from_db()
    assert incident.severity == "P1"


@pytest.mark.clause("C82")
def test_a_breach_takes_a_second_look_and_a_signature(world: World) -> None:
    incident = world.declare("P1", kind="security")
    client = signed_in(world.security)
    world.security.groups.set(world.engineer.groups.all())
    assert client.post(button(incident, "confirm-breach"), {"note": "Keys"}).status_code == 422
    assert (
        client.post(button(incident, "confirm-breach"), {"note": "Keys", "sure": "on"}).status_code
        == 302
    )
    incident.refresh_from_db()
    assert incident.breach_confirmed


@pytest.mark.parametrize("who", ["engineer", "admin", "super"])
def test_a_restricted_incident_is_nowhere_for_those_without_a_grant(world: World, who: str) -> None:
    incident = world.declare("P2", kind="security", title="CANARY bird")
    user = make_user("Super", is_superuser=True) if who == "super" else getattr(world, who)
    client = signed_in(user)
    for url in (
        reverse("admin:incidents_incident_changelist"),
        reverse("admin:incidents_incident_changelist") + "?q=bird",
        reverse("admin:incidents_timelineentry_changelist"),
        reverse("admin:incidents_actionitem_changelist"),
        page(incident),
        button(incident, "acknowledge"),
    ):
        response = client.get(url, follow=True)
        assert "CANARY" not in response.content.decode().replace("?q=bird", "").replace(
            'value="CANARY"', ""
        ), url
    assert client.post(button(incident, "acknowledge")).status_code == 404
    shown = signed_in(world.primary).get(reverse("admin:incidents_incident_changelist"))
    assert "CANARY" in shown.content.decode()


def test_an_incident_is_neither_added_nor_deleted_nor_edited_here(world: World) -> None:
    incident = world.declare("P2")
    client = signed_in(make_user("Super", is_superuser=True))
    assert client.get(reverse("admin:incidents_incident_add")).status_code == 403
    assert (
        client.post(reverse("admin:incidents_incident_delete", args=[incident.pk])).status_code
        == 403
    )
    assert client.post(page(incident), {"status": "closed"}).status_code == 403


@pytest.mark.clause("C71")
def test_a_backlog_item_is_edited_by_its_own_team(world: World) -> None:
    world.declare("P4")
    item = ActionItem.objects.get()
    url = reverse("admin:incidents_actionitem_change", args=[item.pk])
    given = {
        "title": item.title,
        "owner": world.engineer.pk,
        "due_on": "2026-04-01",
        "done_at_0": "",
        "done_at_1": "",
    }
    assert signed_in(make_world().engineer).post(url, given).status_code == 403
    assert signed_in(world.engineer).post(url, given).status_code == 302
    item.refresh_from_db()
    assert (item.owner, str(item.due_on), item.source) == (world.engineer, "2026-04-01", "backlog")


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_takes_the_same_number_of_queries_however_long_it_is(
    world: World, count: int, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(count):
        world.declare("P4", title=f"Number {number}")
    client = signed_in(world.engineer)
    client.get(reverse("admin:index"))
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        response = client.get(reverse("admin:incidents_incident_changelist"))
    assert response.status_code == 200


def test_the_list_filters_by_severity_and_team_and_finds_a_team_by_its_name(world: World) -> None:
    bad, odd = world.declare("P1", title="Bad"), world.declare("P3", title="Odd")
    other = make_world("zebra").declare("P1", title="Elsewhere")
    client, path = signed_in(world.engineer), reverse("admin:incidents_incident_changelist")

    def shown(query: str) -> set[str]:
        page = client.get(f"{path}?{query}").content.decode()
        return {one.ref for one in (bad, odd, other) if one.ref in page}

    assert shown("") == {bad.ref, odd.ref, other.ref}
    assert shown("severity=P1") == {bad.ref, other.ref}
    assert shown(f"team__id__exact={world.team.pk}") == {bad.ref, odd.ref}
    assert shown("q=zebra") == {other.ref}


def test_each_button_opens_for_whoever_may_press_it(world: World) -> None:
    incident = world.declare("P1", kind="security")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=SOON)
    client = signed_in(world.manager)
    for name in BUTTONS:
        assert client.get(button(incident, name)).status_code == 200, name
