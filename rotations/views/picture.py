"""The calendar as a drawing: where each bar lies, in per cent of the weeks shown, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rotations.enums import Why
from rotations.models import Override, Rota
from rotations.queries.calendar import Gap, Held, Line
from rotations.views.window import Window, midnight

HEAD, LABEL, BAR, SPACE, FOOT = 22, 17, 24, 7, 22
ROW = LABEL + BAR + SPACE
WHOLE_NAME, INITIALS = 0.055, 0.018
"""Which share of the width a name, or its initials, need."""
SAID = {
    Why.ROTA: "by turn",
    Why.OVERRIDE: "override",
    Why.SWAP: "swap",
    Why.TAKE_OVER: "taken over",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A stretch of a rota, or a gap (without a name), as the list and the bars say it."""

    key: str
    starts_at: datetime
    ends_at: datetime
    span: str
    name: str = ""
    kind: str = "rota"
    said: str = ""
    mine: bool = False
    now: bool = False
    past: bool = False

    @property
    def changed(self) -> bool:
        """Whether somebody else, or nobody, holds it than the turns say."""
        return self.kind not in ("rota", "gap")

    @property
    def kind_said(self) -> str:
        """The kind of change in a word or two."""
        return SAID[Why(self.kind)]

    @property
    def why(self) -> str:
        """The whole of it in one sentence, for a pointer and for the keyboard."""
        who = f"{self.name}{' (you)' if self.mine else ''}" if self.name else "Nobody"
        return f"{who}, {self.span}: {self.said}"


@dataclass(frozen=True, slots=True)
class Bar:
    """An entry's place in one picture, in per cent; `text` is as much of the name as fits."""

    entry: Entry
    x: str
    width: str
    text: str


@dataclass(slots=True)
class Row:
    """One rota's bars, and the page on which they are listed, empty for this one."""

    rota: Rota
    y: int
    bars: list[Bar]
    page: str = ""

    @property
    def bar_y(self) -> int:
        return self.y + LABEL

    @property
    def name_y(self) -> int:
        return self.y + 12

    @property
    def text_y(self) -> int:
        return self.y + LABEL + 16


@dataclass(frozen=True, slots=True)
class Tick:
    """Where a day or a week begins."""

    x: str
    label: str
    today: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows over one stretch of time; `note` says what is odd about its length."""

    title: str
    first_day: date
    ticks: list[Tick]
    rows: list[Row]
    now_x: str
    note: str = ""
    height: int = field(init=False)
    foot_y: int = field(init=False)
    line_end: int = field(init=False)

    def __post_init__(self) -> None:
        end = HEAD + ROW * len(self.rows)
        object.__setattr__(self, "line_end", end)
        object.__setattr__(self, "height", end + FOOT)
        object.__setattr__(self, "foot_y", end + 14)


class Teller:
    """Puts stretches into words for one reader: whose they are, when in their zone, and why."""

    def __init__(
        self,
        *,
        names: Mapping[int, str],
        overrides: Mapping[int, Override],
        reader_id: int | None,
        zone: ZoneInfo,
        now: datetime,
    ) -> None:
        self._names, self._overrides = names, overrides
        self._reader_id, self._zone, self._now = reader_id, zone, now

    def entries(self, line: Line, start: datetime, end: datetime) -> list[Entry]:
        """The line's stretches and gaps between the instants, in order."""
        both: list[Held | Gap] = [*line.held, *line.gaps]
        return [
            self._entry(line.rota, one)
            for one in sorted(both, key=lambda one: one.starts_at)
            if one.starts_at < end and one.ends_at > start
        ]

    def _entry(self, rota: Rota, one: Held | Gap) -> Entry:
        key = f"r{rota.pk}-{int(one.starts_at.timestamp())}"
        running = one.starts_at <= self._now < one.ends_at
        span = span_in_words(one.starts_at, one.ends_at, self._zone)
        past = one.ends_at <= self._now
        if isinstance(one, Gap):
            said = f"nobody holds the {rota.level}"
            return Entry(
                key, one.starts_at, one.ends_at, span, kind="gap", said=said, now=running, past=past
            )
        return Entry(
            key, one.starts_at, one.ends_at, span,
            name=self._names.get(one.user_id, "Somebody"), kind=one.why.value, said=self._said(one),
            mine=one.user_id == self._reader_id, now=running, past=past,
        )  # fmt: skip

    def _said(self, held: Held) -> str:
        override = self._overrides.get(held.override_id or 0)
        if override is None:
            return SAID[held.why]
        by = f" by {override.created_by}" if override.created_by else ""
        return f"{SAID[held.why]}{by}" + (f", {override.reason}" if override.reason else "")


