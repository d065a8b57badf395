"""What load balancers, monitors and Prometheus hear."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from deadlines import extension
from deadlines.extension import Problem
from deadlines.models import Pulse
from portal import health
from portal.clock import tell_heartbeat

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def ticking(db: None) -> None:
    """The clock and beat have ticked just now."""
    now = datetime.now(UTC)
    for role in ("clock", "beat"):
        Pulse.objects.create(
            name=f"{role}:x:1",
            role=role,
            ticked_at=now,
            lag=timedelta(),
            skew=timedelta(),
            handled=0,
        )


@pytest.fixture
def one_check(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """The rooms' checks are replaced by one that finds what the test puts into the list."""
    found: list[Problem] = []
    monkeypatch.setitem(extension._contributions, "health", {"tests": lambda now: found})
    return found


@pytest.mark.django_db
def test_healthz_answers_when_it_can_commit(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["10.0.0.7:8000", "watchbill.internal", "a b", ""])
def test_a_monitor_may_call_us_by_any_name_and_a_browser_not(client: Client, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200
    assert client.get("/metrics", headers={"host": host}).status_code == 200
    assert client.get("/sign-in/", headers={"host": host}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_without_a_database_healthz_and_readyz_are_503_and_say_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    assert client.get("/healthz").status_code == 503
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert [problem["name"] for problem in answer.json()["problems"]] == ["database"]


def test_readyz_is_200_while_clock_beat_broker_and_database_are_well(
    client: Client, ticking: None
) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["status"] == "ready"


def test_without_a_broker_readyz_is_503_but_healthz_stays_well(
    client: Client, ticking: None, settings: Any
) -> None:
    settings.REDIS_URL = NOBODY_LISTENS
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert [p["name"] for p in answer.json()["problems"] if p["severity"] == "error"] == ["broker"]
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("silent", "amiss"), [(29, False), (31, True)])
def test_beat_is_amiss_when_none_of_its_ticks_reached_a_worker_for_half_a_minute(
    silent: int, amiss: bool
) -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    Pulse.objects.create(
        name="beat:x:1",
        role="beat",
        ticked_at=now - timedelta(seconds=silent),
        lag=timedelta(),
        skew=timedelta(),
        handled=0,
    )
    assert bool(list(health.check_beat(now))) is amiss


@pytest.mark.django_db
def test_a_dead_clock_is_amiss_though_beat_keeps_its_promises() -> None:
    now = datetime.now(UTC)
    assert [problem.name for problem in health.check_clock(now)] == ["clock process"]
    for role, ago in (("clock", 15), ("beat", 0)):
        Pulse.objects.create(
            name=f"{role}:host:1", role=role, ticked_at=now - timedelta(seconds=ago),
            lag=timedelta(), skew=timedelta(),
        )  # fmt: skip
    [problem] = health.check_clock(now)
    assert "has ticked for 15 s" in problem.detail
    Pulse.objects.filter(role="clock").update(ticked_at=now)
    assert list(health.check_clock(now)) == []


@pytest.mark.django_db
def test_a_warning_leaves_it_ready_and_is_shown(client: Client, one_check: list[Problem]) -> None:
    one_check.append(Problem("disk", "Little is left.", "warning"))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["problems"] == [
        {"name": "disk", "severity": "warning", "detail": "Little is left."}
    ]


@pytest.mark.django_db
def test_metrics_are_read_by_prometheus_and_one_broken_room_does_not_hide_the_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(now: datetime) -> None:
        raise RuntimeError("broken")

    def whole(now: datetime) -> list[Any]:
        return [("watchbill_tests_total", 'With "quotes".', "counter", [({"team": 'a"b\n'}, 3.0)])]

    monkeypatch.setitem(extension._contributions, "metrics", {"broken": broken, "whole": whole})
    answer = client.get("/metrics")
    assert answer.status_code == 200
    families = {f.name: f for f in text_string_to_metric_families(answer.content.decode())}
    (sample,) = families["watchbill_tests"].samples
    assert (sample.name, sample.labels, sample.value) == (
        "watchbill_tests_total",
        {"team": 'a"b\n'},
        3.0,
    )
    assert families["watchbill_metrics_failed"].samples[0].labels == {"room": "broken"}
    assert "process_resident_memory_bytes" in families


@pytest.mark.django_db
def test_the_rooms_own_metrics_can_be_read(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert "watchbill_clock_tick_age_seconds" in families
    assert not [line for line in text.splitlines() if line.startswith("watchbill_metrics_failed{")]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_monitors_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_doctor_names_what_is_wrong_and_fails(one_check: list[Problem], settings: Any) -> None:
    one_check.append(Problem("clock", "Nothing ticks."))
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=said)
    assert "clock: Nothing ticks." in said.getvalue()
    assert "mail: " in said.getvalue()


@pytest.mark.django_db
def test_doctor_is_content_when_all_is_well(one_check: list[Problem]) -> None:
    said = StringIO()
    call_command("doctor", stdout=said)
    assert "All is well." in said.getvalue()


@pytest.fixture
def watchdog(settings: Any) -> Iterator[list[str]]:
    """An outside watchdog on loopback, and the paths it was asked for."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.HEARTBEAT_URL = f"http://127.0.0.1:{server.server_port}/ping/abc"
        yield heard
        server.shutdown()
        thread.join()


@pytest.mark.django_db
def test_the_watchdog_outside_is_told_only_while_nothing_is_amiss(
    watchdog: list[str], one_check: list[Problem]
) -> None:
    assert tell_heartbeat()
    assert watchdog == ["/ping/abc"]
    one_check.append(Problem("clock", "Nothing ticks."))
    assert not tell_heartbeat()
    assert watchdog == ["/ping/abc"]


@pytest.mark.django_db
def test_a_watchdog_that_does_not_answer_is_no_disaster(
    one_check: list[Problem], settings: Any
) -> None:
    settings.HEARTBEAT_URL = "http://127.0.0.1:1/ping"
    assert not tell_heartbeat()
