"""Debian's Prometheus Alertmanager fires, a person is paged by mail, the phone page answers, the clock climbs."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.conftest import Stack, free_port, until

pytestmark = [pytest.mark.slow, pytest.mark.live]


def alertmanager_binary() -> str | None:
    found = shutil.which("prometheus-alertmanager")
    if not found and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True, timeout=300)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "prometheus-alertmanager"],
            check=False, capture_output=True, timeout=300,
        )  # fmt: skip
        found = shutil.which("prometheus-alertmanager")
    return found


@pytest.fixture(scope="module")
def fire(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Gives alerts to a real Alertmanager that sends to the running portal."""
    binary = alertmanager_binary()
    if binary is None:
        pytest.skip("prometheus-alertmanager is not installed and apt cannot install it here")
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    key = stack.demo["integration_keys"]["alertmanager"]
    config = {
        "route": {
            "receiver": "watchbill", "group_by": ["alertname", "service"],
            "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h",
        },
        "receivers": [
            {
                "name": "watchbill",
                "webhook_configs": [
                    {"url": f"{stack.base_url}/hooks/alertmanager/{key}/", "send_resolved": True}
                ],
            }
        ],
    }  # fmt: skip
    (folder / "alertmanager.yml").write_text(json.dumps(config))
    port = free_port()
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
    )

    def ready() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return requests.get(f"http://127.0.0.1:{port}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    until(ready, what="Alertmanager to be ready")

    def send(name: str, service: str, severity: str, *, ended: bool = False) -> None:
        alert: dict[str, Any] = {
            "labels": {"alertname": name, "service": service, "severity": severity},
            "annotations": {
                "summary": f"{name} on {service}",
                "runbook_url": "https://runbooks.example.org/service-down",
            },
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        }
        if ended:
            alert["endsAt"] = datetime.now(UTC).isoformat()
        requests.post(
            f"http://127.0.0.1:{port}/api/v2/alerts", json=[alert], timeout=5
        ).raise_for_status()

    yield send
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    log.close()


def press(stack: Stack, path: str, words: str) -> None:
    """Presses the phone page's button with these words, as a browser without scripts would."""
    page = requests.get(stack.base_url + path, timeout=10)
    page.raise_for_status()
    for form in re.findall(r"<form\b.*?</form>", page.text, re.S):
        fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
        for attributes, label in re.findall(r"<button([^>]*)>(.*?)</button>", form, re.S):
            if label.strip() == words:
                fields |= dict(re.findall(r'name="([^"]+)"\s+value="([^"]*)"', attributes))
                requests.post(stack.base_url + path, data=fields, timeout=10).raise_for_status()
                return
    raise AssertionError(f"no button {words!r} in {page.text}")


@pytest.mark.clause("C39", "C57", "C72")
def test_a_real_alertmanager_pages_the_primary_who_acknowledges_from_the_phone_page(
    stack: Stack, fire: Any
) -> None:
    fire("OrchestratorSlow", "orchestrator", "high")
    mail = until(lambda: stack.inbox.about("OrchestratorSlow"), what="a mail about it")[0]
    assert mail.to == [stack.email_of("primary")]
    assert mail.subject.startswith("P2 ")
    incident = stack.incident_titled("OrchestratorSlow")
    assert incident is not None
    assert (incident["severity"], incident["services"]) == ("P2", ["orchestrator"])

    before = requests.get(stack.base_url + mail.phone_path("OrchestratorSlow"), timeout=10)
    assert "runbooks.example.org" in before.text
    assert stack.api(f"incidents/{incident['ref']}/")["status"] == "triggered", (
        "a GET changes nothing"
    )

    press(stack, mail.phone_path("OrchestratorSlow"), "Acknowledge")
    seen = stack.api(f"incidents/{incident['ref']}/")
    assert seen["status"] == "acknowledged"
    assert seen["acknowledged_at"]
    entries = stack.api(f"incidents/{incident['ref']}/timeline/")["results"]
    assert any(entry["kind"] == "acknowledged" for entry in entries)

    fire("OrchestratorSlow", "orchestrator", "high", ended=True)

    def source_said_so() -> bool:
        now = stack.api(f"alerts/?incident={incident['ref']}")["results"]
        return bool(now) and all(alert["state"] == "resolved" for alert in now)

    until(source_said_so, what="the alert to be resolved with its source")


@pytest.mark.clause("C22", "C73", "C75", "X17")
def test_an_alert_nobody_acknowledges_climbs_the_path(stack: Stack, fire: Any) -> None:
    fire("DoclingBroken", "docling", "high")

    def paged() -> set[str] | None:
        reached = {address for mail in stack.inbox.about("DoclingBroken") for address in mail.to}
        wanted = {stack.email_of(who) for who in ("primary", "secondary", "manager")}
        return reached if wanted <= reached else None

    until(paged, seconds=60, what="primary, secondary and manager to be paged by mail")
    incident = stack.incident_titled("DoclingBroken")
    assert incident is not None
    pages = stack.api(f"incidents/{incident['ref']}/pages/")["results"]
    first: dict[str, datetime] = {}
    for page in sorted(pages, key=lambda page: page["created_at"]):
        first.setdefault(page["step"], datetime.fromisoformat(page["created_at"]))
    opened = datetime.fromisoformat(incident["opened_at"])
    waits = {step: (at - opened).total_seconds() for step, at in first.items()}
    assert waits["Primary on-call"] < 1
    assert 4 <= waits["Secondary on-call"] < 8, waits
    assert 14 <= waits["Engineering Manager"] < 18, waits

    assert requests.get(f"{stack.base_url}/readyz", timeout=10).status_code == 200

    someone = stack.inbox.about("DoclingBroken")[-1]
    press(stack, someone.phone_path("DoclingBroken"), "Acknowledge")
    assert stack.api(f"incidents/{incident['ref']}/")["status"] == "acknowledged"
