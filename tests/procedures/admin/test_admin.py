"""The front door of the draft: edit, see what differs, publish; records cannot be touched."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from directory.models import User
from procedures.enums import Result
from procedures.models import (
    Criterion,
    EscalationStep,
    Outcome,
    Procedure,
    ProcedureVersion,
    Setting,
    Severity,
)
from procedures.models.sections import SECTIONS
from procedures.services import OutcomeFacts, record_outcomes
from tests.procedures.factories import NOW, load, mother_harness

pytestmark = pytest.mark.django_db


def signed_in(group: str = "", *, superuser: bool = False) -> tuple[Client, User]:
    user = User.objects.create_user(email=f"{group or 'nobody'}@example.test", password=None)
    user.is_staff, user.is_superuser = True, superuser
    user.save()
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client, user


def form_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send back unchanged: every field of the page's forms."""
    context = client.get(url).context
    sent: dict[str, Any] = {}
    formsets = [inline.formset for inline in context["inline_admin_formsets"]]
    forms = [context["adminform"].form]
    for formset in formsets:
        forms += [formset.management_form, *formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is True:
                sent[bound.html_name] = "on"
            elif value is not None and value is not False:
                sent[bound.html_name] = value
    return sent


def change_url(row: Any) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def publish_url(procedure: Procedure) -> str:
    return reverse("admin:procedures_procedure_publish_draft", args=[procedure.pk])


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)
def test_every_kind_of_row_is_listed_searched_and_opened(section: Any) -> None:
    load(mother_harness())
    client, _ = signed_in("Admin")
    name = section.model._meta.model_name
    listing = client.get(reverse(f"admin:procedures_{name}_changelist"), {"q": "a"})
    assert listing.status_code == 200
    row = section.model._default_manager.first()
    assert client.get(change_url(row)).status_code == 200
    assert client.get(reverse(f"admin:procedures_{name}_add")).status_code == 200


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)
def test_saving_a_page_unchanged_changes_nothing_in_the_draft(section: Any) -> None:
    loaded = load(mother_harness())
    client, _ = signed_in("Admin")
    for row in section.model._default_manager.all()[:3]:
        url = change_url(row)
        answer = client.post(url, form_of(client, url))
        assert answer.status_code == 302, answer.context["errors"]
    page = client.get(change_url(loaded.procedure)).content.decode()
    assert "The draft equals version 1" in page


def test_a_manager_edits_a_severity_and_the_page_says_what_the_draft_changes() -> None:
    loaded = load()
    client, _ = signed_in("Manager")
    severity = Severity.objects.get(code="P1")
    url = change_url(severity)
    form = form_of(client, url) | {"acknowledge_within": "120s", "examples": "One\n\n Two "}
    answer = client.post(url, form, follow=True)
    assert "version 1 stays in force until it is published" in answer.content.decode()
    severity.refresh_from_db()
    assert (severity.acknowledge_within, severity.examples) == ("2m", ["One", "Two"])
    page = client.get(change_url(loaded.procedure)).content.decode()
    assert "The draft differs from version 1" in page
    assert "severity P1 › acknowledge_within: 3s → 2m" in page


@pytest.mark.parametrize("value", ["-3m", "soon"])
def test_a_bad_time_is_refused_in_the_form(value: str) -> None:
    load()
    client, _ = signed_in("Admin")
    url = change_url(Severity.objects.get(code="P1"))
    answer = client.post(url, form_of(client, url) | {"acknowledge_within": value})
    assert answer.status_code == 200
    assert "acknowledge_within" in answer.context["adminform"].form.errors


def test_a_bad_trigger_is_refused_in_the_form() -> None:
    load()
    client, _ = signed_in("Admin")
    step = EscalationStep.objects.get(key="boss")
    url = change_url(step.path)
    form = form_of(client, url)
    name = next(key for key, value in form.items() if value == "unacknowledged\nunresolved 30m")
    answer = client.post(url, form | {name: "whenever"})
    assert answer.status_code == 200
    assert "whenever" in str(answer.context["errors"])


def test_a_setting_of_another_kind_is_refused_in_the_form() -> None:
    load()
    client, _ = signed_in("Admin")
    url = change_url(Setting.objects.get())
    for value, why in (("3", "is no span"), ('"-48h"', "cannot be negative")):
        answer = client.post(url, form_of(client, url) | {"value": value})
        assert answer.status_code == 200
        assert why in str(answer.context["errors"])


