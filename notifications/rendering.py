"""How messages look: the layout of a page, of a bundle, of a plain note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from notifications.links import phone_url
from notifications.models import PageOut
from notifications.rules.message import Link, Message, PageFacts, ago, clock_time, one_line


def render_page(page_out: PageOut, facts: PageFacts, *, now: datetime) -> Message:
    """The message of a page, for a person half asleep: what, since when, what is owed, the one link.

    Calls nobody and stores nothing but a fresh token when the secret key was changed.
    """
    url = phone_url(page_out)
    drill = "DRILL " if facts.drill else ""
    subject = one_line(f"{drill}{facts.severity} {facts.what}: {facts.title}")
    context: dict[str, Any] = {
        "facts": facts,
        "drill": facts.drill,
        "headline": one_line(facts.title, 300),
        "what": one_line(facts.what, 120),
        "since": clock_time(facts.since, facts.zone, near=now),
        "ago": ago(facts.since, now),
        "owed": [
            {
                "what": owed.what,
                "by": clock_time(owed.due_at, facts.zone, near=now),
                "clause": owed.clause,
                "late": owed.due_at <= now,
                "left": ago(now, owed.due_at),
                "over": ago(owed.due_at, now),
            }
            for owed in facts.owed
        ],
        "why": one_line(facts.why, 300),
        "others": one_line(facts.others, 300),
        "note": facts.note,
        "url": url,
        "links": [
            Link(one_line(link.label, 60), link.url)
            for link in facts.links
            if link.url.startswith(("https://", "http://"))
        ],
    }
    return Message(
        subject=subject,
        text=_tidy(render_to_string("notifications/page.txt", context)),
        html=render_to_string("notifications/page.html", {**context, "subject": subject}),
        links=(Link("Answer", url), *facts.links),
        facts={
            "ref": facts.ref,
            "severity": facts.severity,
            "service": facts.what,
            "title": facts.title,
            "since": facts.since.isoformat(),
            "drill": facts.drill,
            "step": page_out.step_label,
            "clause": page_out.clause,
        },
    )


def render_bundle(messages: Sequence[Message], total: int) -> Message:
    """Several messages to one person as one, in the given order (newest first); `total` counts also
    those that are not spelled out."""
    first = messages[0]
    rest = total - 1
    subject = one_line(f"{one_line(first.subject, 150)} (+ {rest} more)")
    context = {
        "subject": subject,
        "total": total,
        "items": [
            {
                "subject": message.subject,
                "text": message.text,
                "link": message.links[0] if message.links else None,
            }
            for message in messages
        ],
        "unlisted": total - len(messages),
        "home": settings.BASE_URL,
    }
    return Message(
        subject=subject,
        text=_tidy(render_to_string("notifications/bundle.txt", context)),
        html=render_to_string("notifications/bundle.html", context),
        links=tuple(message.links[0] for message in messages if message.links),
        facts={"total": total, "pages": [dict(message.facts) for message in messages]},
    )


def render_digest(messages: Sequence[Message]) -> Message:
    """What waited for a person's business hours, as one message."""
    return _in_full(messages, f"Your day at Watchbill: {len(messages)} things")


def render_notes(messages: Sequence[Message]) -> Message:
    """Several things a person is told, newest first, each in full."""
    first = one_line(messages[0].subject, 150)
    return _in_full(messages, one_line(f"{first} (+ {len(messages) - 1} more)"))


def _in_full(messages: Sequence[Message], subject: str) -> Message:
    if len(messages) == 1:
        return messages[0]
    context = {"subject": subject, "items": messages}
    return Message(
        subject=subject,
        text=_tidy(render_to_string("notifications/digest.txt", context)),
        html=render_to_string("notifications/digest.html", context),
        links=tuple(link for message in messages for link in message.links),
        facts={"messages": [dict(message.facts) for message in messages]},
    )


def with_html(message: Message) -> Message:
    """The message with an HTML part: its own, or one made of its text."""
    if message.html:
        return message
    return Message(
        subject=message.subject,
        text=message.text,
        html=render_to_string("notifications/note.html", {"message": message}),
        links=message.links,
        facts=message.facts,
    )


def code_message(code: str, minutes: int) -> Message:
    """The message that carries the code which verifies a contact method."""
    return Message(
        subject=f"{code} is your Watchbill code",
        text=render_to_string("notifications/code.txt", {"code": code, "minutes": minutes}),
        html=render_to_string("notifications/code.html", {"code": code, "minutes": minutes}),
        facts={"code": code},
    )


def _tidy(text: str) -> str:
    """No more than one empty line in a row, none at the ends."""
    lines: list[str] = []
    for line in text.splitlines():
        stripped = line.rstrip()
        if stripped or (lines and lines[-1]):
            lines.append(stripped)
    return "\n".join(lines).strip() + "\n"
