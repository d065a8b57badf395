"""What people are told of the roster, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.rules.message import Link, Message, clock_time
from rotations.rules.turns import Notice, Turning

MOST_LINES = 12
ON_TIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it, when, and what the words need: the team's name, the rotas' names, addresses.

    `links` are the rotas' pages by id, `shifts` the page of the reader's own.
    """

    zone: str
    now: datetime
    team: str
    rotas: Mapping[int, str]
    links: Mapping[int, str]
    shifts: str

    def at(self, at: datetime) -> str:
        return clock_time(at, self.zone, near=self.now)

    def span(self, starts_at: datetime, ends_at: datetime) -> str:
        """ "now until Mon 30 Nov 09:00 CET", "Mon 23 Nov 09:00 CET to Mon 30 Nov 09:00 CET"."""
        if starts_at <= self.now:
            return f"now until {self.at(ends_at)}"
        return f"{self.at(starts_at)} to {self.at(ends_at)}"

    def links_to(self, rota_ids: Sequence[int | None]) -> tuple[Link, ...]:
        found = [Link("My shifts", self.shifts)] if self.shifts else []
        for rota_id in dict.fromkeys(rota_ids):
            if rota_id is not None and rota_id in self.links:
                found.append(Link(self.rotas[rota_id], self.links[rota_id]))
        return tuple(found)


type Span = tuple[int, datetime, datetime]


def moved(reader: Reader, before: Sequence[Span], after: Sequence[Span], said: str) -> Message:
    """One person's shifts have changed: what they were, what they are now. Each (rota, from, until)."""
    rota_ids = sorted({rota_id for rota_id, _, _ in (*before, *after)})
    names = ", ".join(reader.rotas[rota_id] for rota_id in rota_ids)
    links = reader.links_to(rota_ids)
    return Message(
        subject=f"Your shifts have changed: {names}",
        text="\n".join(
            [
                said or f"The roster of {reader.team} has changed, and with it your shifts.",
                "",
                "Before:",
                *_lines(reader, before),
                "",
                "Now:",
                *_lines(reader, after),
                "",
                *_addresses(links),
            ]
        ),
        links=links,
        facts={"before": _facts(before), "after": _facts(after)},
    )


def _lines(reader: Reader, spans: Sequence[Span]) -> list[str]:
    lines = [
        f"  {reader.rotas[rota_id]}: {reader.span(starts_at, ends_at)}"
        for rota_id, starts_at, ends_at in spans[:MOST_LINES]
    ]
    if len(spans) > MOST_LINES:
        lines.append(
            f"  and {len(spans) - MOST_LINES} more, the last until {reader.at(spans[-1][2])}"
        )
    return lines or ["  nothing"]


