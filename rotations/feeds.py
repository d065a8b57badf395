"""Shifts as an iCalendar (RFC 5545), for the calendars people already look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from rotations.enums import Why

REFRESH = timedelta(hours=1)
PRODUCT = "-//Watchbill//Shifts//EN"
WHY = {
    Why.ROTA: "By turn.",
    Why.OVERRIDE: "By an override.",
    Why.SWAP: "By a swap.",
    Why.TAKE_OVER: "Taken over.",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One shift as a calendar shows it. `uid` and `sequence` are the shift's own."""

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    url: str
    level: str


def described(
    starts_at: datetime, ends_at: datetime, *, why: str, reason: str, zone: ZoneInfo
) -> str:
    """Why and when, on the wall clock of the zone."""
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    span = f"{start:%a} {start.day} {start:%b %H:%M %Z} to {end:%a} {end.day} {end:%b %H:%M %Z}."
    return "\n".join(part for part in (f"{WHY[Why(why)]} {span}", reason) if part)


def calendar_text(name: str, entries: Iterable[Entry], *, now: datetime) -> bytes:
    """The calendar as it is sent. Instants stand in UTC: they are worked out on the rota's wall clock already, each
    reader's calendar shows them in its own zone, and no client can read an old zone's rules into them.

    Without METHOD, as in anything subscribed to. An event makes nobody look busy.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry in entries:
        event = Event()
        event.add("uid", entry.uid)
        event.add("dtstamp", now)
        event.add("sequence", entry.sequence)
        event.add("dtstart", entry.starts_at)
        event.add("dtend", entry.ends_at)
        event.add("summary", entry.summary)
        event.add("description", entry.description)
        event.add("url", entry.url)
        event.add("categories", ["On call", entry.level])
        event.add("status", "CONFIRMED")
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def mark_of(name: str, entries: Iterable[Entry]) -> str:
    """A weak ETag: the same as long as the calendar says the same, whenever it is made."""
    said = repr((name, list(entries)))
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def summary_of(rota: str, team: str, names: Mapping[int, str], user_id: int, own: bool) -> str:
    """In one's own calendar what one holds; in a rota's who holds it."""
    return f"On call: {team}, {rota}" if own else f"{names.get(user_id, 'Somebody')}: {rota}"
