"""Grafana's alerting webhook (unified alerting), with the addresses only Grafana knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerts.rules import cleaning
from alerts.rules.facts import AlertFacts
from alerts.rules.groups import annotation_links, each_alert, facts_of, link


def read(document: object) -> list[AlertFacts]:
    """Every alert of the group, keyed by its fingerprint, with its panel, dashboard and measured values."""
    return each_alert(document, _alert)


def _alert(entry: Mapping[str, Any], group: Mapping[str, Any]) -> AlertFacts:
    links = [
        *annotation_links(entry),
        *link("dashboard", "Dashboard", entry.get("dashboardURL")),
        *link("panel", "Panel", entry.get("panelURL")),
        *link("source", "Alert rule", entry.get("generatorURL")),
        *link("silence", "Silence", entry.get("silenceURL")),
        *link("image", "Picture of the panel", entry.get("imageURL")),
    ]
    facts = facts_of(entry, group, links=tuple(links))
    measured = _measured(entry)
    if not measured:
        return facts
    description = f"{facts.description}\n{measured}" if facts.description else measured
    return replace(facts, description=cleaning.text(description))


def _measured(entry: Mapping[str, Any]) -> str:
    """The values as text, "B = 44.2, C = 1"; Grafana's own sentence where there are none."""
    values = entry.get("values")
    if isinstance(values, Mapping) and values:
        pairs = [f"{name} = {value}" for name, value in list(cleaning.labels(values).items())[:20]]
        return ", ".join(pairs)
    return cleaning.text(entry.get("valueString"), 500)
