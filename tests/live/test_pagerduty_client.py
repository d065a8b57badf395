"""The official PagerDuty client changes its base URL, and pages through the portal."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pagerduty
import pytest

from tests.live.conftest import Stack, until
from tests.live.test_alertmanager import press
from tests.live.tls import Front, https_before

pytestmark = [pytest.mark.slow, pytest.mark.live]


@pytest.fixture(scope="module")
def front(stack: Stack) -> Iterator[Front]:
    with https_before(int(stack.env["PORT"]), stack.data_dir) as front:
        yield front


@contextmanager
def client_of(front: Front, key: str) -> Iterator[pagerduty.EventsApiV2Client]:
    trusting = ssl.create_default_context(cafile=front.authority)
    client = pagerduty.EventsApiV2Client(key, base_url=front.url, verify=trusting)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.clause("C39", "X15")
def test_the_official_client_triggers_acknowledges_and_resolves(stack: Stack, front: Front) -> None:
    with client_of(front, stack.demo["integration_keys"]["pagerduty"]) as client:
        key = client.trigger(
            "Queue of the agents is stuck",
            "agents-1",
            severity="error",
            payload={"component": "agents"},
        )
        primary = stack.email_of("primary")
        until(lambda: stack.inbox.about("Queue of the agents is stuck", primary), what="a mail")
        incident = stack.incident_titled("Queue of the agents is stuck")
        assert incident is not None

        client.acknowledge(key)
        assert stack.api(f"incidents/{incident['ref']}/")["status"] == "acknowledged"
        client.resolve(key)

        def resolved() -> bool:
            found = stack.api(f"alerts/?incident={incident['ref']}")["results"]
            return bool(found) and all(alert["state"] == "resolved" for alert in found)

        until(resolved, what="the alert to be resolved")


@pytest.mark.clause("C22", "C73", "C75", "X17")
def test_what_the_client_triggers_and_nobody_acknowledges_climbs_the_path(
    stack: Stack, front: Front
) -> None:
    with client_of(front, stack.demo["integration_keys"]["pagerduty"]) as client:
        client.trigger(
            "Approval is broken", "n8n-1", severity="error", payload={"component": "n8n"}
        )

        def paged() -> set[str] | None:
            reached = {
                address for mail in stack.inbox.about("Approval is broken") for address in mail.to
            }
            wanted = {stack.email_of(who) for who in ("primary", "secondary", "manager")}
            return reached if wanted <= reached else None

        until(paged, seconds=60, what="primary, secondary and manager to be paged by mail")
        mails = stack.inbox.about("Approval is broken", stack.email_of("manager"))
        press(stack, mails[0].phone_path("Approval is broken"), "Acknowledge")
        incident = stack.incident_titled("Approval is broken")
        assert incident is not None
        assert incident["status"] == "acknowledged"


def test_the_official_client_is_told_what_is_wrong_with_an_event(front: Front) -> None:
    with client_of(front, "0" * 32) as client:
        with pytest.raises(pagerduty.HttpError) as refused:
            client.trigger("Nobody's alert", "nowhere")
        answer = refused.value.response
        assert answer is not None
        assert answer.status_code == 400
