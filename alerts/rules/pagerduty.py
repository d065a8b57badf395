"""PagerDuty's Events API v2: what a client of it sends, read the way PagerDuty reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerts.enums import Action
from alerts.rules import cleaning
from alerts.rules.facts import AlertFacts, Link, Unreadable
from alerts.rules.groups import link

SEVERITIES = ("critical", "warning", "error", "info")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: whose it is, and what it says. `dedup_key` is the client's own, '' when it gave none."""

    routing_key: str
    dedup_key: str
    facts: AlertFacts


def routing_key(document: object) -> str:
    """The integration key an event carries. Raises Unreadable for what is no event, or has none."""
    if not isinstance(document, Mapping):
        raise Unreadable("The event must be a JSON object")
    found = document.get("routing_key") or document.get("service_key")
    if not isinstance(found, str) or not found.strip():
        raise Unreadable("'routing_key' is missing or blank")
    return found.strip()


def read(document: object, *, fresh_key: str) -> Event:
    """The event. A trigger without a dedup key gets `fresh_key`, as PagerDuty makes one.

    Raises Unreadable with every fault: an unknown action, a missing summary, source or severity, an
    acknowledgment or resolution that does not say of what.
    """
    key = routing_key(document)
    if not isinstance(document, Mapping):
        raise Unreadable("The event must be a JSON object")
    faults: list[str] = []
    action = _action(document, faults)
    own_key = document.get("dedup_key") or document.get("incident_key")
    own_key = "" if own_key is None or isinstance(own_key, (dict, list)) else str(own_key)
    if action != Action.TRIGGER:
        if not own_key and not faults:
            faults.append("'dedup_key' is missing or blank")
        if faults or action is None:
            raise Unreadable(*faults)
        return Event(key, own_key, AlertFacts(dedup_key=cleaning.key(own_key), action=action))
    payload = _payload(document, faults)
    if faults:
        raise Unreadable(*faults)
    facts = _trigger(document, payload, cleaning.key(own_key) or fresh_key)
    return Event(key, own_key or fresh_key, facts)


def without_keys(raw: bytes, document: object) -> bytes:
    """The body as it came, its keys blotted out. Nothing of one in which they do not stand plainly, but
    escaped or in another encoding: nobody could say that they are gone."""
    found = document if isinstance(document, Mapping) else {}
    for key in {found[name] for name in _SECRET if isinstance(found.get(name), str)} - {""}:
        plain = key.encode("utf-8", "surrogatepass")
        if plain not in raw:
            return b""
        raw = raw.replace(plain, b"...")
    return raw


def _action(document: Mapping[str, Any], faults: list[str]) -> Action | None:
    value = document.get("event_action") or document.get("event_type")
    try:
        return Action(str(value).lower())
    except ValueError:
        faults.append(
            "'event_action' is missing or invalid (must be one of the following: 'trigger', "
            "'acknowledge', 'resolve')"
        )
        return None


def _payload(document: Mapping[str, Any], faults: list[str]) -> Mapping[str, Any]:
    payload = document.get("payload")
    if not isinstance(payload, Mapping):
        faults.append("'payload' is missing or blank")
        return {}
    faults.extend(
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source", "severity")
        if not cleaning.line(payload.get(name))
    )
    severity = cleaning.line(payload.get("severity")).lower()
    if severity and severity not in SEVERITIES:
        allowed = ", ".join(f"'{name}'" for name in SEVERITIES)
        faults.append(f"'payload.severity' is invalid (must be one of the following: {allowed})")
    return payload


def _trigger(document: Mapping[str, Any], payload: Mapping[str, Any], key: str) -> AlertFacts:
    details = payload.get("custom_details")
    labels = cleaning.labels(details)
    for name in ("source", "component", "group", "class"):
        value = cleaning.text(payload.get(name), cleaning.LABEL_LENGTH)
        if value:
            labels[name] = value
    return AlertFacts(
        dedup_key=key,
        title=cleaning.line(payload.get("summary")),
        description=_description(payload, details),
        severity=cleaning.line(payload.get("severity")).lower(),
        rule=labels.get("class", "") or labels.get("alertname", ""),
        source=labels.get("source", ""),
        labels=labels,
        links=tuple(_links(document)),
        started_at=cleaning.instant(payload.get("timestamp")),
        document={name: value for name, value in document.items() if name not in _SECRET},
    )


def _description(payload: Mapping[str, Any], details: object) -> str:
    summary = cleaning.text(payload.get("summary"))
    parts = [summary] if len(summary) > cleaning.TITLE_LENGTH else []
    if isinstance(details, Mapping):
        parts.append(cleaning.text(details.get("description")))
    else:
        parts.append(cleaning.text(details))
    return "\n".join(part for part in parts if part)


def _links(document: Mapping[str, Any]) -> list[Link]:
    found: list[Link] = []
    for entry in _objects(document.get("links")):
        label = cleaning.line(entry.get("text"), 120)
        kind = "runbook" if "runbook" in label.lower() else "link"
        found += link(kind, label or "Link", entry.get("href"))
    for entry in _objects(document.get("images")):
        label = cleaning.line(entry.get("alt"), 120) or "Picture"
        found += link("image", label, entry.get("src"))
        found += link("link", label, entry.get("href"))
    name = cleaning.line(document.get("client"), 120)
    return found + link("source", name or "Source", document.get("client_url"))


def _objects(value: object) -> list[Mapping[str, Any]]:
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries[:20] if isinstance(entry, Mapping)]


_SECRET = {"routing_key", "service_key"}
