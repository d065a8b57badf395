"""The alerts the bench sends: PagerDuty's Events API, the service named by its component."""

from __future__ import annotations

import json

from bench.load import post


def event(
    key: str,
    dedup: str,
    *,
    rule: str,
    service: str,
    severity: str = "error",
    action: str = "trigger",
) -> bytes:
    body = {
        "routing_key": key,
        "event_action": action,
        "dedup_key": dedup,
        "payload": {
            "summary": f"{rule} on the bench",
            "source": "bench",
            "severity": severity,
            "component": service,
            "class": rule,
        },
    }
    return post("/v2/enqueue", json.dumps(body).encode())


def mark(run: str, number: int) -> str:
    """A word that tells an alert in the mail it leads to."""
    return f"bench-mark-{run}-{number}"


def floor_request(_: int) -> bytes:
    """The same body for the floor's view."""
    return post("/floor", event("0" * 32, "same", rule="Repeated", service="orchestrator"))
