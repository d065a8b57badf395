"""The list of bad input, on every way in from monitoring: taken and cleaned, or refused with nothing written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from copy import deepcopy
from email import message_from_bytes
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.db import connection
from django.test import Client

from alerts.models import Alert, HeartbeatMonitor
from alerts.services import rotate_key
from deadlines.extension import PORTAL
from incidents.models import Incident
from notifications.channels.letters import letter
from notifications.models import PageOut
from notifications.registry import provider_of
from notifications.rules.message import Message
from tests.alerts import payloads
from tests.alerts.factories import Sender, make_heartbeat, make_sender
from tests.incidents.factories import WEDNESDAY, World

pytestmark = pytest.mark.django_db

KINDS = ["alertmanager", "grafana", "generic", "pagerduty"]
HIDING = set("\x00\x07\x1b\x7f\x9b\r\u00ad\u200b\u200e\u202e\u2066\u2060\ufeff\U000e0041")


@pytest.fixture(autouse=True)
def _on_wednesday() -> Iterator[None]:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def path_of(sender: Sender) -> str:
    kind = sender.integration.kind
    return "/v2/enqueue" if kind == "pagerduty" else f"/hooks/{kind}/{sender.key}/"


def telling(sender: Sender, words: str, key: str = "a", **labels: Any) -> dict[str, Any]:
    """A body of the sender's kind in which these words stand everywhere a sender may put words."""
    kind = sender.integration.kind
    if kind == "pagerduty":
        payload = {
            "summary": words, "source": words, "severity": "critical", "component": words, "class": words,
            "custom_details": {"note": words, words: words, **labels},
        }  # fmt: skip
        links = [{"href": "https://example.org/", "text": words}]
        return payloads.pagerduty(sender.key, payload=payload, dedup_key=key, links=links)
    if kind == "generic":
        return {
            "title": words, "description": words, "id": key, "rule": words, "source": words, "state": words,
            "labels": {"note": words, words: words, **labels},
        }  # fmt: skip
    body = payloads.grafana() if kind == "grafana" else payloads.alertmanager(count=1)
    alert = body["alerts"][0]
    alert["annotations"] = {"summary": words, "description": words}
    alert["labels"] = {"alertname": words, "instance": words, words: words, **labels}
    alert["fingerprint"] = key
    return deepcopy(body)


def send(client: Client, sender: Sender, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path_of(sender), raw, content_type="application/json", headers=headers)


