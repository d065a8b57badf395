"""When somebody is told that a turn comes, begins or ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Turning(StrEnum):
    """What is said of a turn."""

    DAY = "day"
    HOUR = "hour"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """A person holds a rota from `starts_at` until just before `ends_at`, over however many shifts."""

    user_id: int
    rota_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say of a turn at an instant."""

    at: datetime
    what: Turning
    turn: Turn


def joined(shifts: Iterable[Turn]) -> list[Turn]:
    """Shifts of one person in one rota that touch are one turn: nobody goes off call and on again at once."""
    found: list[Turn] = []
    for shift in sorted(shifts):
        last = found[-1] if found else None
        if last and (last.user_id, last.rota_id, last.ends_at) == (
            shift.user_id, shift.rota_id, shift.starts_at,
        ):  # fmt: skip
            shift = Turn(last.user_id, last.rota_id, last.starts_at, shift.ends_at)
            found.pop()
        found.append(shift)
    return found


def notices(turns: Iterable[Turn]) -> Iterator[Notice]:
    """Everything to be said of the turns: a day and an hour before, at the beginning, at the end."""
    for turn in turns:
        yield Notice(turn.starts_at - DAY, Turning.DAY, turn)
        yield Notice(turn.starts_at - HOUR, Turning.HOUR, turn)
        yield Notice(turn.starts_at, Turning.ON, turn)
        yield Notice(turn.ends_at, Turning.OFF, turn)


def worth_saying(notice: Notice, *, since: datetime, now: datetime) -> bool:
    """Whether it still makes sense at `now`, which is later than its instant when the portal was down.

    All notices from `since` on are unsaid: nobody hears of the end of a turn of which they never heard.
    """
    turn = notice.turn
    if notice.what == Turning.DAY:
        return now < turn.starts_at - HOUR
    if notice.what == Turning.HOUR:
        return now < turn.starts_at
    if notice.what == Turning.ON:
        return now < turn.ends_at
    return turn.starts_at < since
