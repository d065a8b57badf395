"""What is said of a swap, to whom it concerns, on their own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class Said(StrEnum):
    """What has become of a swap."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    APPROVAL = "approval"
    TAKEN = "taken"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    UNDONE = "undone"
    LAPSED = "lapsed"
    OFF = "off"
    REMINDER = "reminder"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class StretchSaid:
    """A rota's name, from when until just before when."""

    rota: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class SwapSaid:
    """A swap as it is told: names, stretches, who acts, and what they wrote."""

    giver: str
    colleague: str
    stretch: StretchSaid
    back: StretchSaid | None = None
    actor: str = ""
    words: str = ""
    others: tuple[str, ...] = ()
    """Whom one might ask instead, each with why."""


_SENTENCES = {
    Said.ASKED: "{asker} asks {colleague} to take a shift of {giver}'s.",
    Said.ACCEPTED: "{colleague} has accepted to take a shift of {giver}'s. A manager has to approve it.",
    Said.APPROVAL: "{colleague} would take a shift of {giver}'s. It waits for your approval.",
    Said.TAKEN: "{colleague} takes a shift of {giver}'s.",
    Said.DECLINED: "{asker} has declined: {colleague} does not take the shift of {giver}'s.",
    Said.WITHDRAWN: "{asker} has withdrawn the request that {colleague} take a shift of {giver}'s.",
    Said.UNDONE: "{asker} has taken the swap back: {giver} has the shift again.",
    Said.LAPSED: "Nobody answered in time: {giver} keeps the shift that {colleague} was asked to take.",
    Said.OFF: "The roster has changed since: {colleague} cannot take the shift of {giver}'s any more.",
    Said.REMINDER: "{giver} still waits for an answer: will {colleague} take a shift?",
    Said.UNANSWERED: "{colleague} has not answered yet whether to take a shift of {giver}'s.",
}
_SUBJECTS = {
    Said.ASKED: "A swap is asked",
    Said.ACCEPTED: "Swap accepted, not yet approved",
    Said.APPROVAL: "A swap waits for your approval",
    Said.TAKEN: "Swap made",
    Said.DECLINED: "Swap declined",
    Said.WITHDRAWN: "Swap withdrawn",
    Said.UNDONE: "Swap taken back",
    Said.LAPSED: "Swap lapsed",
    Said.OFF: "Swap off",
    Said.REMINDER: "A swap still waits for an answer",
    Said.UNANSWERED: "No answer yet",
}


def subject_of(said: Said, swap: SwapSaid) -> str:
    """One line: what, and which rota."""
    return f"{_SUBJECTS[said]}: {swap.stretch.rota}"


def sentence_of(said: Said, swap: SwapSaid) -> str:
    """What has become of it, in one sentence."""
    return _SENTENCES[said].format(
        asker=swap.actor or swap.giver, giver=swap.giver, colleague=swap.colleague
    )


def text_of(said: Said, swap: SwapSaid, *, zone: str) -> str:
    """The sentence, the stretches on the clock of `zone`, and what was written, a paragraph each."""
    lines = [sentence_of(said, swap), stretch_text(swap.stretch, zone)]
    if swap.back is not None:
        lines.append(f"In exchange {swap.giver} takes {stretch_text(swap.back, zone)}")
    if swap.words:
        lines.append(f"“{swap.words}”")
    if swap.others:
        lines.append("\n".join(["You might ask instead:", *(f"- {one}" for one in swap.others)]))
    return "\n\n".join(lines)


def stretch_text(stretch: StretchSaid, zone: str) -> str:
    """A rota and a stretch on the wall clock of the zone."""
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (stretch.starts_at, stretch.ends_at))
    return f"{stretch.rota}: {start:%a %-d %b %Y %H:%M} to {end:%a %-d %b %Y %H:%M} {end.tzname()}."
