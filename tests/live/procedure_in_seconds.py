"""The real procedure with its times made small: minutes of an escalation become seconds of a test."""

from __future__ import annotations

from typing import Any

import tomlkit

SEVERITIES = {
    "P1": {
        "acknowledge_within": "3s",
        "first_update_within": "20s",
        "update_every": "20s",
        "resolve_within": "1m",
    },
    "P2": {
        "acknowledge_within": "4s",
        "first_update_within": "30s",
        "update_every": "30s",
        "resolve_within": "2m",
    },
}
TRIGGERS = {"unresolved 30m": "unresolved 9s", "unresolved 1h": "unresolved 14s"}


def in_seconds(text: str) -> str:
    """The same procedure with short times. Rules, people and clauses stay as they are."""
    document: Any = tomlkit.parse(text)
    for severity in document["severity"]:
        severity.update(SEVERITIES.get(severity["code"], {}))
    for path in document["path"]:
        path["repeat_every"] = "6s"
        for step in path["step"]:
            step["when"] = [TRIGGERS.get(when, when) for when in step["when"]]
    return tomlkit.dumps(document)