def _facts(spans: Sequence[Span]) -> list[dict[str, object]]:
    return [
        {"rota": rota_id, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
        for rota_id, starts_at, ends_at in spans
    ]


HEADS = {
    Turning.ON: "You are on call now",
    Turning.OFF: "You are off call",
    Turning.HOUR: "You are on call in an hour",
    Turning.DAY: "You are on call tomorrow",
}


def turning(reader: Reader, notices: Sequence[Notice]) -> Message:
    """Everything there is to say to one person at an instant, what begins first."""
    parts, heads = [], []
    for what in HEADS:
        own = [notice for notice in notices if notice.what == what]
        if not own:
            continue
        names = ", ".join(dict.fromkeys(reader.rotas[notice.turn.rota_id] for notice in own))
        heads.append(f"{_head(what, own, reader)}: {names}")
        parts += [
            f"{_head(what, own, reader)}.",
            *(f"  {reader.rotas[one.turn.rota_id]}: {_when(reader, one)}" for one in own),
            "",
        ]
    links = reader.links_to([notice.turn.rota_id for notice in notices])
    return Message(
        subject="; ".join(heads),
        text="\n".join([*parts, *_addresses(links)]),
        links=links,
        facts={
            "turns": [
                {
                    "what": notice.what.value,
                    "rota": notice.turn.rota_id,
                    "starts_at": notice.turn.starts_at.isoformat(),
                    "ends_at": notice.turn.ends_at.isoformat(),
                }
                for notice in notices
            ]
        },
    )


def _head(what: Turning, notices: Sequence[Notice], reader: Reader) -> str:
    """A reminder that comes late says when, not how long it would have been."""
    on_time = all(reader.now - notice.at < ON_TIME for notice in notices)
    if what in (Turning.HOUR, Turning.DAY) and not on_time:
        starts = min(notice.turn.starts_at for notice in notices)
        return f"You are on call from {reader.at(starts)}"
    return HEADS[what]


def _when(reader: Reader, notice: Notice) -> str:
    turn = notice.turn
    if notice.what == Turning.OFF:
        return f"since {reader.at(turn.ends_at)}"
    if notice.what == Turning.ON:
        return f"until {reader.at(turn.ends_at)}"
    return f"from {reader.at(turn.starts_at)} until {reader.at(turn.ends_at)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach as a manager is told of it."""

    said: str
    clause: str
    starts_at: datetime
    ends_at: datetime
    rota_id: int | None


def found(reader: Reader, findings: Sequence[Finding]) -> Message:
    """What has appeared in a published roster by itself."""
    count = len(findings)
    what = "1 thing breaks" if count == 1 else f"{count} things break"
    links = reader.links_to([finding.rota_id for finding in findings])
    return Message(
        subject=f"The roster of {reader.team}: {what} the procedure",
        text="\n".join(
            [
                f"{what.capitalize()} the procedure in the roster of {reader.team}:",
                "",
                *(f"  {_finding(reader, finding)}" for finding in findings[:MOST_LINES]),
                *([f"  and {count - MOST_LINES} more"] if count > MOST_LINES else []),
                "",
                "Mend it with an override, a swap or another plan, or waive it with a reason.",
                "",
                *_addresses(links),
            ]
        ),
        links=links,
        facts={"breaches": count},
    )


def gone(reader: Reader, findings: Sequence[Finding]) -> Message:
    """What managers were told of is no more."""
    return Message(
        subject=f"The roster of {reader.team}: mended",
        text="\n".join(
            [
                f"Is no more in the roster of {reader.team}:",
                "",
                *(f"  {_finding(reader, finding)}" for finding in findings[:MOST_LINES]),
                *(
                    [f"  and {len(findings) - MOST_LINES} more"]
                    if len(findings) > MOST_LINES
                    else []
                ),
                "",
            ]
        ),
        facts={"gone": len(findings)},
    )


def nobody(reader: Reader, finding: Finding, answer: str) -> Message:
    """The one thing that wakes a manager: soon nobody is on call. `answer` is the page's own address."""
    when = reader.span(finding.starts_at, finding.ends_at)
    links = (Link("I have seen it", answer), *reader.links_to([finding.rota_id]))
    return Message(
        subject=f"Nobody is on call for {reader.team}: {when}",
        text="\n".join(
            [
                f"Nobody is on call for {reader.team}: {when}.",
                _finding(reader, finding),
                "",
                "Put somebody on call with an override, or take it yourself.",
                "",
                *_addresses(links),
            ]
        ),
        links=links,
        facts={
            "team": reader.team,
            "clause": finding.clause,
            "starts_at": finding.starts_at.isoformat(),
            "ends_at": finding.ends_at.isoformat(),
        },
    )


def _finding(reader: Reader, finding: Finding) -> str:
    clause = f" ({finding.clause})" if finding.clause else ""
    return f"{finding.said.removesuffix('.')}{clause}: {reader.span(finding.starts_at, finding.ends_at)}"


def _addresses(links: Sequence[Link]) -> list[str]:
    return [*(f"{link.label}: {link.url}" for link in links), ""]
