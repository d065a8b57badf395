"""Every operation of the API that changes something: bad bodies, forged fields, the things of other teams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from directory.models import User
from incidents.api.serializers import DeclareSerializer
from incidents.models import Incident
from tests.directory.factories import bearer
from tests.incidents.factories import WEDNESDAY
from tests.portal.test_doors import Portal
from tests.portal.test_schema_fuzz import changes_kept

pytestmark = pytest.mark.django_db

NOW = WEDNESDAY + timedelta(minutes=41)
PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def portal(db: None) -> Portal:
    return Portal()


class Caller:
    """Somebody who calls the API; what a call changed is taken back, and told."""

    def __init__(self, user: User) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = bearer(user)

    def __call__(
        self, line: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[Any, list[str]]:
        method, path = line.split()
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        with transaction.atomic(), changes_kept() as changes:
            answer = self.client.generic(
                method, path, raw, content_type=content_type, headers=self.headers
            )
            transaction.set_rollback(True)
        return answer, changes


def operations(portal: Portal, ref: str) -> dict[str, dict[str, Any]]:
    """Each operation that changes something, as “METHOD path”, with a body that makes sense."""
    world = portal.world
    incident = f"POST /api/v1/incidents/{ref}/"
    alert = portal.values("api/v1/alerts/")["pk"][0]
    override = portal.values("api/v1/overrides/")["pk"][0]
    swap = f"POST /api/v1/swaps/{portal.values('api/v1/swaps/')['pk'][0]}/"
    off = portal.values("api/v1/time-off/")["pk"][0]
    begins, ends = NOW + timedelta(days=3), NOW + timedelta(days=4)
    stretch = {"starts_at": begins.isoformat(), "ends_at": ends.isoformat()}
    return {
        **{
            f"{incident}{verb}/": {}
            for verb in ("acknowledge", "all-hands", "cannot-take", "need-help", "relapse", "undo")
        },
        **{
            f"{incident}{verb}/": {"note": "words"}
            for verb in ("note", "mitigate", "resolve", "close", "confirm-breach")
        },
        **{
            f"{incident}{verb}/": {"reason": "words"}
            for verb in ("escalate", "major", "false-positive", "reopen")
        },
        f"{incident}severity/": {"severity": "P1", "reason": "worse"},
        f"{incident}roles/": {"role": "commander", "user": world.engineer.email},
        f"{incident}update/": {"text": "words", "kind": "status"},
        "POST /api/v1/incidents/": {
            "title": "t", "severity": "P3", "services": [world.service.slug],
        },
        f"POST /api/v1/alerts/{alert}/false-positive/": {"reason": "words"},
        "POST /api/v1/overrides/": {
            "rota": world.rota.slug, "user": world.engineer.email, **stretch,
        },
        "POST /api/v1/overrides/batch/": {
            "overrides": [{"rota": world.rota.slug, "user": world.engineer.email, **stretch}],
        },
        f"DELETE /api/v1/overrides/{override}/": {},
        f"POST /api/v1/rotas/{world.rota.slug}/take-over/": {},
        "POST /api/v1/swaps/": {
            "rota": world.rota.slug, "giver": world.primary.email, "colleague": world.engineer.email,
            **stretch,
        },
        **{f"{swap}{verb}/": {} for verb in ("accept", "withdraw", "approve")},
        f"{swap}decline/": {"reason": "words"},
        f"{swap}undo/": {"reason": "words"},
        "POST /api/v1/time-off/": {"user": world.engineer.email, **stretch},
        f"PATCH /api/v1/time-off/{off}/": {"reason": "words"},
        f"DELETE /api/v1/time-off/{off}/": {},
        "POST /api/v1/preview/": {"severity": "P1", "service": world.service.slug},
    }  # fmt: skip


def test_the_list_of_operations_is_whole(portal: Portal, client: Client) -> None:
    paths = client.get("/api/schema/?format=json").json()["paths"]
    named = {
        f"{method.upper()} {path.rstrip('/').rsplit('/', 1)[1]}"
        for path, methods in paths.items()
        for method in methods
        if method != "get"
    }
    listed = {
        f"{line.split()[0]} {'{id}' if line.startswith(('DELETE', 'PATCH')) else line.rstrip('/').rsplit('/', 1)[1]}"
        for line in operations(portal, portal.open.ref)
    }
    assert named == listed


BODIES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "application/json"),
    "a list": (b"[]", "application/json"),
    "100,000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json"),
    "NUL": (b'{"title": "\\u0000", "text": "\\u0000"}', "application/json"),
    "half a pair": (b'{"title": "\\ud800", "text": "\\udfff"}', "application/json"),
    "no UTF-8": (b'{"title": "\xff"}', "application/json"),
    "UTF-16": ('{"title": "t"}'.encode("utf-16"), "application/json"),
    "infinite": (b'{"criteria": {"x": 1e400}}', "application/json"),
    "too long": (b'{"title": "' + b"x" * 2_000_000 + b'"}', "application/json"),
    "a form": (b"title=t&text=t&reason=r&note=n", "application/x-www-form-urlencoded"),
    "parts": (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    "XML": (b"<title/>", "application/xml"),
    "no type": (b"{}", ""),
}


def test_a_body_that_is_none_is_a_problem_and_nothing_is_written(portal: Portal) -> None:
    call = Caller(portal.world.manager)
    with_a_body = {line: body for line, body in operations(portal, portal.open.ref).items() if body}
    for line in with_a_body:
        for name, (raw, content_type) in BODIES.items():
            answer, changes = call(line, raw, content_type)
            assert answer.status_code in (400, 413, 415), f"{line} {name}: {answer.status_code}"
            assert answer["content-type"] == PROBLEM
            assert not changes, f"{line} {name}: {changes[0]}"


def test_a_body_where_none_is_asked_for_is_not_looked_at(portal: Portal) -> None:
    call = Caller(portal.world.manager)
    path = f"/api/v1/incidents/{portal.open.ref}/acknowledge/"
    for name, (raw, content_type) in BODIES.items():
        assert call(f"POST {path}", raw, content_type)[0].status_code == 200, name


def test_fields_of_ours_change_nothing_when_they_are_sent(portal: Portal) -> None:
    """Each verb answers alike, with every column of an incident forged and without."""
    call = Caller(portal.world.manager)
    columns = {name for field in Incident._meta.fields for name in (field.name, field.attname)}
    forged: dict[str, Any] = dict.fromkeys(columns - set(DeclareSerializer().fields), 7)
    forged |= {"actor": 7, "now": "2030-01-01T00:00:00Z", "incident_id": portal.hidden.pk}
    for line, body in operations(portal, portal.open.ref).items():
        (plain, _), (answer, _) = call(line, body), call(line, forged | body)
        assert answer.status_code == plain.status_code, line
        numbered = {"id", "ref", "url"} if line.endswith("/incidents/") else {"id"}
        assert said(answer, numbered) == said(plain, numbered), line


def said(answer: Any, numbered: set[str]) -> dict[str, Any]:
    """The answer's body, but for what a sequence gave."""
    body = answer.json() if answer.content else {}
    for row in body.get("results", []):
        row.update(dict.fromkeys(numbered))
    return {**body, **dict.fromkeys(numbered)}


