"""The official PagerDuty client changes its base URL, and pages through the portal."""

from __future__ import annotations

import pagerduty
import pytest

from tests.live.conftest import Stack, until

pytestmark = [pytest.mark.slow, pytest.mark.live]


@pytest.mark.clause("C39", "X15")
def test_the_official_client_triggers_acknowledges_and_resolves(stack: Stack) -> None:
    client = pagerduty.EventsApiV2Client(
        stack.demo["integration_keys"]["pagerduty"], base_url=stack.base_url
    )
    key = client.trigger(
        "Queue of the agents is stuck",
        "agents-1",
        severity="error",
        payload={"component": "agents"},
    )
    mail = until(lambda: stack.inbox.about("Queue of the agents is stuck"), what="a mail about it")[
        0
    ]
    assert mail.to == [stack.email_of("primary")]
    incident = stack.incident_titled("Queue of the agents is stuck")
    assert incident is not None

    client.acknowledge(key)
    assert stack.api(f"incidents/{incident['ref']}/")["status"] == "acknowledged"
    client.resolve(key)

    def resolved() -> bool:
        found = stack.api(f"alerts/?incident={incident['ref']}")["results"]
        return bool(found) and all(alert["state"] == "resolved" for alert in found)

    until(resolved, what="the alert to be resolved")


def test_the_official_client_is_told_what_is_wrong_with_an_event(stack: Stack) -> None:
    client = pagerduty.EventsApiV2Client("0" * 32, base_url=stack.base_url)
    with pytest.raises(pagerduty.HttpError) as refused:
        client.trigger("Nobody's alert", "nowhere")
    assert refused.value.response.status_code == 400
