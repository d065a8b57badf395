"""What every reader hands to the intake: one event about one alert, in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.enums import Action


@dataclass(frozen=True, slots=True)
class Link:
    """An address the alert brought along; `kind` is runbook, dashboard, panel, source, silence, image or link."""

    kind: str
    label: str
    href: str

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "label": self.label, "href": self.href}


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """One event about one alert: cleaned, but not yet judged.

    `severity` is the source's own word. `rule` names what fired, so that the alerts of one rule can
    be one incident. `document` is the event as it was parsed: it is cleaned only when it is kept.
    """

    dedup_key: str
    action: Action = Action.TRIGGER
    title: str = ""
    description: str = ""
    severity: str = ""
    rule: str = ""
    source: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    started_at: datetime | None = None
    document: Any = None


class Unreadable(Exception):
    """The body cannot be read at all. `errors` say what is wrong, for the sender."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)


class TooLarge(Exception):
    """The body is larger than what is taken, packed or unpacked."""
