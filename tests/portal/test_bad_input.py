"""Bad input on every door: a clear 4xx or a harmless answer, never a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import cast
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import transaction
from django.http import StreamingHttpResponse
from django.test import Client

from alerts.services.overload import limiter
from incidents.models import Incident
from notifications.links import token_of
from notifications.models import PageOut
from tests.alerts.factories import Sender, make_sender
from tests.alerts.views.test_bad_input import HIDING, WORDS
from tests.incidents.factories import WEDNESDAY, World, make_world
from tests.portal.test_doors import LOOK_THE_SAME, NAME_IN_ADDRESS, every_address

pytestmark = pytest.mark.django_db

LONG = "9" * 5000
BAD_IN_PATHS = ("a%00b", "%ff%fe", "9" * 400, "-1")
BAD_VALUES = (
    "%00", "%ff", LONG, "-1", "1e9", "'", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-13-45", "",
)  # fmt: skip
QUERIES = {
    "/incidents/": ("status", "severity", "service", "q", "page"),
    "/incidents/REF/": ("before",),
    "/incidents/REF/live/": ("version", "entry"),
    "/incidents/declare/": ("service",),
    "/outbox/": ("page", "whose"),
    "/preview/": ("severity", "service", "kind", "at"),
    "/rotations/": ("from", "weeks", "after"),
    "/shifts.ics": ("token",),
    "/procedure/clauses/": ("procedure", "q"),
    "/sign-in/": ("next",),
    "/api/v1/incidents/": (
        "cursor", "page_size", "ordering", "status", "severity", "kind", "service", "team",
        "opened_after", "opened_before", "drill", "active", "format",
    ),
    "/api/v1/incidents/REF/timeline/": ("cursor", "page_size"),
    "/api/v1/incidents/REF/deadlines/": ("cursor", "page_size"),
    "/api/v1/incidents/REF/pages/": ("cursor", "page_size"),
    "/api/v1/alerts/": ("cursor", "page_size", "state", "incident", "integration", "dedup_key", "team"),
    "/api/v1/on-call/": ("at", "team"),
    "/api/v1/shifts/": ("start", "end", "rota", "team", "user"),
    "/api/v1/overrides/": ("cursor", "rota", "user"),
    "/api/v1/rotas/": ("cursor", "team", "level", "active"),
    "/api/v1/swaps/": ("cursor", "state", "rota", "user"),
    "/api/v1/time-off/": ("cursor", "user", "after", "before"),
    "/api/v1/people/": ("cursor", "email", "team", "is_active"),
    "/api/v1/services/": ("cursor", "team", "user_facing", "active"),
    "/api/v1/teams/": ("cursor",),
    "/api/v1/action-items/": ("cursor", "team", "incident", "open"),
    "/api/v1/procedures/": ("cursor",),
    "/api/v1/freeze/": ("service", "incident"),
    "/api/schema/": ("lang", "version", "format"),
    "/admin/": (),
    "/admin/search/": ("s", "page", "extended"),
    "/admin/autocomplete/": ("app_label", "model_name", "field_name", "term", "page"),
    "/admin/incidents/incident/": (
        "q", "p", "o", "status__exact", "team__id__exact", "opened_at__gte", "opened_at__year", "drill__exact", "all",
    ),
    "/admin/alerts/alert/": ("q", "p", "o", "state__exact", "first_seen_at__gte"),
    "/admin/directory/user/": ("q", "groups__id__exact", "is_active__exact"),
    "/admin/notifications/pageout/": ("q", "created_at__year", "state__exact"),
}  # fmt: skip
TEXTS = (
    "title",
    "text",
    "note",
    "reason",
    "to",
    "severity",
    "role",
    "user",
    "kind",
    "press",
    "service",
)
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BODIES: tuple[tuple[str, bytes], ...] = (
    *((JSON, body) for body in (b"", b"null", b"[]", b'"text"', b"123", b"{", b"\xff\xfe\x00")),
    (JSON, b"[" * 100_000),
    (JSON, b'{"a":' * 100_000),
    (JSON, json.dumps(dict.fromkeys(TEXTS, "\x00")).encode()),
    (JSON, json.dumps(dict.fromkeys(TEXTS, "\ud800")).encode()),
    (JSON, json.dumps(dict.fromkeys(TEXTS, "9" * 200) | {"at": "0001-01-01T00:00:00Z"}).encode()),
    (JSON, b'{"user": ' + b"9" * 6000 + b"}"),
    (
        JSON,
        b'{"criteria": {"x": 1e400}, "services": [{}], "severity": [], "kind": {}, "title": {}}',
    ),
    (
        JSON,
        b'{"criteria": [[]], "services": "x", "started_at": "9999-12-31T23:59:59+14:00", "title": "t"}',
    ),
    ("application/xml", b"<a/>"),
    (FORM, urlencode(dict.fromkeys(TEXTS, "\x00")).encode()),
    (FORM, b"user=" + b"9" * 5000 + b"&role=commander&to=" + b"9" * 5000),
    ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
    ("multipart/form-data", b"no boundary"),
)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    limiter.forget()
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        yield
    limiter.forget()


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def incident(world: World) -> Incident:
    return world.declare("P2")


def client_of(user: object) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)  # type: ignore[arg-type]
    return client


def status_of(client: Client, method: str, path: str, **more: object) -> int:
    """The status of one request, whose changes are taken back."""
    with transaction.atomic():
        answer = client.generic(method, path, **more)  # type: ignore[arg-type]
        if answer.streaming:
            b"".join(cast(StreamingHttpResponse, answer))
        transaction.set_rollback(True)
    return answer.status_code


def test_strange_queries_break_no_page(world: World, incident: Incident) -> None:
    client = client_of(world.admin)
    broken = [
        f"{path}?{name}={value}"[:120]
        for place, names in QUERIES.items()
        for path in [place.replace("REF", incident.ref)]
        for name in names
        for value in BAD_VALUES
        if status_of(client, "GET", path, QUERY_STRING=f"{name}={value}") >= 500
    ]
    assert not broken, "\n".join(broken)


def filled(address: str, value: str) -> str:
    """The path of an address with every name in it replaced."""
    return "/" + NAME_IN_ADDRESS.sub(value, address).translate(str.maketrans("", "", "^$?"))


def test_strange_names_in_an_address_break_no_page(world: World) -> None:
    client = client_of(world.admin)
    broken = [
        f"{method} {path}"[:120]
        for address in every_address()
        if NAME_IN_ADDRESS.search(address) and not address.startswith(LOOK_THE_SAME)
        for path in (filled(address, bad) for bad in BAD_IN_PATHS)
        for method in ("GET", "POST")
        if status_of(client, method, path) >= 500
    ]
    assert not broken, "\n".join(broken)


def test_strange_bodies_break_no_door(world: World, incident: Incident) -> None:
    sender: Sender = make_sender(world=world)
    client = client_of(world.manager)
    verbs = ("update", "escalate", "severity", "roles", "major", "mitigate", "reopen")
    paths = {f"/incidents/{incident.ref}/{verb}/" for verb in verbs}
    paths |= {f"/admin/incidents/incident/{incident.pk}/{verb}/do/" for verb in verbs}
    for address in every_address():
        place = re.sub(r"\(\?P<ref>[^()]*\)|<str:ref>", incident.ref, address)
        place = place.replace("(?P<key>[^/]+)", sender.key)
        if not NAME_IN_ADDRESS.search(place) and not place.startswith("admin/"):
            paths.add(filled(place, ""))
    broken = [
        f"{path} {kind} {body[:60]!r}"
        for path in sorted(paths)
        for kind, body in BODIES
        if status_of(client, "POST", path, data=body, content_type=kind) >= 500
    ]
    broken = [line for line in broken if not line.startswith("/readyz")]
    assert not broken, "\n".join(broken)


def test_strange_cookies_and_tokens_are_strangers(world: World) -> None:
    for token in ("x", "wb_" + "a" * 9000, "\xff\xfe", "a b c", ""):
        client = Client(raise_request_exception=False)
        answer = client.get("/api/v1/incidents/", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "\x00" * 5
    client.cookies["csrftoken"] = "x" * 9000
    assert client.get("/").status_code == 302
    assert json.loads(client.get("/api/v1/nothing/").content)["status"] == 404


ELSEWHERE = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "https:///evil.example", "javascript:alert(1)", "\t//evil.example", "/\t/evil.example",
    "http://testserver@evil.example", "http://evil.example%23testserver", "\u2028//evil.example",
)  # fmt: skip


def test_no_address_leads_elsewhere(world: World) -> None:
    client = client_of(world.manager)
    for place in ELSEWHERE:
        query = urlencode({"next": place})
        assert client.get(f"/sign-in/?{query}")["Location"] == "/", place
        assert client.get(f"/admin/login/?{query}").status_code == 403
        forms = (
            client.post("/sign-out/", {"next": place}),
            client.post("/admin/logout/", {"next": place}),
        )
        for answer in forms:
            assert "evil" not in answer.get("Location", ""), place
        client.force_login(world.manager)
    for path in (
        "//evil.example/admin",
        "//evil.example",
        "/%5Cevil.example/incidents",
        "/%2F%2Fevil.example",
    ):
        location = client.get(path, follow=False).get("Location", "/")
        assert location.startswith("/"), location
        assert not location.startswith(("//", "/\\")), location


def test_hostile_words_that_people_type_are_cleaned_and_shown_as_text(world: World) -> None:
    client = client_of(world.manager)
    for name, words in WORDS.items():
        if name == "surrogate":
            continue  # no browser can send it
        typed = {"title": words[:200], "summary": words, "severity": "P3", "press": "declare"}
        declared = client.post("/incidents/declare/", typed | {"service": world.service.slug})
        if name == "nul":
            assert (declared.status_code, Incident.objects.filter(title="nulled").count()) == (
                409,
                0,
            )
            continue
        path = declared["Location"]
        for verb, field in (("update", "text"), ("note", "note"), ("acknowledge", "note")):
            assert client.post(f"{path}{verb}/", {field: words}).status_code < 500, name
        page = client.get(path).content.decode()
        assert "<script>alert" not in page, name
        assert "<img src=x" not in page, name
        assert not set(page) & HIDING, name
        assert "\u0301" * 4 not in page


def test_the_record_of_hostile_words_is_a_pdf_that_fetches_nothing(world: World) -> None:
    words = " ".join(WORDS.values()).replace("\ud800", "").replace("\udfff", "")
    incident = world.declare("P3", title=f'<img src="file:///etc/passwd"> {words}'[:900])
    answer = client_of(world.manager).get(f"/incidents/{incident.ref}/record.pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert b"root:" not in answer.content


def test_strange_answers_from_a_phone_change_nothing(world: World, incident: Incident) -> None:
    page_out = PageOut.objects.filter(subject_id=incident.pk, user=world.primary).earliest("id")
    path = f"/p/{token_of(page_out)}/"
    client = Client(raise_request_exception=False)
    before = incident.timeline.count()
    for kind, body in BODIES:
        assert client.generic("POST", path, body, content_type=kind).status_code in (400, 409), body
    for press in ("", "ACKNOWLEDGE", "acknowledge\x00", "__class__", "9" * 9_000):
        assert client.post(path, {"press": press, "text": "x"}).status_code in (400, 409)
    assert incident.timeline.count() == before
