"""Declaring by hand, and asking what would happen."""

from __future__ import annotations

from typing import Any

import pytest

from directory.models import User
from incidents.models import Incident
from notifications.models import PageOut
from tests.incidents.factories import World
from tests.incidents.views.conftest import SignedIn

pytestmark = pytest.mark.django_db


def form(world: World, **typed: Any) -> dict[str, Any]:
    return {
        "title": "Nothing works",
        "service": world.service.slug,
        "severity": "P1",
        "kind": "standard",
        **typed,
    }


@pytest.mark.clause("C47", "C55", "C62", "C69")
def test_the_form_shows_the_procedures_criteria_and_examples(
    world: World, signed_in: SignedIn
) -> None:
    page = signed_in(world.engineer).get("/incidents/declare/").content.decode()
    assert "Orchestrator service completely down" in page
    assert "Complete service outage (all users affected)" in page


@pytest.mark.clause("C78")
def test_looking_says_whom_it_wakes_and_wakes_nobody(world: World, signed_in: SignedIn) -> None:
    answer = signed_in(world.engineer).post("/incidents/declare/", {**form(world), "press": "look"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Primary, Secondary, Manager" in page
    assert not Incident.objects.exists()
    assert not PageOut.objects.exists()


def test_looking_from_the_page_answers_only_the_part(world: World, signed_in: SignedIn) -> None:
    answer = signed_in(world.engineer).post(
        "/incidents/declare/",
        {**form(world, title=""), "press": "look"},
        headers={"HX-Request": "true"},
    )
    assert answer.content.decode().startswith('<div id="wakes"')


@pytest.mark.clause("C42", "C77", "C78")
def test_the_worst_criterion_decides_and_declaring_pages_them(
    world: World, signed_in: SignedIn
) -> None:
    client = signed_in(world.engineer)
    keys = client.get("/incidents/declare/").context["severities"]
    criterion = keys[0].criteria[0].key
    answer = client.post(
        "/incidents/declare/",
        {
            **form(world, severity="P3", criteria=[criterion]),
            "services": [world.other_service.slug],
            "press": "declare",
        },
    )
    incident = Incident.objects.get()
    assert answer["Location"] == f"/incidents/{incident.ref}/"
    assert incident.severity == "P1"
    assert incident.lead_service == world.service
    assert incident.services.count() == 2
    assert {"primary", "secondary", "manager"} <= set(world.called(incident))


def test_what_is_missing_is_named_and_nothing_is_declared(
    world: World, signed_in: SignedIn
) -> None:
    client = signed_in(world.engineer)
    for typed in ({"title": ""}, {"service": "nope"}, {"severity": ""}, {"severity": "P9"}):
        answer = client.post("/incidents/declare/", {**form(world, **typed), "press": "declare"})
        assert answer.status_code == 409
        assert "Not declared" in answer.content.decode()
    assert not Incident.objects.exists()


def test_an_outsider_declares_and_an_auditor_does_not(
    world: World, signed_in: SignedIn, outsider: User, auditor: User
) -> None:
    assert (
        signed_in(outsider).post("/incidents/declare/", form(world, press="declare")).status_code
        == 302
    )
    assert 'href="/incidents/declare/"' in signed_in(outsider).get("/").content.decode()
    assert 'href="/incidents/declare/"' not in signed_in(auditor).get("/").content.decode()
    assert signed_in(auditor).get("/incidents/declare/").status_code == 403
    assert (
        signed_in(auditor).post("/incidents/declare/", form(world, press="declare")).status_code
        == 403
    )
    assert Incident.objects.count() == 1


@pytest.mark.clause("C72", "C73", "C75")
def test_the_preview_names_who_is_paged_when_and_under_which_clause(
    world: World, signed_in: SignedIn
) -> None:
    path = f"/preview/?severity=P2&service={world.service.slug}&at=2026-03-08T03:10"
    page = signed_in(world.engineer).get(path).content.decode()
    for words in (
        "Sun 8 Mar 03:10",
        "Sun 8 Mar 03:40",
        "Primary",
        "Secondary",
        "Manager",
        "#C72",
        "#C75",
    ):
        assert words in page
    assert not PageOut.objects.exists()


@pytest.mark.clause("C64")
def test_the_preview_shows_what_is_held_until_business_hours(
    world: World, signed_in: SignedIn
) -> None:
    path = f"/preview/?severity=P3&service={world.service.slug}&at=2026-03-08T03:10"
    page = signed_in(world.engineer).get(path).content.decode()
    assert "held from" in page
    assert "Mon 9 Mar 09:00" in page


@pytest.mark.clause("X17")
def test_the_preview_says_a_repeat_once_and_folds_the_rest(
    world: World, signed_in: SignedIn
) -> None:
    path = f"/preview/?severity=P1&service={world.service.slug}&at=2026-03-08T03:10"
    answer = signed_in(world.engineer).get(path)
    repeated = [line for line in answer.context["lines"] if line.cause == "repeat"]
    assert len({(line.what, line.people) for line in repeated}) == len(repeated)
    assert "Sun 8 Mar 03:15" in {
        f"{line.goes_out_at:%a} {line.goes_out_at.day} Mar {line.goes_out_at:%H:%M}"
        for line in repeated
    }
    said = {(line.what, line.people, line.how) for line in repeated}
    assert answer.context["repeats"]
    assert {(line.what, line.people, line.how) for line in answer.context["repeats"]} <= said
    assert "further repeats of the same calls" in answer.content.decode()


def test_a_step_that_reaches_nobody_is_red(world: World, signed_in: SignedIn) -> None:
    world.secondary.contact_methods.all().delete()
    world.engineer.contact_methods.all().delete()
    path = f"/preview/?severity=P2&service={world.service.slug}&at=2026-03-04T10:00"
    page = signed_in(world.manager).get(path).content.decode()
    assert 'class="late"' in page
    assert "reaches nobody" in page


def test_a_strange_question_is_answered_in_words(world: World, signed_in: SignedIn) -> None:
    client = signed_in(world.engineer)
    for query in (
        "severity=P9&service=x",
        "severity=P1",
        f"severity=P1&service={world.service.slug}&at=9999-99-99T99:99",
    ):
        answer = client.get(f"/preview/?{query}")
        assert answer.status_code == 200
        assert 'role="alert"' in answer.content.decode()
