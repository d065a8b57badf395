"""Any JSON, through a mapping kept with the integration; without one, by the usual names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.enums import Action
from alerts.rules import cleaning
from alerts.rules.facts import AlertFacts, Link
from alerts.rules.groups import link, unreadable

# Where each fact usually stands, the first that says something wins. Dots walk into objects and lists.
USUAL: dict[str, tuple[str, ...]] = {
    "title": ("title", "summary", "message", "subject", "name", "alertname", "text", "check"),
    "description": ("description", "details", "body"),
    "dedup_key": ("dedup_key", "fingerprint", "alert_id", "incident_key", "alias", "id", "key"),
    "severity": ("severity", "priority", "level", "labels.severity"),
    "state": ("event_action", "action", "status", "state", "event"),
    "rule": ("rule", "rule_name", "ruleName", "alertname", "monitor", "check", "labels.alertname"),
    "service": ("service", "app", "application", "component", "labels.service"),
    "source": ("source", "host", "hostname", "instance"),
    "labels": ("labels", "tags"),
    "started_at": ("started_at", "startsAt", "timestamp", "time", "created_at"),
    "runbook": ("runbook_url", "runbook"),
    "dashboard": ("dashboard_url", "dashboardURL"),
    "panel": ("panel_url", "panelURL"),
    "link": ("url", "link", "href"),
}
LINKS = {"runbook": "Runbook", "dashboard": "Dashboard", "panel": "Panel", "link": "Source"}
RESOLVED = (
    "resolve",
    "resolved",
    "ok",
    "recovered",
    "recovery",
    "up",
    "closed",
    "cleared",
    "normal",
    "healthy",
)
ACKNOWLEDGED = ("acknowledge", "acknowledged", "ack")


def read(document: object, mapping: Mapping[str, Any]) -> list[AlertFacts]:
    """The alerts of the document. `mapping` names for each fact the path where it stands.

    Beside the facts it may hold "items" (the path of a list, one alert each), "resolved" and
    "acknowledged" (the words of the state that mean so). Whatever the document is, it is an alert.
    """
    items: object = document
    path = mapping.get("items")
    if path:
        items = _at(document, str(path))
        items = document if items is None else items
    entries = items if isinstance(items, list) else [items]
    return [_alert(entry, mapping) for entry in entries]


def faults(mapping: object) -> list[str]:
    """What is wrong with a mapping, each fault named by its key; none when it can be used."""
    if not isinstance(mapping, Mapping):
        return ["The mapping must be an object, such as {“title”: “event.message”}."]
    found = []
    for name, value in mapping.items():
        if name in {"resolved", "acknowledged"}:
            if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
                found.append(f"“{name}” takes a list of words.")
        elif name != "items" and name not in USUAL:
            known = ", ".join([*USUAL, "items", "resolved", "acknowledged"])
            found.append(f"“{name}” is unknown; known are {known}.")
        elif not isinstance(value, str) or not value.strip():
            found.append(f"“{name}” takes a path, such as “event.message”.")
    return found


def _alert(entry: object, mapping: Mapping[str, Any]) -> AlertFacts:
    if not isinstance(entry, Mapping):
        said = cleaning.line(entry)
        if not said:
            return unreadable(entry, "it is empty")
        return AlertFacts(dedup_key=f"text:{cleaning.digest(said)}", title=said, document=entry)

    def fact(name: str) -> Any:
        return _fact(entry, name, mapping)

    labels = _labels(entry, mapping)
    title = cleaning.line(fact("title"))
    rule = cleaning.line(fact("rule"), 200)
    source = cleaning.line(fact("source"), 200)
    given = cleaning.key(fact("dedup_key"))
    made = cleaning.digest("\x1f".join((rule, title, source, labels.get("service", ""))))
    return AlertFacts(
        dedup_key=given or f"made:{made}",
        action=_action(fact("state"), mapping),
        title=title or rule,
        description=cleaning.text(fact("description")),
        severity=cleaning.line(fact("severity"), 60),
        rule=rule,
        source=source,
        labels=labels,
        links=tuple(_links(entry, mapping)),
        started_at=cleaning.instant(fact("started_at")),
        document=entry,
    )


def _labels(entry: Mapping[str, Any], mapping: Mapping[str, Any]) -> dict[str, str]:
    labels = cleaning.labels(_fact(entry, "labels", mapping))
    service = cleaning.line(_fact(entry, "service", mapping), 200)
    if service:
        labels["service"] = service
    return labels


def _links(entry: Mapping[str, Any], mapping: Mapping[str, Any]) -> list[Link]:
    found: list[Link] = []
    for name, label in LINKS.items():
        kind = "source" if name == "link" else name
        found += link(kind, label, _fact(entry, name, mapping))
    return found


def _fact(entry: Mapping[str, Any], name: str, mapping: Mapping[str, Any]) -> Any:
    path = mapping.get(name)
    if isinstance(path, str):
        return _at(entry, path)
    for usual in USUAL[name]:
        value = _at(entry, usual)
        if value not in (None, "", [], {}):
            return value
    return None


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part[:6]) < len(value):
            value = value[int(part[:6])]
        else:
            return None
    return value


def _action(state: object, mapping: Mapping[str, Any]) -> Action:
    word = cleaning.line(state, 60).lower()
    if word in _words(mapping, "resolved", RESOLVED):
        return Action.RESOLVE
    if word in _words(mapping, "acknowledged", ACKNOWLEDGED):
        return Action.ACKNOWLEDGE
    return Action.TRIGGER


def _words(mapping: Mapping[str, Any], name: str, usual: tuple[str, ...]) -> set[str]:
    given = mapping.get(name)
    return {str(word).lower() for word in given} if isinstance(given, list) else set(usual)