def span_in_words(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """From when until when on the wall clock: Mon 23 Nov 09:00 – Mon 30 Nov 09:00."""
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    first = f"{start:%a} {start.day} {start:%b %H:%M}"
    day = "" if start.date() == end.date() else f"{end:%a} {end.day} {end:%b} "
    last = f"{day}{end:%H:%M}"
    if start.utcoffset() != end.utcoffset():
        first, last = f"{first} {start:%Z}", f"{last} {end:%Z}"
    return f"{first} – {last}"


def weeks_together(
    entries: Sequence[tuple[Rota, Sequence[Entry]]], window: Window, now: datetime
) -> Picture:
    """All weeks side by side, a tick for each."""
    days = [window.monday + timedelta(weeks=number) for number in range(window.weeks)]
    today = now.astimezone(window.zone).date()
    labels = [(day, f"{day.day} {day:%b}", day <= today < day + timedelta(weeks=1)) for day in days]
    found = _picture("", entries, labels, window.starts_at, window.ends_at, window.zone, now)
    for row in found.rows:
        row.page = f"{row.rota.slug}/{window.query}"  # beside the page of all rotas; short, for there are many
    return found


def week_by_week(
    entries: Sequence[tuple[Rota, Sequence[Entry]]], window: Window, now: datetime
) -> list[Picture]:
    """One picture for each week, a tick for each day; the week of a clock change is as long as it is."""
    found = []
    today = now.astimezone(window.zone).date()
    for number in range(window.weeks):
        monday = window.monday + timedelta(weeks=number)
        start, end = (
            midnight(monday, window.zone),
            midnight(monday + timedelta(weeks=1), window.zone),
        )
        days = [monday + timedelta(days=place) for place in range(7)]
        labels = [(day, f"{day:%a} {day.day}", day == today) for day in days]
        sunday = days[-1]
        title = f"{monday.day} {monday:%b} – {sunday.day} {sunday:%b %Y}, week {monday.isocalendar().week}"
        hours = round((end - start).total_seconds() / 3600, 2)
        note = "" if hours == 168 else f"The clocks change: {hours:g} hours."
        found.append(_picture(title, entries, labels, start, end, window.zone, now, note))
    return found


def _picture(
    title: str,
    entries: Sequence[tuple[Rota, Sequence[Entry]]],
    labels: Iterable[tuple[date, str, bool]],
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    now: datetime,
    note: str = "",
) -> Picture:
    scale = _Scale(start, end)
    rows = [
        Row(rota, HEAD + number * ROW, [scale.bar(one) for one in own if scale.holds(one)])
        for number, (rota, own) in enumerate(entries)
    ]
    ticks = []
    for day, label, today in labels:
        at = midnight(day, zone)
        ticks.append(Tick(scale.x(at), label, today))
    return Picture(
        title=title,
        first_day=start.astimezone(zone).date(),
        ticks=ticks,
        rows=rows,
        now_x=scale.x(now) if start <= now < end else "",
        note=note,
    )


class _Scale:
    def __init__(self, start: datetime, end: datetime) -> None:
        self._start, self._end = start, end
        self._length = (end - start).total_seconds()

    def holds(self, entry: Entry) -> bool:
        return entry.starts_at < self._end and entry.ends_at > self._start

    def x(self, at: datetime) -> str:
        return _percent((at - self._start).total_seconds() / self._length)

    def bar(self, entry: Entry) -> Bar:
        starts_at, ends_at = max(entry.starts_at, self._start), min(entry.ends_at, self._end)
        share = (ends_at - starts_at).total_seconds() / self._length
        return Bar(
            entry, self.x(starts_at), _percent(share), _fitting(entry.name or "Nobody", share)
        )


def _percent(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + "%"


def _fitting(name: str, share: float) -> str:
    if share >= WHOLE_NAME:
        return name
    return "".join(word[0] for word in name.split()[:3]) if share >= INITIALS else ""
