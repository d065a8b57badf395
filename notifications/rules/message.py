"""What is said to a person: plain values, rendered elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """Something to follow from a message."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it goes out. `links` begins with the one to act on; `facts` is JSON for machines."""

    subject: str
    text: str
    html: str = ""
    links: tuple[Link, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owed:
    """What somebody owes by when: "Acknowledge", an instant, the clause that asks for it."""

    what: str
    due_at: datetime
    clause: str = ""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page tells: everything a person half asleep needs, and nothing else.

    `what` is the service's name ("orchestrator"), `why` says why this person ("You are the primary
    on call."), `zone` is the person's time zone, `others` who else is paged now.
    """

    severity: str
    what: str
    title: str
    ref: str
    since: datetime
    why: str
    zone: str = "UTC"
    owed: tuple[Owed, ...] = ()
    others: str = ""
    links: tuple[Link, ...] = ()
    note: str = ""
    drill: bool = False


def message_to_json(message: Message) -> dict[str, Any]:
    """The message as JSON values; `message_from_json` gives it back."""
    return {
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "links": [[link.label, link.url] for link in message.links],
        "facts": dict(message.facts),
    }


def message_from_json(data: Mapping[str, Any]) -> Message:
    return Message(
        subject=data["subject"],
        text=data["text"],
        html=data.get("html", ""),
        links=tuple(Link(label, url) for label, url in data.get("links", [])),
        facts=data.get("facts", {}),
    )
