"""Who publishes a procedure, and who sees what in its ledger, across the rooms."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from deadlines.extension import Actor
from directory.models import User
from procedures.models import Outcome, Severity
from procedures.services import PublishNotAllowed, publish
from tests.directory.factories import make_manager, make_team
from tests.incidents.factories import WEDNESDAY, make_world, tick
from tests.procedures.factories import NOW, load

pytestmark = pytest.mark.django_db


def by(user: User) -> Actor:
    return Actor("user", user.pk, str(user))


def test_a_manager_publishes_the_procedure_of_the_own_team_only() -> None:
    procedure = load().procedure
    ours, theirs = make_team("ours", procedure=procedure), make_team("theirs")
    manager, other = make_manager(ours), make_manager(theirs)
    Severity.objects.filter(code="P1").update(acknowledge_within="9s")
    with pytest.raises(PublishNotAllowed):
        publish(procedure, actor=by(other), now=NOW)
    version = publish(procedure, actor=by(manager), now=NOW)
    assert (version.number, version.published_by_id) == (2, manager.pk)
    make_team("shared", procedure=procedure)
    with pytest.raises(PublishNotAllowed):
        publish(procedure, actor=by(manager), now=NOW)


def test_an_incident_s_promises_write_outcomes_under_its_own_version() -> None:
    world = make_world()
    incident = world.declare("P1")
    tick(WEDNESDAY + timedelta(minutes=6))
    missed = Outcome.objects.get(clause="C27", subject_id=incident.pk)
    assert (missed.result, missed.version_id) == ("missed", incident.version_id)
    assert missed.team_id == world.team.pk


def test_a_drill_writes_no_outcome() -> None:
    world = make_world()
    world.declare("P1", drill=True)
    tick(WEDNESDAY + timedelta(minutes=6))
    assert not Outcome.objects.exists()


def test_the_ledger_hides_a_restricted_incident_even_from_an_admin() -> None:
    world = make_world()
    restricted = world.declare("P1", kind="security")
    open_one = world.declare("P2", kind="standard")
    tick(WEDNESDAY + timedelta(minutes=20))
    assert Outcome.objects.filter(subject_id=restricted.pk).exists()
    world.admin.is_staff = True
    world.admin.save()
    client = Client()
    client.force_login(world.admin)
    page = client.get(reverse("admin:procedures_outcome_changelist")).content.decode()
    assert open_one.ref in page
    assert restricted.ref not in page