def test_publishing_asks_first_and_then_makes_a_version() -> None:
    loaded = load()
    Severity.objects.filter(code="P1").update(acknowledge_within="9s")
    client, user = signed_in("Admin")
    url = publish_url(loaded.procedure)
    asked = client.get(url).content.decode()
    assert 'name="must_read"' in asked
    assert "severity P1 › acknowledge_within: 3s → 9s" in asked
    assert ProcedureVersion.objects.count() == 1
    client.post(url, {"note": "Too tight.", "must_read": "1"})
    version = ProcedureVersion.objects.get(number=2)
    assert (version.published_by_id, version.note, version.must_read) == (
        user.pk,
        "Too tight.",
        True,
    )
    client.post(url, {})
    assert ProcedureVersion.objects.count() == 2


def test_a_draft_with_faults_is_not_published_and_its_faults_are_shown() -> None:
    loaded = load()
    EscalationStep.objects.filter(key="boss").update(who=["role ghost"])
    client, _ = signed_in("Admin")
    url = publish_url(loaded.procedure)
    assert 'name="must_read"' not in client.get(url).content.decode()
    page = client.post(url, {}, follow=True).content.decode()
    assert "Not published: 1 fault" in page
    assert "unknown role &#x27;ghost&#x27;" in page
    assert ProcedureVersion.objects.count() == 1


def test_a_manager_publishes_only_the_procedure_granted() -> None:
    loaded, other = load(), load(mother_harness())
    client, user = signed_in("Manager")
    assert client.post(publish_url(loaded.procedure), {}).status_code == 403
    assign_perm("procedures.publish_procedure", user, loaded.procedure)
    assert client.post(publish_url(loaded.procedure), {}).status_code == 302
    assert client.post(publish_url(other.procedure), {}).status_code == 403


@pytest.mark.parametrize("group", ["Engineer", "Responder", "Auditor"])
def test_others_read_the_draft_and_change_nothing(group: str) -> None:
    load()
    client, _ = signed_in(group)
    url = change_url(Severity.objects.get(code="P1"))
    assert client.get(url).status_code == 200
    assert client.post(url, {"acknowledge_within": "9m"}).status_code == 403
    assert client.get(reverse("admin:procedures_setting_add")).status_code == 403


def test_somebody_without_a_group_sees_nothing() -> None:
    loaded = load()
    client, _ = signed_in()
    for row in (loaded.procedure, loaded.version, Severity.objects.first()):
        assert client.get(change_url(row)).status_code == 403
    assert client.get(publish_url(loaded.procedure)).status_code == 403


@pytest.mark.parametrize("model", [ProcedureVersion, Outcome])
def test_records_can_be_read_and_not_touched_even_by_a_superuser(model: Any) -> None:
    load()
    record_outcomes([OutcomeFacts("C27", "test.thing", 1, Result.MET, NOW)])
    client, _ = signed_in(superuser=True)
    row = model._default_manager.get()
    name = model._meta.model_name
    assert client.get(change_url(row)).status_code == 200
    assert client.post(change_url(row), {"note": "x"}).status_code == 403
    assert client.get(reverse(f"admin:procedures_{name}_add")).status_code == 403
    delete = reverse(f"admin:procedures_{name}_delete", args=[row.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


def test_a_published_procedure_cannot_be_deleted() -> None:
    loaded = load()
    client, _ = signed_in(superuser=True)
    url = reverse("admin:procedures_procedure_delete", args=[loaded.procedure.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403


def test_a_draft_and_a_version_can_be_downloaded_as_files_that_load_back() -> None:
    loaded = load(mother_harness())
    client, _ = signed_in("Engineer")
    for name, row in (
        ("procedure_download_draft", loaded.procedure),
        ("procedureversion_download", loaded.version),
    ):
        answer = client.get(reverse(f"admin:procedures_{name}", args=[row.pk]))
        assert answer.content.decode() == mother_harness()
        assert "attachment" in answer["Content-Disposition"]


def test_lists_take_the_same_number_of_queries_with_many_rows(
    django_assert_max_num_queries: Any,
) -> None:
    load(mother_harness())
    client, _ = signed_in("Admin")
    assert Criterion.objects.count() > 10
    assert Setting.objects.count() > 30
    for name in ("setting", "clause", "escalationpath", "checklist"):
        with django_assert_max_num_queries(14):
            client.get(reverse(f"admin:procedures_{name}_changelist"))
