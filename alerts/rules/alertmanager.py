"""Prometheus Alertmanager's webhook, version 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.rules.facts import AlertFacts
from alerts.rules.groups import annotation_links, each_alert, facts_of, link


def read(document: object) -> list[AlertFacts]:
    """Every alert of the group, keyed by its fingerprint. An empty group is no alert and no error."""
    return each_alert(document, _alert)


def _alert(entry: Mapping[str, Any], group: Mapping[str, Any]) -> AlertFacts:
    links = [
        *annotation_links(entry),
        *link("source", "Prometheus", entry.get("generatorURL")),
        *link("silence", "Alertmanager", group.get("externalURL")),
    ]
    return facts_of(entry, group, links=tuple(links))
