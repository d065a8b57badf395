"""The words of the pages: instants, clocks, severities, clauses, in one form everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from deadlines.enums import Nature, State
from deadlines.models import Deadline

register = template.Library()

UTC_ZONE = ZoneInfo("UTC")
SHAPES = {1: "◆", 2: "▲", 3: "■", 4: "●"}


def length(seconds: float) -> str:
    """A stretch of time in words: 45 s, 4 min 10 s, 1 h 05 min, 3 d 2 h. The sign is left to the caller."""
    total = int(abs(seconds))
    days, hours, minutes, rest = (
        total // 86400,
        total % 86400 // 3600,
        total % 3600 // 60,
        total % 60,
    )
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes >= 10:
        return f"{minutes} min"
    if minutes:
        return f"{minutes} min {rest:02} s"
    return f"{rest} s"


def absolute(instant: datetime, zone: ZoneInfo = UTC_ZONE) -> str:
    """The instant in a person's zone, with UTC beside it where the two differ."""
    local = instant.astimezone(zone)
    said = f"{local:%a} {local.day} {local:%b %Y %H:%M:%S %Z}"
    if local.utcoffset():
        said += f" ({instant.astimezone(UTC_ZONE):%H:%M} UTC)"
    return said


def zone_of(context: Context) -> ZoneInfo:
    zone = context.get("zone")
    return zone if isinstance(zone, ZoneInfo) else UTC_ZONE


@register.simple_tag(takes_context=True)
def ago(context: Context, instant: datetime | None) -> SafeString:
    """`3 min ago`, kept true by clocks.js; the absolute instant on hover and for screen readers."""
    if instant is None:
        return mark_safe("–")
    gone = (context["now"] - instant).total_seconds()
    said = (
        "just now" if abs(gone) < 5 else f"in {length(gone)}" if gone < 0 else f"{length(gone)} ago"
    )
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        instant.astimezone(UTC_ZONE).isoformat(),
        absolute(instant, zone_of(context)),
        said,
    )


@register.simple_tag(takes_context=True)
def at(context: Context, instant: datetime | None, form: str = "day") -> SafeString | str:
    """The instant in the reader's zone: `time` 03:30, `day` Sun 8 Mar 03:30, `full` with date and zone."""
    if instant is None:
        return "–"
    zone = zone_of(context)
    local = instant.astimezone(zone)
    shown = {
        "time": f"{local:%H:%M}",
        "seconds": f"{local:%H:%M:%S}",
        "day": f"{local:%a} {local.day} {local:%b %H:%M}",
        "full": absolute(instant, zone),
    }[form]
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        instant.astimezone(UTC_ZONE).isoformat(),
        absolute(instant, zone),
        shown,
    )


@register.simple_tag(takes_context=True)
def countdown(context: Context, due_at: datetime, form: str = "owed") -> SafeString:
    """A ticking clock to an instant: `4 min 10 s left`, or `2 min 05 s past due` in red.

    `plain` is for what comes by itself and is no promise of a person: `in 4 min 10 s`.
    """
    if form == "plain":
        return ago(context, due_at)
    left = (due_at - context["now"]).total_seconds()
    return format_html(
        '<time class="clock{}" datetime="{}" title="{}" data-due="{}">{}</time>',
        " late" if left < 0 else "",
        due_at.astimezone(UTC_ZONE).isoformat(),
        absolute(due_at, zone_of(context)),
        due_at.astimezone(UTC_ZONE).isoformat(),
        f"{length(left)} past due" if left < 0 else f"{length(left)} left",
    )


@register.simple_tag(takes_context=True)
def clock(context: Context, deadline: Deadline) -> SafeString:
    """How one promise stands: its running clock, or how it ended, in plain words."""
    done = deadline.fulfilled_at or deadline.settled_at
    if deadline.state == State.PENDING:
        return countdown(context, deadline.due_at)
    if deadline.state == State.PAUSED:
        left = deadline.remaining.total_seconds() if deadline.remaining else 0
        return format_html('<span class="clock paused">stopped, {} left</span>', length(left))
    if deadline.state == State.MISSED:
        if deadline.fulfilled_at is None:
            if deadline.nature == Nature.DUTY:
                return countdown(context, deadline.due_at)
            return mark_safe('<span class="late">missed</span>')
        return format_html('<span class="late">came {} late</span>', length(deadline.late_by or 0))
    if deadline.state == State.MET:
        late = deadline.late_by or 0
        if late >= 2:
            return format_html("<span>done {} late</span>", length(late))
        return format_html("<span>done {}</span>", at(context, done, "time"))
    return format_html("<span>{}</span>", deadline.state)


@register.simple_tag
def since(instant: datetime, start: datetime) -> str:
    """How long after the start: `at once`, `+30 min`."""
    gone = (instant - start).total_seconds()
    return "at once" if gone < 1 else f"+{length(gone)}"


@register.filter
def duration(value: timedelta | float | None) -> str:
    """A length of time in words, of a timedelta or of seconds."""
    if value is None:
        return "–"
    return length(value.total_seconds() if isinstance(value, timedelta) else value)


@register.simple_tag
def severity(code: str, rank: int | None = None, name: str = "") -> SafeString:
    """The severity's badge: colour, shape and word say the same."""
    place = rank if rank is not None else rank_of(code)
    return format_html(
        '<span class="sev sev-{}"><span class="shape" aria-hidden="true">{}</span>{}{}</span>',
        place,
        SHAPES.get(place, "●"),
        code,
        f" {name}" if name else "",
    )


def rank_of(code: str) -> int:
    """The rank a code like P2 says by itself, for lists over many procedures; 4 when it says none."""
    digits = "".join(character for character in code if character.isdigit())
    return min(max(int(digits), 1), 4) if digits else 4


@register.simple_tag(takes_context=True)
def clause(context: Context, ids: str | None) -> SafeString | str:
    """Small links to the clauses that ask for something: `C27` or `C73 X17`.

    A page about a procedure other than the first says so by `procedure_slug`.
    """
    page = reverse("procedures:clauses")
    if slug := context.get("procedure_slug"):
        page += f"?procedure={slug}"
    links: list[SafeString] = []
    for one in (ids or "").replace(",", " ").split():
        links.append(
            format_html(
                '<a class="clause" href="{}#{}" title="The clause of the procedure">{}</a>',
                page,
                one,
                one,
            )
        )
    return mark_safe(" ".join(links))  # noqa: S308 - joined from escaped parts


@register.simple_tag
def holder(incident: Any) -> str:
    """Who has an incident, or whose it is while nobody has acknowledged it."""
    if incident.owner is None:
        return "nobody has it yet"
    waits = incident.status == "triggered"
    return f"waits for {incident.owner}" if waits else f"{incident.owner} has it"


@register.simple_tag
def icon(name: str) -> SafeString:
    """A sign beside a word; it says nothing by itself."""
    return format_html('<span class="i i-{}" aria-hidden="true"></span>', name)


STATES = {
    "good": {"sent", "delivered", "met", "resolved", "closed", "acknowledged", "accepted", "ok"},
    "bad": {"failed", "missed", "quarantined", "unreachable", "triggered", "firing", "exhausted"},
    "wait": {"held", "paused", "pending", "sending", "mitigated", "waived", "bundled"},
}


@register.simple_tag
def state(value: Any) -> SafeString:
    """The word of a state, tinted by how it stands."""
    word = str(value)
    tint = next((tint for tint, words in STATES.items() if word in words), "")
    return format_html('<span class="state {}">{}</span>', tint, word.replace("_", " "))
