"""The list, the incident's page and its live parts, by who looks."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from deadlines.extension import PORTAL
from directory.models import User
from directory.services import add_member
from incidents.models import Incident
from incidents.services import acknowledge, add_note, all_hands
from tests.directory.factories import make_user
from tests.incidents.factories import WEDNESDAY, World, make_procedure
from tests.incidents.views.conftest import SignedIn

pytestmark = pytest.mark.django_db


def text(response: object) -> str:
    return str(response.content.decode())  # type: ignore[attr-defined]


def test_a_stranger_is_asked_to_sign_in_and_comes_back(client: Client, world: World) -> None:
    incident = world.declare()
    for path in ("/incidents/", f"/incidents/{incident.ref}/", "/incidents/INC-2026-9999/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"] == f"/sign-in/?next={path}"


@pytest.mark.clause("C83")
def test_the_page_shows_severity_clocks_who_owes_them_and_the_clauses(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare("P1", title="API is down")
    page = text(signed_in(world.engineer).get(f"/incidents/{incident.ref}/"))
    assert "API is down" in page
    assert "P1 Critical" in page
    assert "4 min 00 s left" in page  # opened a minute ago, five to acknowledge
    assert 'href="/procedure/clauses/?procedure=mother-harness#C27"' in page
    assert "waits for Primary" in page


def test_what_is_past_due_says_by_how_much(world: World, signed_in: SignedIn) -> None:
    incident = world.declare("P1", at=WEDNESDAY.replace(hour=9, minute=50))
    page = text(signed_in(world.engineer).get(f"/incidents/{incident.ref}/"))
    assert 'class="clock late"' in page
    assert "6 min 00 s past due" in page


def test_each_actor_sees_the_buttons_that_work_for_them(
    world: World, signed_in: SignedIn, outsider: User, auditor: User
) -> None:
    incident = world.declare()
    path = f"/incidents/{incident.ref}/"
    assert f"{path}acknowledge/" in text(signed_in(world.engineer).get(path))
    for reader in (outsider, auditor):
        page = text(signed_in(reader).get(path))
        assert "It burns" in page
        assert f"{path}acknowledge/" not in page
        assert f"{path}update/" not in page


def test_a_responder_sees_only_what_they_are_paged_for(
    world: World, signed_in: SignedIn, responder: User
) -> None:
    incident = world.declare()
    client = signed_in(responder)
    assert client.get(f"/incidents/{incident.ref}/").status_code == 404
    assert incident.ref not in text(client.get("/incidents/?status=all"))


def test_a_hidden_restricted_incident_answers_exactly_like_a_missing_one(
    world: World, signed_in: SignedIn, outsider: User
) -> None:
    incident = world.declare("P1", kind="security", title="CANARY intruder")
    for reader in (world.engineer, outsider, world.admin):
        client = signed_in(reader)
        for ending in ("", "live/", "record.pdf", "breach/"):
            hidden = client.get(f"/incidents/{incident.ref}/{ending}")
            missing = client.get(f"/incidents/INC-2026-9999/{ending}")
            assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
            assert hidden.status_code == 404
        assert client.post(f"/incidents/{incident.ref}/acknowledge/").status_code == 404
        for path in ("/incidents/?status=all", "/incidents/?q=CANARY", "/", "/admin/"):
            assert "CANARY intruder" not in text(client.get(path))
    assert "CANARY" in text(signed_in(world.security).get(f"/incidents/{incident.ref}/"))


def test_the_list_filters_by_status_severity_service_and_text(
    world: World, signed_in: SignedIn
) -> None:
    burning = world.declare("P2", title="API is slow")
    other = world.declare("P3", title="Web is odd", services=(world.other_service.pk,))
    client = signed_in(world.engineer)

    def shown(query: str) -> set[str]:
        page = text(client.get(f"/incidents/?{query}"))
        return {incident.ref for incident in (burning, other) if incident.ref in page}

    assert shown("") == {burning.ref, other.ref}
    assert shown("severity=P2") == {burning.ref}
    assert shown(f"service={world.other_service.slug}") == {other.ref}
    assert shown("q=odd") == {other.ref}
    assert shown(f"q={burning.ref.lower()}") == {burning.ref}
    assert shown("status=closed") == set()
    assert shown("page=x&status=%3Cb%3E") == {burning.ref, other.ref}


def test_the_list_pages_to_what_is_far_back(world: World, signed_in: SignedIn) -> None:
    first = world.declare(title="The oldest")
    for number in range(45):
        world.declare(title=f"Fire {number}", at=WEDNESDAY + timedelta(seconds=1))
    client = signed_in(world.engineer)
    front, back = text(client.get("/incidents/")), text(client.get("/incidents/?page=2"))
    assert first.ref not in front
    assert "page=2" in front
    assert first.ref in back
    assert back.count("Fire ") == 5
    assert first.ref not in text(client.get("/incidents/?page=3"))
    assert first.ref in text(client.get(f"/incidents/?page=2&service={world.service.slug}"))


def test_the_list_offers_the_severities_of_every_published_procedure(
    world: World, signed_in: SignedIn
) -> None:
    make_procedure(**{"mother-harness": "other", "P4": "SEV5"})
    page = text(signed_in(world.engineer).get("/incidents/?severity=SEV5"))
    choices = page.split('id="severity"')[1].split("</select>")[0]
    found = re.findall(r"<option( selected)?>(\w+)</option>", choices)
    assert found == [("", "P1"), ("", "P2"), ("", "P3"), ("", "P4"), (" selected", "SEV5")]


def test_the_list_costs_the_same_with_many_incidents(
    world: World, signed_in: SignedIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(world.engineer)
    world.declare()
    with django_assert_max_num_queries(14):
        client.get("/incidents/")
    for number in range(30):
        world.declare(title=f"Fire {number}")
    with django_assert_max_num_queries(14):
        assert len(client.get("/incidents/").content) < 150_000


def test_the_page_costs_the_same_with_a_long_timeline(
    world: World, signed_in: SignedIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    incident = world.declare()
    client = signed_in(world.engineer)
    client.get(f"/incidents/{incident.ref}/")
    for number in range(120):
        add_note(incident.pk, text=f"Note {number}", actor=world.actor("engineer"), now=WEDNESDAY)
    with django_assert_max_num_queries(26):
        answer = client.get(f"/incidents/{incident.ref}/")
    assert len(answer.content) < 150_000
    assert "Earlier entries" in text(answer)
    assert "Note 3<" in text(client.get(f"/incidents/{incident.ref}/?before=20"))


def test_the_page_costs_the_same_with_many_who_were_called(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare()
    client = signed_in(world.engineer)
    for _ in range(30):
        add_member(world.team.pk, make_user().pk, actor=PORTAL)
    client.get(f"/incidents/{incident.ref}/")
    with CaptureQueriesContext(connection) as few:
        client.get(f"/incidents/{incident.ref}/")
    cost = len(few)
    all_hands(incident.pk, actor=world.actor("engineer"), now=WEDNESDAY)
    with CaptureQueriesContext(connection) as many:
        answer = client.get(f"/incidents/{incident.ref}/")
    assert len(many) <= cost
    assert len(answer.content) < 150_000


def test_nothing_new_is_answered_with_204_and_something_new_with_only_that(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare()
    client = signed_in(world.engineer)
    page = client.get(f"/incidents/{incident.ref}/")
    version = page.context["version"]
    known = Incident.objects.get(pk=incident.pk).entries
    path = f"/incidents/{incident.ref}/live/?version={version}&entry={known}"
    assert client.get(path).status_code == 204
    acknowledge(incident.pk, actor=world.actor("primary"), now=WEDNESDAY)
    answer = text(client.get(path))
    assert "Primary acknowledged." in answer
    assert "Declared P2" not in answer
    assert "composer" not in answer
    assert 'hx-swap-oob="afterbegin:#timeline"' in answer


def test_script_in_what_people_type_is_shown_as_text(world: World, signed_in: SignedIn) -> None:
    incident = world.declare(title="<script>alert(1)</script>")
    add_note(
        incident.pk,
        text='<img src=x onerror="alert(2)">',
        actor=world.actor("engineer"),
        now=WEDNESDAY,
    )
    page = text(signed_in(world.engineer).get(f"/incidents/{incident.ref}/"))
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_record_is_a_pdf_with_the_whole_timeline_and_fetches_nothing(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare(title="API is down")
    add_note(incident.pk, text="Seen in the logs.", actor=world.actor("engineer"), now=WEDNESDAY)
    answer = signed_in(world.engineer).get(f"/incidents/{incident.ref}/record.pdf")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    read = text_of_pdf(answer.content)
    for words in (
        incident.ref,
        "API is down",
        "Seen in the logs.",
        "Acknowledge",
        "C30",
        "Paged Primary",
    ):
        assert words.replace(" ", "") in read


def text_of_pdf(content: bytes) -> str:
    """The words of a PDF without their spaces, read back by a reader of its own."""
    from io import BytesIO  # noqa: PLC0415

    from pypdf import PdfReader  # noqa: PLC0415

    return "".join(
        "".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages
    )