def rows() -> dict[str, str]:
    """Of every table what it holds, as a digest."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"  # noqa: S608
            )
            found[table] = str(cursor.fetchone()[0])
    return found


def said_in(alert: Alert) -> str:
    """Every word that is kept of an alert, but for the bytes as they came."""
    texts = [alert.title, alert.description, alert.rule, alert.source, alert.dedup_key]
    kept = [alert.labels, alert.links, alert.payload]
    return "\x1f".join([*texts, json.dumps(kept, ensure_ascii=False)])


# --- Words ---------------------------------------------------------------------------------------

WORDS = {
    "zero width": "zero\u200bwidth\u2060and\ufeffmarks\u00ad",
    "override": "\u202egnp.exe\u2066",
    "tags": "tag\U000e0041ged",
    "stacked": "e" + "\u0301" * 5_000,
    "ligature": "\ufdfa" * 400,
    "four bytes": "\U0001f9ef" * 400,
    "header": "down\r\nBcc: everybody@example.org\r\n\r\nbody",
    "lines": "one\u2028two\u2029three\x85four\x0bfive",
    "chat": "<!channel> @here @everyone <https://example.org|click>",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "nul": "nul\x00led",
    "surrogate": "half \ud800 a \udfff pair",
    "markup": "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>",
    "template": "{{ 7*7 }} {% debug %} ${7*7} %s %(x)s {0}",
    "spreadsheet": "=1+1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_words_are_kept_cleaned_and_open_an_incident(
    client: Client, world: World, kind: str
) -> None:
    for name, words in WORDS.items():
        sender = make_sender(kind, world=world)
        assert send(client, sender, telling(sender, words)).status_code == 202, name
        kept = said_in(sender.alert)
        assert not set(kept) & HIDING, name
        assert "\u0301" * 4 not in kept
        assert kept.encode()
        incident = incident_of(sender)
        assert incident.title.isprintable(), name
        assert 0 < len(incident.title) <= 200, name
        assert world.called(incident), name


def test_hostile_words_end_in_one_subject_and_in_escaped_pages(
    client: Client, world: World
) -> None:
    browser = Client()
    browser.force_login(world.manager)
    for name, words in WORDS.items():
        sender = make_sender(world=world)
        send(client, sender, telling(sender, words))
        message = page_of(incident_of(sender))
        mail = message_from_bytes(letter(message, "a@example.org", key="k").message().as_bytes())
        assert mail["Bcc"] is None, name
        assert len(mail.get_all("Subject", [])) == 1
        assert message.subject.isprintable(), name
        phone = urlsplit(message.links[0].url).path
        for path in (incident_of(sender).get_absolute_url(), phone, "/", "/incidents/"):
            answer = browser.get(path)
            content = answer.content.decode() + message.html
            assert answer.status_code == 200
            assert "<script>alert" not in content, name
            assert "<img src=x" not in content, name
            assert not set(content) & HIDING, name


def page_of(incident: Incident) -> Message:
    """The first page about it, as it would be sent."""
    provider = provider_of("incident")
    assert provider is not None
    page_out = PageOut.objects.filter(subject_id=incident.pk).earliest("id")
    message = provider([page_out], WEDNESDAY)(page_out)
    assert message is not None
    return message


def incident_of(sender: Sender) -> Incident:
    incident = sender.alert.incident
    assert incident is not None
    return incident


@pytest.mark.parametrize("kind", KINDS)
def test_ten_megabytes_of_one_text_are_cut(client: Client, world: World, kind: str) -> None:
    sender = make_sender(kind, world=world)
    body = telling(sender, "short")
    place = body
    if kind != "generic":
        place = body["payload"] if kind == "pagerduty" else body["alerts"][0]["annotations"]
    place["title" if kind == "generic" else "summary"] = "x" * 10_000_000
    assert send(client, sender, body).status_code == 202
    alert = sender.alert
    assert len(alert.title) == 250
    assert len(said_in(alert)) < 30_000
    assert len(bytes(alert.raw)) <= 65_536


# --- Shapes --------------------------------------------------------------------------------------

READABLE: dict[str, bytes] = {
    "byte order mark": b"\xef\xbb\xbf" + b'{"title": "read", "id": "a"}',
    "UTF-16": '{"title": "read", "id": "a"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"title": "read", "id": "a"}'.encode("utf-16-be"),
    "UTF-32": '{"title": "read", "id": "a"}'.encode("utf-32"),
    "a key twice": b'{"title": "first", "title": "read", "id": "a"}',
    "bytes that are no UTF-8": b'{"title": "read", "id": "a", "x": "\xff\xfe\x80"}',
    "1e400": b'{"title": "read", "id": "a", "timestamp": 1e400, "value": -1e400}',
    "no numbers": b'{"title": "read", "id": "a", "timestamp": NaN, "value": -Infinity}',
    "long numbers": b'{"title": "read", "id": "a", "timestamp": ' + b"9" * 9_000 + b"}",
    "64 deep": b'{"title": "read", "id": "a", "x": ' + b"[" * 63 + b"]" * 63 + b"}",
    "year 1": b'{"title": "read", "id": "a", "timestamp": "0001-01-01T00:00:00Z"}',
    "year 9999": b'{"title": "read", "id": "a", "timestamp": "9999-12-31T23:59:59+14:00"}',
    "prototype": b'{"title": "read", "id": "a", "__proto__": {"title": "x"}, "constructor": null}',
    "padding": b" \r\n\t" * 100_000 + b'{"title": "read", "id": "a"}',
}  # fmt: skip


def test_what_can_be_read_is_read(client: Client, world: World) -> None:
    for name, raw in READABLE.items():
        sender = make_sender(world=world)
        assert send(client, sender, raw).status_code == 202, name
        assert (sender.alert.title, sender.alert.dedup_key) == ("read", "a"), name
        assert sender.alert.started_at <= WEDNESDAY, name


UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b" \n ",
    "half": b'{"alerts": [{"labels": {"a": "b',
    "a form": b"payload=%7B%7D",
    "xml": b"<alerts/>",
    "65 deep": b"[" * 65 + b"]" * 65,
    "100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "two documents": b"{}{}",
    "NULs": b"\x00" * 1_000,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_read_is_400_and_nothing_is_written(
    client: Client, world: World, kind: str
) -> None:
    sender = make_sender(kind, world=world)
    before = rows()
    for name, raw in UNREADABLE.items():
        answer = send(client, sender, raw)
        assert (answer.status_code, bool(answer.json()["errors"])) == (400, True), name
    assert rows() == before


@pytest.mark.parametrize("kind", ["alertmanager", "grafana"])
def test_what_is_no_group_is_400_and_nothing_is_written(
    client: Client, world: World, kind: str
) -> None:
    sender = make_sender(kind, world=world)
    before = rows()
    bodies: list[Any] = [[], "text", 7, None, {}, {"alerts": None}, {"alerts": "x"}]
    for body in bodies:
        assert send(client, sender, body).status_code == 400, body
    assert rows() == before


def test_the_good_alerts_of_a_mixed_group_are_kept(client: Client, world: World) -> None:
    sender = make_sender("alertmanager", world=world)
    body = payloads.alertmanager()
    bad: list[Any] = [
        None, 7, "nonsense", [], [[]], {}, {"labels": 5, "annotations": "x"}, {"status": {"a": 1}},
        {"labels": {"alertname": ["a", "list"]}, "startsAt": {"no": "time"}, "generatorURL": 12},
    ]  # fmt: skip
    body["alerts"] = [*bad, *body["alerts"]]
    answer = send(client, sender, body)
    assert (answer.status_code, answer.json()["events"]) == (202, len(bad) + 2)
    titles = set(Alert.objects.values_list("title", flat=True))
    assert {"web-1 is down", "web-2 is down"} <= titles
    assert not Alert.objects.filter(incident=None).exists()


def test_ten_thousand_alerts_of_one_rule_are_one_incident(client: Client, world: World) -> None:
    sender = make_sender("alertmanager", world=world)
    body = payloads.alertmanager(count=1)
    body["alerts"] = [body["alerts"][0] | {"fingerprint": f"{number}"} for number in range(10_000)]
    answer = send(client, sender, body)
    assert answer.json() == {"status": "accepted", "events": 10_000, "new_alerts": 10_000}
    assert Incident.objects.count() == 1
    called = world.called(sender.incident)
    assert called[0] == "primary"
    assert len(called) == len(set(called))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_labels_keep_those_that_route(
    client: Client, world: World, kind: str
) -> None:
    sender = make_sender(kind, world=world, default_service=world.service)
    many = {f"label {number}": "x" for number in range(100_000)}
    many["service"] = world.other_service.slug
    assert send(client, sender, telling(sender, "words", **many)).status_code == 202
    alert = sender.alert
    assert alert.service == world.other_service
    assert len(alert.labels) <= 210


# --- Keys of alerts ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_differ_stay_different_and_equal_ones_are_one_alert(
    client: Client, world: World, kind: str
) -> None:
    sender = make_sender(kind, world=world)
    keys = [
        "k" * 255, "k" * 256, "k" * 257, "caf\u00e9", "cafe\u0301", "%", "_", "%25", "\\", "'", "a\x00", "a", "a ",
        "A", "\u0410", "a\u202e", "\ud800", "\ud801", "a\nb", "a b", "\U0001f9ef" * 255, "\U0001f9ef" * 256,
    ]  # fmt: skip
    for _ in range(2):
        for key in keys:
            assert send(client, sender, telling(sender, "words", key)).status_code == 202
    counts = list(Alert.objects.values_list("count", flat=True))
    assert counts == [2] * len(keys)
    assert all(len(key) <= 255 for key in Alert.objects.values_list("dedup_key", flat=True))


def test_a_resolution_finds_its_alert_by_the_strangest_key(client: Client, world: World) -> None:
    sender = make_sender("pagerduty", world=world)
    for key in ("k" * 300, "a\x00b", "\ud800", "%_\\'\""):
        send(client, sender, telling(sender, "words", key))
        end = {"routing_key": sender.key, "dedup_key": key, "event_action": "resolve"}
        answer = send(client, sender, end)
        assert (answer.status_code, answer.json()["dedup_key"]) == (202, key)
    assert set(Alert.objects.values_list("state", flat=True)) == {"resolved"}


# --- Keys of integrations ------------------------------------------------------------------------


def refused_keys(world: World, kind: str) -> dict[str, str]:
    """Keys that are not good at this door, or not any more."""
    rotated = make_sender(kind, world=world)
    rotate_key(rotated.integration.pk, actor=PORTAL, now=WEDNESDAY, overlap=WEDNESDAY - WEDNESDAY)
    others = {other: make_sender(other, world=world).key for other in KINDS if other != kind}
    return others | {
        "unknown": "0" * 32,
        "disabled": make_sender(kind, world=world, enabled=False).key,
        "rotated away": rotated.key,
        "heartbeat": make_heartbeat(world).key,
        "in capitals": make_sender(kind, world=world).key.upper(),
        "half": make_sender(kind, world=world).key[:16],
        "long": "k" * 4_000,
        "wildcard": "%",
        "quoted": "' OR 1=1 --",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_not_good_here_is_refused_and_nothing_is_written(
    client: Client, world: World, kind: str
) -> None:
    good = make_sender(kind, world=world)
    bad = refused_keys(world, kind)
    before = rows()
    for name, key in bad.items():
        stranger = Sender(world, good.integration, key)
        headers = {"authorization": f"Bearer {good.key}", "x-routing-key": good.key}
        answer = send(client, stranger, telling(stranger, "words"), **headers)
        assert answer.status_code == (400 if kind == "pagerduty" else 404), name
    assert rows() == before


def test_a_heartbeat_hears_its_own_key_only(client: Client, world: World) -> None:
    make_heartbeat(world)
    others = {kind: make_sender(kind, world=world).key for kind in KINDS}
    before = rows()
    for key in [*others.values(), "0" * 32, "%00", "%ff", "k" * 4_000]:
        for method in ("GET", "HEAD", "POST", "PUT"):
            assert client.generic(method, f"/heartbeats/{key}/", b"x" * 100).status_code == 404
    assert client.delete(f"/heartbeats/{'0' * 32}/").status_code == 405
    assert rows() == before


def test_a_heartbeat_takes_any_body(client: Client, world: World) -> None:
    sender = make_heartbeat(world)
    for body in (b"", b"\x00\xff", b"{", b"x" * 2_000_000):
        assert client.post(f"/heartbeats/{sender.key}/", body, content_type="x").status_code == 200
    assert HeartbeatMonitor.objects.get().beats == 4


@pytest.mark.parametrize("write", [str, "utf-16"], ids=["escaped", "UTF-16"])
def test_a_routing_key_is_kept_nowhere_however_it_is_written(
    client: Client, world: World, write: Any
) -> None:
    sender = make_sender("pagerduty", world=world)
    text = json.dumps(telling(sender, "words"))
    if write is str:
        text = text.replace(sender.key, "".join(f"\\u{ord(char):04x}" for char in sender.key))
    assert send(client, sender, text.encode("utf-8" if write is str else write)).status_code == 202
    kept = bytes(sender.alert.raw)
    assert sender.key not in json.dumps(sender.alert.payload)
    for said in (sender.key.encode(), sender.key.encode("utf-16")[2:], b"\\u00"):
        assert said not in kept


# --- Framing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_bombs_and_broken_packings(client: Client, world: World, settings: Any, kind: str) -> None:
    settings.ALERT_BODY_MAX_BYTES = 1_000_000
    sender = make_sender(kind, world=world)
    bomb = gzip.compress(b'{"x": "' + b"\x00" * 200_000_000)
    before = rows()
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x" * 5_000):
        body = b"\x1f\x8bno such packing"
        assert send(client, sender, body, **{"content-encoding": encoding}).status_code == 400
    assert rows() == before
    assert send(client, sender, bomb, **{"content-encoding": "gzip"}).status_code == 413
    packed = gzip.compress(json.dumps(telling(sender, "packed")).encode())
    assert send(client, sender, packed, **{"content-encoding": "GZIP"}).status_code == 202
    assert Alert.objects.filter(dedup_key="a").count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_neither_type_nor_host_nor_forwarding_matters(
    client: Client, world: World, kind: str
) -> None:
    sender = make_sender(kind, world=world)
    body = json.dumps(telling(sender, "words")).encode()
    forged = {"host": "alerts.internal:9093", "x-forwarded-for": "\x00", "x-forwarded-host": "evil"}
    types = ("text/plain", "multipart/form-data; boundary=x", "application/json; charset=x", "")
    for content_type in types:
        answer = client.generic(
            "POST", path_of(sender), body, content_type=content_type, headers=forged
        )
        assert answer.status_code == 202, content_type
    assert sender.alert.count == len(types)