def test_nobody_changes_what_is_another_teams(portal: Portal) -> None:
    call = Caller(portal.outsider)
    allowed = {"POST /api/v1/incidents/", "POST /api/v1/preview/"}
    for line, body in operations(portal, portal.open.ref).items():
        answer, changes = call(line, body)
        if line in allowed:
            assert answer.status_code < 300, f"{line}: {answer.content!r}"
            continue
        assert answer.status_code in (403, 404), f"{line}: {answer.status_code}"
        assert answer["content-type"] == PROBLEM
        assert not changes, f"{line}: {changes[0]}"


def test_a_hidden_incident_answers_every_verb_like_a_missing_one(portal: Portal) -> None:
    call = Caller(portal.outsider)
    for line, body in operations(portal, portal.hidden.ref).items():
        if portal.hidden.ref not in line:
            continue
        hidden, changes = call(line, body)
        missing, _ = call(line.replace(portal.hidden.ref, "INC-2026-9999"), body)
        assert (hidden.status_code, hidden.content) == (404, missing.content), line
        assert not changes


@pytest.mark.parametrize(
    "ordering", ["restricted", "-id", "team__slug", "owner__password", "?", "", "%00"]
)
def test_lists_sort_by_nothing_hidden(portal: Portal, ordering: str) -> None:
    call = Caller(portal.world.manager)
    answer, _ = call(f"GET /api/v1/incidents/?ordering={ordering}")
    assert (answer.status_code, answer["content-type"]) == (400, PROBLEM)
    for path in (
        "alerts",
        "people",
        "teams",
        "services",
        "rotas",
        "overrides",
        "swaps",
        "time-off",
        "action-items",
    ):
        plain, _ = call(f"GET /api/v1/{path}/")
        sorted_, _ = call(f"GET /api/v1/{path}/?ordering={ordering}")
        assert sorted_.json()["results"] == plain.json()["results"]
