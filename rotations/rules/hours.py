"""The hours of the week in which a rota is held, and how they are written.

"Mon-Fri 09:00-17:00; Sat 22:00-06:00": days or ranges of days, then hours on the rota's wall clock. Hours
that end before they begin end on the next day; 24:00 is the midnight after the day. No text at all means always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MIDNIGHT = time(0)
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EXAMPLE = "Mon-Fri 09:00-17:00; Sat 22:00-06:00"
_PART = re.compile(r"([a-z]+(?:\s*[-,]\s*[a-z]+)*)\s+(\d.*)")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


class BadHours(ValueError):
    """The text does not say which hours; the message says what to write."""


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """From `opens` on a weekday (0 is Monday) until just before `closes`, on the wall clock.

    A `closes` not after `opens` is the next day's; midnight to midnight is the whole day.
    """

    weekday: int
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ValueError("a weekday is a number from 0 to 6")

    @property
    def overnight(self) -> bool:
        """Whether it closes on the next day, be it at midnight."""
        return self.closes <= self.opens

    @property
    def _minutes(self) -> tuple[int, int]:
        """Its beginning and end in minutes since Monday's midnight; the end may lie past Sunday's."""
        day = self.weekday * _DAY_MINUTES
        later = _DAY_MINUTES if self.overnight else 0
        return day + _minute(self.opens), day + _minute(self.closes) + later


def parse(text: str) -> tuple[Hours, ...]:
    """The hours a text names, by day and opening; none for an empty text, which means always.

    Raises BadHours with what to write instead.
    """
    found: list[Hours] = []
    for part in re.split(r"[;\n]", text.replace("–", "-").lower()):
        if part.strip():
            found += _part(part.strip())
    found.sort()
    _refuse_overlap(found)
    return tuple(found)


def text_of(hours: Iterable[Hours]) -> str:
    """The hours as text that `parse` reads back; days with the same hours stand together."""
    by_day: dict[int, list[str]] = {}
    for one in sorted(hours):
        by_day.setdefault(one.weekday, []).append(f"{one.opens:%H:%M}-{_end(one)}")
    by_spans: dict[str, list[int]] = {}
    for weekday, spans in by_day.items():
        by_spans.setdefault(", ".join(spans), []).append(weekday)
    return "; ".join(f"{_days_text(days)} {spans}" for spans, days in by_spans.items())


def _part(part: str) -> Iterator[Hours]:
    match = _PART.fullmatch(part)
    if not match:
        raise BadHours(f"“{part}” names no days and hours. Write them like {_EXAMPLE}.")
    spans = [_span(span.strip()) for span in match[2].split(",")]
    for weekday in _weekdays(match[1]):
        for opens, closes in spans:
            yield Hours(weekday, opens, closes)


def _weekdays(text: str) -> list[int]:
    found: list[int] = []
    for group in text.split(","):
        ends = [_weekday(name.strip()) for name in group.split("-")]
        if len(ends) > 2:
            raise BadHours(f"“{group.strip()}” is no range of days. Write it like Mon-Fri.")
        found += [(ends[0] + n) % 7 for n in range((ends[-1] - ends[0]) % 7 + 1)]
    return found


def _weekday(name: str) -> int:
    for weekday, full in enumerate(_FULL_NAMES):
        if name in (full, full[:3]):
            return weekday
    raise BadHours(f"“{name}” is no day. Write {', '.join(DAYS[:-1])} or {DAYS[-1]}.")


def _span(text: str) -> tuple[time, time]:
    match = _SPAN.fullmatch(text)
    if not match:
        raise BadHours(f"“{text}” names no hours. Write them like 09:00-17:00.")
    opens = _clock(match[1], match[2], text)
    closes = MIDNIGHT if match[3] == "24" and match[4] == "00" else _clock(match[3], match[4], text)
    if opens == closes != MIDNIGHT:
        raise BadHours(f"“{text}” ends as it begins. Write 00:00-24:00 for the whole day.")
    return opens, closes


def _clock(hour: str, minute: str, where: str) -> time:
    try:
        return time(int(hour), int(minute))
    except ValueError:
        raise BadHours(f"“{where}” is no time of day. Write it from 00:00 to 24:00.") from None


def _refuse_overlap(hours: Sequence[Hours]) -> None:
    if not hours:
        return
    first = hours[0]
    for one, following in zip(hours, [*hours[1:], None], strict=True):
        begins = following._minutes[0] if following else first._minutes[0] + _WEEK_MINUTES
        if one._minutes[1] > begins:
            other = following or first
            raise BadHours(
                f"{text_of([one])} and {text_of([other])} overlap. Write each hour of the week once."
            )


def _end(hours: Hours) -> str:
    return "24:00" if hours.closes == MIDNIGHT else f"{hours.closes:%H:%M}"


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _days_text(days: Sequence[int]) -> str:
    """Mon-Fri, Sun: three days in a row and more become a range."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ", ".join(DAYS[day] for day in run)
        for run in runs
    )
