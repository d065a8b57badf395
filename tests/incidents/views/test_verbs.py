"""The buttons of an incident's page."""

from __future__ import annotations

import pytest
from django.test import Client

from directory.models import User
from incidents.models import Incident, TimelineEntry
from tests.incidents.factories import World
from tests.incidents.views.conftest import SignedIn

pytestmark = pytest.mark.django_db


def status(incident: Incident) -> str:
    return Incident.objects.get(pk=incident.pk).status


@pytest.mark.clause("C39", "C40", "C41")
def test_the_whole_way_by_buttons(world: World, signed_in: SignedIn) -> None:
    incident = world.declare()
    client = signed_in(world.primary)
    path = f"/incidents/{incident.ref}/"
    for verb, typed, expected in (
        ("acknowledge", {}, "acknowledged"),
        ("update", {"text": "The disk is full.", "kind": "findings"}, "acknowledged"),
        ("mitigate", {"note": "Made room."}, "mitigated"),
        ("relapse", {"note": "Full again."}, "acknowledged"),
        ("mitigate", {"note": "A bigger disk."}, "mitigated"),
        ("resolve", {"note": "Holds.", "waive": "watched it"}, "resolved"),
        ("reopen", {"reason": "It is back."}, "acknowledged"),
    ):
        answer = client.post(f"{path}{verb}/", typed)
        assert (verb, answer.status_code) == (verb, 302), answer.content.decode()
        assert status(incident) == expected
    assert Incident.objects.get(pk=incident.pk).first_update_at is not None


def test_what_is_refused_says_why_and_keeps_what_was_typed(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare()
    client = signed_in(world.primary)
    answer = client.post(f"/incidents/{incident.ref}/mitigate/", {"note": "All my words."})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "acknowledge first" in page
    assert "cannot be waived" in page
    assert status(incident) == "triggered"


def test_an_empty_update_is_refused_and_nothing_is_written(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare()
    before = TimelineEntry.objects.count()
    answer = signed_in(world.primary).post(
        f"/incidents/{incident.ref}/update/", {"text": "  ", "kind": "status"}
    )
    assert answer.status_code == 409
    assert TimelineEntry.objects.count() == before


def test_who_may_not_is_told_so_and_nothing_changes(
    world: World, signed_in: SignedIn, outsider: User, auditor: User
) -> None:
    incident = world.declare()
    for user in (outsider, auditor):
        for verb in (
            "acknowledge",
            "update",
            "mitigate",
            "severity",
            "major",
            "all-hands",
            "need-help",
        ):
            answer = signed_in(user).post(
                f"/incidents/{incident.ref}/{verb}/", {"text": "x", "severity": "P1"}
            )
            assert (verb, answer.status_code) == (verb, 403)
    assert status(incident) == "triggered"
    assert Incident.objects.get(pk=incident.pk).severity == "P2"


def test_verbs_want_post_a_known_name_and_a_token_against_forgery(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare()
    client = signed_in(world.primary)
    assert client.get(f"/incidents/{incident.ref}/acknowledge/").status_code == 405
    assert client.post(f"/incidents/{incident.ref}/explode/").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.primary)
    assert strict.post(f"/incidents/{incident.ref}/acknowledge/").status_code == 403
    assert status(incident) == "triggered"


def test_severity_and_roles_are_set_and_help_is_called(world: World, signed_in: SignedIn) -> None:
    incident = world.declare()
    client = signed_in(world.manager)
    path = f"/incidents/{incident.ref}/"
    client.post(f"{path}acknowledge/")
    client.post(f"{path}severity/", {"severity": "P1", "reason": "All users"})
    assert Incident.objects.get(pk=incident.pk).severity == "P1"
    client.post(f"{path}roles/", {"role": "commander", "user": str(world.engineer.pk)})
    assert incident.roles.get(role="commander").user == world.engineer
    assert client.post(f"{path}roles/", {"role": "commander", "user": "x"}).status_code == 409
    client.post(f"{path}escalate/", {"to": world.vp.email, "reason": "Decide"})
    assert "vp" in world.called(incident)


@pytest.mark.clause("C82")
def test_a_breach_is_confirmed_only_after_a_second_look_and_a_typed_reference(
    world: World, signed_in: SignedIn
) -> None:
    incident = world.declare("P1", kind="security")
    client = signed_in(world.security)
    path = f"/incidents/{incident.ref}/breach/"
    look = client.get(path).content.decode()
    for name in ("Legal", "Pr", "Chief"):
        assert name in look
    for typed in ({}, {"typed": incident.ref}, {"typed": "INC-1", "sure": "1"}):
        assert client.post(path, {"note": "Keys were taken.", **typed}).status_code == 409
    assert not Incident.objects.get(pk=incident.pk).breach_confirmed
    answer = client.post(path, {"note": "Keys were taken.", "typed": incident.ref, "sure": "1"})
    assert answer.status_code == 302
    assert Incident.objects.get(pk=incident.pk).breach_confirmed
    assert {"legal", "pr", "chief"} <= set(world.called(incident))
