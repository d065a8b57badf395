"""What an alert means here: its severity, its kind, its service, its group. Data decides, never constants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.enums import AlertKind
from alerts.rules import cleaning
from alerts.rules.facts import AlertFacts

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the integration's data say of an alert."""

    severity: str
    kind: AlertKind
    title: str
    rule: str


@dataclass(frozen=True, slots=True)
class Judge:
    """The part of an integration that judges: words to severities, labels that mean *security*."""

    name: str
    severity_map: Mapping[str, str]
    severity_labels: Sequence[str]
    default_severity: str
    security_labels: Mapping[str, Sequence[str]]
    service_labels: Sequence[str]

    def judge(self, facts: AlertFacts) -> Verdict:
        """The verdict. An alert without a title is named after its rule, or after the integration."""
        title = facts.title or facts.rule or f"An alert from {self.name}"
        return Verdict(self._severity(facts), self._kind(facts), title, rule_of(facts, title))

    def services(self, facts: AlertFacts) -> list[str]:
        """The slugs that the alert's labels may mean, in the order of the integration's label names."""
        named = [facts.labels.get(name, "") for name in self.service_labels]
        if "source" in self.service_labels:
            named.append(facts.source)
        return list(dict.fromkeys(slug for value in named for slug in _slugs(value)))

    def _severity(self, facts: AlertFacts) -> str:
        """The source's own word first, then the labels; the integration's default when none is known."""
        words = [facts.severity, *(facts.labels.get(name, "") for name in self.severity_labels)]
        known = {word.lower(): code for word, code in self.severity_map.items()}
        codes = {
            code.lower(): code for code in [*self.severity_map.values(), self.default_severity]
        }
        for word in words:
            found = known.get(word.lower()) or codes.get(word.lower())
            if found:
                return found
        return self.default_severity

    def _kind(self, facts: AlertFacts) -> AlertKind:
        for name, values in self.security_labels.items():
            value = facts.labels.get(name, "").lower()
            if value and value in {wanted.lower() for wanted in values}:
                return AlertKind.SECURITY
        return AlertKind.STANDARD


def rule_of(facts: AlertFacts, title: str) -> str:
    """What fired. Without a rule's name it is the title without its numbers: "CPU #% on web-#"."""
    return facts.rule[:200] or _DIGITS.sub("#", title)[:200]


def group_key(*, service_id: int, rule: str, kind: str, drill_of: int | None = None) -> str:
    """Alerts with the same key belong to one incident while it is active. A drill is by itself."""
    if drill_of is not None:
        return f"drill:{drill_of}"
    return f"{service_id}:{kind}:{cleaning.digest(rule)}"


def still_together(last_at: datetime, *, window: timedelta, now: datetime) -> bool:
    """Whether a new alert joins a group whose last alert came at `last_at`. A window of nothing never ends."""
    return not window or now - last_at <= window


def worse(one: str, other: str) -> bool:
    """Whether severity `one` is worse than `other`: P1 before P2."""
    return bool(one) and bool(other) and one < other


def _slugs(value: str) -> list[str]:
    lowered = value.strip().lower()
    plain = re.sub(r"[^a-z0-9_-]+", "-", lowered).strip("-")
    return [slug for slug in dict.fromkeys((lowered, plain)) if slug and len(slug) <= 80]
