"""What Alertmanager and Grafana share: a group of alerts, each with labels and annotations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from alerts.enums import Action
from alerts.rules import cleaning
from alerts.rules.facts import AlertFacts, Link, Unreadable

Reader = Callable[[Mapping[str, Any], Mapping[str, Any]], AlertFacts]


def each_alert(document: object, reader: Reader) -> list[AlertFacts]:
    """Reads every alert of a group; one that cannot be read is itself an alert, the rest is kept.

    Raises Unreadable where there is no group at all.
    """
    if not isinstance(document, Mapping):
        raise Unreadable(f"A JSON object is expected, not {_name_of(document)}.")
    entries = document.get("alerts")
    if isinstance(entries, Mapping):
        entries = [entries]
    if not isinstance(entries, list):
        raise Unreadable("'alerts' is missing: a list of alerts is expected there.")
    return [_one(entry, document, reader) for entry in entries]


def _one(entry: object, group: Mapping[str, Any], reader: Reader) -> AlertFacts:
    if isinstance(entry, Mapping):
        return reader(entry, group)
    return unreadable(entry, f"it is {_name_of(entry)}, not an object")


def unreadable(entry: object, why: str) -> AlertFacts:
    """An alert that says that one of a group could not be read."""
    content = json.dumps(entry, sort_keys=True, default=str)
    return AlertFacts(
        dedup_key=f"unreadable:{cleaning.digest(content)}",
        title=f"An alert of the group could not be read: {why}",
        rule="unreadable alert",
        document=entry,
    )


def facts_of(
    entry: Mapping[str, Any],
    group: Mapping[str, Any],
    *,
    links: tuple[Link, ...],
) -> AlertFacts:
    """One alert of a group, with the links its kind knows."""
    labels = cleaning.labels(entry.get("labels"))
    annotations = cleaning.labels(entry.get("annotations"))
    status = str(entry.get("status") or group.get("status") or "firing").lower()
    rule = labels.get("alertname", "")
    if rule in {"DatasourceNoData", "DatasourceError"}:
        rule = labels.get("rulename", rule)
    where = labels.get("instance", "")
    summary = annotations.get("summary") or annotations.get("title") or annotations.get("message")
    fallback = f"{rule} on {where}" if rule and where else rule
    return AlertFacts(
        dedup_key=cleaning.key(entry.get("fingerprint"))
        or f"labels:{_fingerprint(entry.get('labels'))}",
        action=Action.RESOLVE if status == "resolved" else Action.TRIGGER,
        title=cleaning.line(summary or fallback),
        description=annotations.get("description", ""),
        severity=labels.get("severity") or labels.get("priority") or "",
        rule=rule,
        source=where,
        labels=labels,
        links=links,
        started_at=cleaning.instant(entry.get("startsAt")),
        document=entry,
    )


def annotation_links(entry: Mapping[str, Any]) -> list[Link]:
    """The addresses people write into annotations: runbook_url, dashboard_url and their like."""
    annotations = entry.get("annotations")
    if not isinstance(annotations, Mapping):
        return []
    found = []
    for name, kind in _ANNOTATED.items():
        href = cleaning.href(annotations.get(name))
        if href:
            found.append(Link(kind, kind.capitalize(), href))
    return found


def link(kind: str, label: str, value: object) -> list[Link]:
    """A list of one link, or of none when the value is no web address."""
    href = cleaning.href(value)
    return [Link(kind, cleaning.line(label, 120) or kind.capitalize(), href)] if href else []


_ANNOTATED = {
    "runbook_url": "runbook",
    "runbook": "runbook",
    "dashboard_url": "dashboard",
    "dashboard": "dashboard",
    "panel_url": "panel",
    "logs_url": "logs",
}


def _fingerprint(labels: object) -> str:
    return cleaning.digest(json.dumps(labels, sort_keys=True, default=str))


def _name_of(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(type(value), "a number")
