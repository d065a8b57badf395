"""What is said to a person: plain values, rendered elsewhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


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
    on call."), `zone` is the person's time zone, `others` names who else is called.
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


HIDDEN = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Characters that turn or hide text: they have no place in what a sleepy person must trust."""


def one_line(text: str, limit: int = 180) -> str:
    """The text on one line, fit for a mail header: no control, line break or direction characters."""
    visible = "".join(
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} else character
        for character in text[: limit * 10]
        if character not in HIDDEN
    )
    words = " ".join(visible.split())
    return words if len(words) <= limit else f"{words[: limit - 1].rstrip()}…"


def clock_time(at: datetime, zone: str, *, near: datetime) -> str:
    """An instant on a person's wall clock: "03:10 CET", with the day when it is another than `near`'s."""
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = ZoneInfo("UTC")
    local = at.astimezone(place)
    text = f"{local:%H:%M} {local.tzname()}"
    return text if local.date() == near.astimezone(place).date() else f"{local:%a %-d %b} {text}"


def ago(since: datetime, now: datetime) -> str:
    """How long something lasts: "4 min", "2 h 10 min", "3 days"."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{minutes // (24 * 60)} days"
