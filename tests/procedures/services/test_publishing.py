from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import DatabaseError, transaction
from guardian.shortcuts import assign_perm

from deadlines.extension import PORTAL, Actor
from procedures.models import EscalationStep, ProcedureVersion, Severity
from procedures.queries import current_version, draft_changes, policy_of
from procedures.rules.policy import Span
from procedures.services import ProcedureRefused, PublishNotAllowed, publish
from procedures.services.publishing import fingerprint
from tests.procedures.factories import NOW, load, mother_harness

pytestmark = pytest.mark.django_db


@pytest.mark.clause("C260")
def test_a_version_keeps_the_document_its_hash_who_when_and_what_changed() -> None:
    loaded = load()
    Severity.objects.filter(code="P1").update(acknowledge_within="10s")
    version = publish(loaded.procedure, actor=PORTAL, now=NOW, must_read=True, note="Too tight.")
    assert version.number == 2
    assert version.published_at == NOW
    assert (version.published_by_id, version.published_by_label) == (None, "Watchbill")
    assert version.changes == ["severity P1 › acknowledge_within: 3s → 10s"]
    assert (version.must_read, version.note) == (True, "Too tight.")
    assert version.sha256 == fingerprint(version.document)
    assert len(version.sha256) == 64
    version.refresh_from_db()
    assert version.sha256 == fingerprint(version.document)


def test_rules_read_versions_and_never_live_rows() -> None:
    loaded = load()
    Severity.objects.filter(code="P1").update(acknowledge_within="10s")
    assert policy_of(loaded.version.pk).severity("P1").acknowledge_within == Span(3)
    version = publish(loaded.procedure, actor=PORTAL, now=NOW)
    assert policy_of(version.pk).severity("P1").acknowledge_within == Span(10)
    assert policy_of(loaded.version.pk).severity("P1").acknowledge_within == Span(3)
    assert current_version(loaded.procedure.pk) == version


def test_publishing_twice_makes_one_version() -> None:
    loaded = load()
    Severity.objects.filter(code="P1").update(acknowledge_within="10s")
    first = publish(loaded.procedure, actor=PORTAL, now=NOW)
    assert publish(loaded.procedure, actor=PORTAL, now=NOW, note="again") == first
    assert ProcedureVersion.objects.count() == 2


def test_a_draft_with_a_fault_is_not_published_and_the_faults_are_told() -> None:
    loaded = load()
    EscalationStep.objects.filter(key="boss").update(who=["role ghost"], when=[])
    with pytest.raises(ProcedureRefused) as refused:
        publish(loaded.procedure, actor=PORTAL, now=NOW)
    assert {fault.where for fault in refused.value.faults} == {
        "path[standard].step[boss].who[1]",
        "path[standard].step[boss].when",
    }
    assert draft_changes(loaded.procedure)[1] == refused.value.faults
    assert ProcedureVersion.objects.count() == 1


def test_the_draft_tells_what_it_changes() -> None:
    loaded = load(mother_harness())
    assert draft_changes(loaded.procedure) == ([], [])
    Severity.objects.filter(code="P3").update(update_every="2h")
    assert draft_changes(loaded.procedure) == (["severity P3 › update_every: 1h → 2h"], [])


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_a_version(change: str) -> None:
    loaded = load()
    versions = ProcedureVersion.objects.filter(pk=loaded.version.pk)
    with pytest.raises(DatabaseError, match="version_is_final"), transaction.atomic():
        versions.update(note="other") if change == "update" else versions.delete()
    assert versions.get().note == "Loaded."


def test_only_who_has_the_permission_publishes() -> None:
    loaded, other = load(), load(mother_harness())
    user = get_user_model().objects.create_user(email="ada@example.test", password=None)
    actor = Actor("user", user.pk, "Ada")
    with pytest.raises(PublishNotAllowed, match="Ada may not publish Small"):
        publish(loaded.procedure, actor=actor, now=NOW)
    with pytest.raises(PublishNotAllowed):
        publish(loaded.procedure, actor=Actor("integration", 1, "alertmanager"), now=NOW)
    assign_perm("procedures.publish_procedure", user, loaded.procedure)
    assert publish(loaded.procedure, actor=actor, now=NOW) == loaded.version
    with pytest.raises(PublishNotAllowed):
        publish(other.procedure, actor=actor, now=NOW)
    user.user_permissions.add(Permission.objects.get(codename="publish_procedure"))
    assert publish(other.procedure, actor=actor, now=NOW) == other.version


@pytest.mark.clause("C3", "C261", "X8")
def test_the_earlier_of_the_named_date_and_the_quarter_is_due() -> None:
    procedure = load(mother_harness()).procedure
    assert procedure.review_due_on == date(2025, 1, 22)
    procedure.next_review = None
    assert procedure.review_due_on == date(2025, 3, 22)
    procedure.next_review = date(2025, 6, 1)
    assert procedure.review_due_on == date(2025, 3, 22)
    procedure.last_updated, procedure.next_review = date(2024, 11, 30), None
    assert procedure.review_due_on == date(2025, 2, 28)
    procedure.review_every = ""
    assert procedure.review_due_on is None
