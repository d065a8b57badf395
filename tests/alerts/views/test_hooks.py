"""The ways in, over HTTP."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.core.handlers.wsgi import WSGIRequest
from django.db import OperationalError, connection
from django.test import Client

from alerts.models import Alert, HeartbeatMonitor
from alerts.queries import links_of_incident
from alerts.services import rotate_key, withdraw_key
from alerts.views import hooks
from deadlines.extension import PORTAL
from incidents.models import Incident
from tests.alerts import payloads
from tests.alerts.factories import Sender, make_heartbeat, make_sender
from tests.incidents.factories import WEDNESDAY, World, page_outs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, raw, content_type="application/json", headers=headers)


# --- Alertmanager --------------------------------------------------------------------------------


@pytest.mark.clause("C14", "C27", "C77")
def test_an_alertmanager_group_opens_one_incident_and_pages_the_primary(
    client: Client, world: World
) -> None:
    sender = make_sender("alertmanager", world=world)
    answer = post(client, f"/hooks/alertmanager/{sender.key}/", payloads.alertmanager())
    assert answer.status_code == 202
    assert answer.json() == {"status": "accepted", "events": 2, "new_alerts": 2}
    incident = sender.incident
    assert (incident.title, incident.severity, incident.status) == (
        "web-1 is down",
        "P1",
        "triggered",
    )
    assert incident.started_at == datetime(2026, 3, 4, 9, 58, 11, 123456, tzinfo=UTC)
    assert "primary" in world.called(incident)
    first, second = Alert.objects.order_by("id")
    assert {first.incident_id, second.incident_id} == {incident.pk}
    assert sorted(link["kind"] for link in first.links + second.links) == [
        "runbook", "silence", "silence", "source", "source",
    ]  # fmt: skip


def test_a_repeated_group_is_counted_and_pages_nobody_again(client: Client, world: World) -> None:
    sender = make_sender("alertmanager", world=world)
    for _ in range(3):
        post(client, f"/hooks/alertmanager/{sender.key}/", payloads.alertmanager())
    assert list(Alert.objects.values_list("count", flat=True)) == [3, 3]
    assert len(page_outs(sender.incident)) == len(
        {page.user_id for page in page_outs(sender.incident)}
    )


def test_an_empty_group_is_accepted_and_opens_nothing(client: Client, world: World) -> None:
    sender = make_sender("alertmanager", world=world)
    answer = post(client, f"/hooks/alertmanager/{sender.key}/", {"version": "4", "alerts": []})
    assert (answer.status_code, answer.json()["new_alerts"]) == (202, 0)
    assert not Incident.objects.exists()


def test_one_bad_alert_in_a_good_group_is_recorded_and_the_rest_kept(
    client: Client, world: World
) -> None:
    sender = make_sender("alertmanager", world=world)
    body = payloads.alertmanager()
    body["alerts"].insert(0, "nonsense")
    assert post(client, f"/hooks/alertmanager/{sender.key}/", body).json()["new_alerts"] == 3
    assert (
        Alert.objects.filter(title__startswith="An alert of the group could not be read").count()
        == 1
    )
    assert not Alert.objects.filter(incident=None).exists()


# --- Grafana, any JSON ---------------------------------------------------------------------------


def test_grafana_alerts_keep_their_links_for_the_phone_page(client: Client, world: World) -> None:
    sender = make_sender("grafana", world=world)
    assert post(client, f"/hooks/grafana/{sender.key}/", payloads.grafana()).status_code == 202
    links = links_of_incident(sender.incident.pk)
    assert [link["kind"] for link in links[:4]] == ["runbook", "dashboard", "panel", "source"]


@pytest.mark.parametrize(
    "body", [[], 7, "Disk full", {"x": 1}, [{"title": "a"}, {"title": "b"}], None]
)
def test_any_json_is_taken(client: Client, world: World, body: Any) -> None:
    sender = make_sender("generic", world=world)
    assert post(client, f"/hooks/generic/{sender.key}/", body).status_code == 202


# --- PagerDuty -----------------------------------------------------------------------------------


@pytest.mark.clause("X15", "C39", "C41")
def test_a_pagerduty_client_triggers_acknowledges_and_resolves(
    client: Client, world: World
) -> None:
    sender = make_sender("pagerduty", world=world)
    answer = post(client, "/v2/enqueue", payloads.pagerduty(sender.key))
    assert answer.status_code == 202
    assert answer.json() == {
        "status": "success",
        "message": "Event processed",
        "dedup_key": "samplekeyhere",
    }
    assert sender.incident.status == "triggered"

    later = {"routing_key": sender.key, "dedup_key": "samplekeyhere"}
    assert post(client, "/v2/enqueue", later | {"event_action": "acknowledge"}).status_code == 202
    assert sender.incident.status == "acknowledged"
    assert sender.incident.timeline.get(kind="acknowledged").actor_label == sender.integration.name
    assert sender.alert.state == "acknowledged"

    assert post(client, "/v2/enqueue", later | {"event_action": "resolve"}).status_code == 202
    assert sender.alert.state == "resolved"
    assert sender.incident.timeline.filter(kind="proposed").count() == 1


def test_a_routing_key_is_not_kept_with_the_event(client: Client, world: World) -> None:
    sender = make_sender("pagerduty", world=world)
    post(client, "/v2/enqueue", payloads.pagerduty(sender.key))
    alert = sender.alert
    assert sender.key not in json.dumps(alert.payload) + bytes(alert.raw).decode()


def test_an_invalid_event_is_answered_as_pagerduty_does(client: Client, world: World) -> None:
    sender = make_sender("pagerduty", world=world)
    answer = post(client, "/v2/enqueue", payloads.pagerduty(sender.key, payload={"summary": "x"}))
    assert answer.status_code == 400
    assert answer.json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [
            "'payload.source' is missing or blank",
            "'payload.severity' is missing or blank",
        ],
    }
    assert not Alert.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b'{"routing_key": 7}'])
def test_what_is_no_event_gets_400_with_errors(client: Client, body: bytes) -> None:
    answer = post(client, "/v2/enqueue", body)
    assert answer.status_code == 400
    assert answer.json()["errors"]


# --- Keys ----------------------------------------------------------------------------------------

HOOKS = ["alertmanager", "grafana", "generic"]


@pytest.mark.parametrize("kind", HOOKS)
@pytest.mark.parametrize("body", [b'{"alerts": []}', b"nonsense"])
def test_an_unknown_key_is_404_whatever_the_body(client: Client, kind: str, body: bytes) -> None:
    assert post(client, f"/hooks/{kind}/{'0' * 32}/", body).status_code == 404


def test_an_unknown_routing_key_is_400(client: Client) -> None:
    answer = post(client, "/v2/enqueue", payloads.pagerduty("0" * 32))
    assert (answer.status_code, answer.json()["errors"]) == (400, ["'routing_key' is invalid"])


def test_a_disabled_or_foreign_kind_of_integration_is_unknown(client: Client, world: World) -> None:
    off = make_sender("generic", world=world, enabled=False)
    other = make_sender("grafana", world=world)
    assert post(client, f"/hooks/generic/{off.key}/", {"title": "x"}).status_code == 404
    assert post(client, f"/hooks/generic/{other.key}/", {"title": "x"}).status_code == 404
    assert not Alert.objects.exists()


def test_a_rotated_key_is_good_until_it_ends_and_the_new_one_at_once(
    client: Client, world: World
) -> None:
    sender = make_sender("generic", world=world)
    new = rotate_key(
        sender.integration.pk, actor=PORTAL, now=WEDNESDAY, overlap=timedelta(hours=1)
    ).key
    for key in (sender.key, new):
        assert post(client, f"/hooks/generic/{key}/", {"title": "x"}).status_code == 202
    with time_machine.travel(WEDNESDAY + timedelta(hours=1), tick=False):
        assert post(client, f"/hooks/generic/{sender.key}/", {"title": "x"}).status_code == 404
        assert post(client, f"/hooks/generic/{new}/", {"title": "x"}).status_code == 202
    assert sender.alert.count == 3


def test_a_withdrawn_key_is_refused_at_once_for_repeats_too(client: Client, world: World) -> None:
    sender = make_sender("generic", world=world)
    assert post(client, f"/hooks/generic/{sender.key}/", {"title": "x"}).status_code == 202
    withdraw_key(sender.integration.keys.get(), now=WEDNESDAY)
    assert post(client, f"/hooks/generic/{sender.key}/", {"title": "x"}).status_code == 404
    assert sender.alert.count == 1


def test_keys_are_in_no_log(client: Client, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    sender = make_sender("generic", world=world)
    secret = "s3cretk3y" * 3
    post(client, f"/hooks/generic/{sender.key}/", {"title": "x"})
    post(client, f"/hooks/generic/{sender.key}/", b"nonsense")
    post(client, f"/hooks/generic/{secret}/", {"title": "x"})
    post(client, f"/hooks/unheard/{secret}/", {"title": "x"})
    post(client, f"/heartbeats/{secret}/more/", {})
    client.get(f"/hooks/generic/{secret}/")
    post(client, "/v2/enqueue", payloads.pagerduty(secret))
    logged = "".join(
        record.getMessage() for record in caplog.records if record.name != "django.db.backends"
    )
    assert secret not in logged
    assert sender.key not in logged


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"{", b"not json", b"[" * 100_000, b'{"alerts"', b"\xff\xfe\x00"]
)
@pytest.mark.parametrize("kind", HOOKS)
def test_what_cannot_be_read_gets_400_and_says_why(
    client: Client, world: World, kind: str, body: bytes
) -> None:
    sender = make_sender(kind, world=world)
    answer = post(client, f"/hooks/{kind}/{sender.key}/", body)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not Alert.objects.exists()


STRANGE: list[dict[str, Any]] = [
    {"title": "nul \x00 and \x1b[31m escapes"},
    {"title": "\ud800 lone", "id": "\udfff"},
    {"title": "\u202eoverride", "id": "%_\\"},
    {"title": "x" * 1_000_000, "description": "y" * 1_000_000},
    {"title": "\u200b"},
    {"title": "<!channel> @here <script>alert(1)</script>"},
    {"title": "a\r\nBcc: everybody@example.org"},
    {"title": "e" + "\u0301" * 1000},
    {"title": ["not", "a", "text"], "id": {"not": "a key"}},
    {"title": "k", "id": "k" * 255},
    {"title": "k", "id": "k" * 256},
    {"title": "caf\u00e9", "id": "caf\u00e9"},
    {"title": "cafe\u0301", "id": "cafe\u0301"},
    {"title": "when", "timestamp": "0001-01-01T00:00:00Z"},
    {"title": "when", "timestamp": "9999-12-31T23:59:59-12:00"},
    {"title": "labels", "labels": {f"l{number}": "v" for number in range(100_000)}},
    {"title": "labels", "labels": {"__proto__": {"polluted": True}, "": "", "\x00": "\x00"}},
    {"title": "links", "url": "javascript:alert(1)", "runbook_url": "data:text/html,x"},
    {"title": "numbers", "n": 10**60, "f": 1e308},
    {"title": "service", "service": "../../etc/passwd"},
    {"__proto__": None, "constructor": 1},
]


@pytest.mark.parametrize("body", STRANGE, ids=range(len(STRANGE)))
def test_what_is_strange_but_readable_is_taken_and_cleaned(
    client: Client, world: World, body: dict[str, Any]
) -> None:
    sender = make_sender("generic", world=world)
    assert post(client, f"/hooks/generic/{sender.key}/", body).status_code == 202
    alert = sender.alert
    assert alert.incident is not None
    assert 0 < len(alert.title) <= 250
    assert not set(alert.title) & set("\x00\x1b\r\n\u202e")
    assert len(bytes(alert.raw)) <= 65_536
    assert len(alert.labels) <= 200
    assert all(link["href"].startswith("http") for link in alert.links)
    assert alert.started_at <= alert.first_seen_at


def test_numbers_json_does_not_know_are_kept_as_words(client: Client, world: World) -> None:
    sender = make_sender("generic", world=world)
    raw = b'{"title": "n", "a": NaN, "b": 1e999, "c": ' + b"9" * 5000 + b"}"
    assert post(client, f"/hooks/generic/{sender.key}/", raw).status_code == 202
    assert sender.alert.payload["a"] == "NaN"
    assert sender.alert.payload["b"] == "inf"


def test_a_packed_body_is_unpacked(client: Client, world: World) -> None:
    sender = make_sender("generic", world=world)
    raw = gzip.compress(b'{"title": "packed"}')
    path = f"/hooks/generic/{sender.key}/"
    assert post(client, path, raw, **{"content-encoding": "gzip"}).status_code == 202
    assert sender.alert.title == "packed"
    assert post(client, path, raw[:-5], **{"content-encoding": "gzip"}).status_code == 400
    assert post(client, path, b"{}", **{"content-encoding": "br"}).status_code == 400


@pytest.mark.parametrize("packed", [False, True])
def test_too_large_is_413_and_an_alert_that_pages(
    client: Client, world: World, settings: Any, packed: bool
) -> None:
    settings.ALERT_BODY_MAX_BYTES = 100_000
    sender = make_sender("alertmanager", world=world)
    raw = b'{"x": "' + b"y" * 200_000 + b'"}'
    headers = {"content-encoding": "gzip"} if packed else {}
    answer = post(
        client,
        f"/hooks/alertmanager/{sender.key}/",
        gzip.compress(raw) if packed else raw,
        **headers,
    )
    assert answer.status_code == 413
    assert sender.alert.title == f"Payload too large from {sender.integration.name}"
    assert world.called(sender.incident) == ["primary"]


def test_too_large_an_event_finds_its_key_at_either_end(
    client: Client, world: World, settings: Any
) -> None:
    settings.ALERT_BODY_MAX_BYTES = 200_000
    for place in ("first", "last"):
        sender = make_sender("pagerduty", world=world)
        key = f'"routing_key": "{sender.key}"'
        filler = '"x": "' + "y" * 300_000 + '"'
        body = "{" + (f"{key}, {filler}" if place == "first" else f"{filler}, {key}") + "}"
        assert post(client, "/v2/enqueue", body.encode()).status_code == 413
        assert sender.alert.rule == "payload too large"


def wsgi(sender: Sender, body: bytes, **environ: Any) -> WSGIRequest:
    """A request as a server hands it over, framed in ways the test client cannot."""
    base = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/generic/{sender.key}/",
        "wsgi.input": BytesIO(body),
    }
    return WSGIRequest(base | environ)


def test_a_body_cut_short_is_unreadable(world: World) -> None:
    sender = make_sender("generic", world=world)
    answer = hooks.generic_hook(wsgi(sender, b'{"title": "x"}', CONTENT_LENGTH="5000"), sender.key)
    assert answer.status_code == 400
    assert "ended after" in json.loads(answer.content)["errors"][0]


def test_a_chunked_body_without_end_is_read_up_to_the_limit(world: World, settings: Any) -> None:
    settings.ALERT_BODY_MAX_BYTES = 100_000
    sender = make_sender("generic", world=world)
    framing = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    small = wsgi(sender, b'{"title": "in chunks"}', **framing)
    assert hooks.generic_hook(small, sender.key).status_code == 202
    assert sender.alert.title == "in chunks"
    endless = wsgi(sender, b"[" * 10_000_000, **framing)
    assert hooks.generic_hook(endless, sender.key).status_code == 413


@pytest.mark.parametrize(
    "path", ["/v2/enqueue", "/hooks/alertmanager/k/", "/hooks/grafana/k/", "/hooks/generic/k/"]
)
def test_only_a_post_opens_anything(client: Client, path: str) -> None:
    assert client.get(path).status_code == 405
    assert client.delete(path).status_code == 405


def test_hooks_need_no_csrf_token_and_set_no_cookie(world: World) -> None:
    sender = make_sender("generic", world=world)
    strict = Client(enforce_csrf_checks=True)
    answer = post(strict, f"/hooks/generic/{sender.key}", {"title": "no slash, no cookie"})
    assert answer.status_code == 202
    assert not answer.cookies


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_the_content_type_does_not_matter(client: Client, world: World, content_type: str) -> None:
    sender = make_sender("generic", world=world)
    answer = client.generic(
        "POST", f"/hooks/generic/{sender.key}/", b'{"title": "x"}', content_type=content_type
    )
    assert answer.status_code == 202


# --- Trouble of our own --------------------------------------------------------------------------


def test_a_database_that_fails_is_503_and_try_again(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make_sender("generic", world=world)

    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr("alerts.services.intake.count_again", broken)
    answer = post(client, f"/hooks/generic/{sender.key}/", {"title": "x"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_overload_refuses_repeats_but_never_a_new_alert(client: Client, world: World) -> None:
    hook = make_sender("generic", world=world, rate_per_minute=3)
    path = f"/hooks/generic/{hook.key}/"
    answers = [post(client, path, {"title": "x", "id": "x"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 503, 503, 503]
    assert answers[-1]["Retry-After"]
    assert post(client, path, {"title": "y", "id": "y"}).status_code == 202
    assert post(client, path, [{"id": "x"}, {"id": "z", "title": "z"}]).status_code == 202
    assert post(client, path, {"id": "x", "status": "resolved"}).status_code == 202
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        assert post(client, path, {"title": "y", "id": "y"}).status_code == 202


def test_overload_on_events_is_429(client: Client, world: World) -> None:
    sender = make_sender("pagerduty", world=world, rate_per_minute=1)
    codes = [
        post(client, "/v2/enqueue", payloads.pagerduty(sender.key)).status_code for _ in range(3)
    ]
    assert codes == [202, 429, 429]
    assert sender.alert.count == 1


# --- Heartbeats ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "head"])
def test_a_heartbeat_is_heard_however_it_is_sent(client: Client, world: World, method: str) -> None:
    sender = make_heartbeat(world)
    assert getattr(client, method)(f"/heartbeats/{sender.key}/").status_code == 200
    assert HeartbeatMonitor.objects.get().beats == 1
    assert getattr(client, method)(f"/heartbeats/{'0' * 32}/").status_code == 404


# --- The cost ------------------------------------------------------------------------------------


def test_a_repeat_costs_one_statement(
    client: Client, world: World, django_assert_num_queries: Any
) -> None:
    pd = make_sender("pagerduty", world=world)
    am = make_sender("alertmanager", world=world)
    for _ in range(2):  # the second prepares the statement on this connection
        post(client, "/v2/enqueue", payloads.pagerduty(pd.key))
        post(client, f"/hooks/alertmanager/{am.key}/", payloads.alertmanager())
    with django_assert_num_queries(1):
        post(client, "/v2/enqueue", payloads.pagerduty(pd.key))
    with django_assert_num_queries(1):
        post(client, f"/hooks/alertmanager/{am.key}/", payloads.alertmanager())
    assert pd.alert.count == 3


@pytest.mark.django_db(transaction=True)
def test_a_statement_lost_by_a_pooler_is_prepared_again(client: Client) -> None:
    sender = make_sender("generic")
    path = f"/hooks/generic/{sender.key}/"
    assert post(client, path, {"title": "x"}).status_code == 202
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert post(client, path, {"title": "x"}).status_code == 202
    assert sender.alert.count == 2
