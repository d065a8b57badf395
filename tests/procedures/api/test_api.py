from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from deadlines.extension import PORTAL
from directory.models import User
from procedures.models import Severity
from procedures.services import dump_procedure, publish
from tests.procedures.factories import NOW, load, mother_harness

pytestmark = pytest.mark.django_db
ADDRESSES = (
    "/api/v1/procedures/small/",
    "/api/v1/procedures/small/versions/",
    "/api/v1/procedures/small/versions/1/",
)


def reader(group: str = "Engineer") -> Client:
    user = User.objects.create_user(email="ada@example.test", password=None)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def test_procedures_and_versions_read_as_they_were_published() -> None:
    loaded = load()
    load(mother_harness())
    Severity.objects.filter(code="P1", procedure=loaded.procedure).update(acknowledge_within="5s")
    publish(loaded.procedure, actor=PORTAL, now=NOW, must_read=True)
    client = reader()
    listed = client.get("/api/v1/procedures/").json()["results"]
    assert [(one["slug"], one["version"]) for one in listed] == [
        ("mother-harness", 1),
        ("small", 2),
    ]
    assert listed[0]["review_due_on"] == "2025-01-22"
    versions = client.get("/api/v1/procedures/small/versions/").json()["results"]
    assert [one["number"] for one in versions] == [2, 1]
    assert versions[0]["changes"] == ["severity P1 › acknowledge_within: 3s → 5s"]
    assert versions[0]["must_read"] is True
    assert "document" not in versions[0]
    whole = client.get("/api/v1/procedures/small/versions/1/").json()
    assert whole["document"]["severity"][0]["acknowledge_within"] == "3s"
    assert '"5s"' in dump_procedure(loaded.procedure)


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_permission_a_procedure_is_as_missing(address: str) -> None:
    load()
    assert reader("").get(address).status_code == 404
    assert Client().get(address).status_code in {401, 403}


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/procedures/ghost/",
        "/api/v1/procedures/ghost/versions/",
        "/api/v1/procedures/small/versions/9/",
        "/api/v1/procedures/small/versions/99999999999999999999/",
    ],
)
def test_what_is_not_there_is_not_found(address: str) -> None:
    load()
    assert reader().get(address).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed_here(method: str) -> None:
    load()
    client: Any = reader()
    for address in ADDRESSES:
        assert getattr(client, method)(address).status_code == 405
