"""Any rotas, overrides and moments: the nights on which clocks change, and zones that changed their rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from hypothesis import strategies as st

from rotations.enums import Level, Unit, Why
from rotations.rules.facts import OverrideFacts, PlanFacts, RotaFacts
from rotations.rules.hours import Hours, parse

PRIMARY, SECONDARY = 1, 2
DAYS_BEFORE = {Unit.HOUR: 9, Unit.DAY: 40, Unit.WEEK: 120, Unit.MONTH: 500}
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("Europe/Volgograd", "2020-12-27"),
    ("Asia/Pyongyang", "2018-05-05"),
    ("America/Caracas", "2007-12-09"),
    ("America/Santiago", "2026-09-06"),
    ("Pacific/Apia", "2011-12-30"),
    ("UTC", "2026-02-28"),
]


@dataclass(frozen=True)
class World:
    """Two rotas, the second below the first, their overrides, and a stretch of time to look at."""

    primary: RotaFacts
    secondary: RotaFacts
    overrides: tuple[OverrideFacts, ...]
    start: datetime
    minutes: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


CLOCKS = st.one_of(
    st.sampled_from([time(9), time(0), time(1, 30), time(2), time(2, 15), time(2, 30), time(3)]),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
MEMBERS = st.lists(st.integers(1, 6), max_size=5, unique=True).map(tuple)


@st.composite
def hours(draw: st.DrawFn) -> tuple[Hours, ...]:
    """Stretches of the week that do not overlap, none longer than a day."""
    if draw(st.booleans()):
        return parse(
            draw(
                st.sampled_from(
                    [
                        "Mon-Fri 09:00-17:00",
                        "Mon-Sun 22:00-02:30",
                        "Mon-Sun 02:30-22:00",
                        "Mon-Sun 00:00-24:00",
                        "Sat, Sun 02:00-03:00, 03:00-03:30",
                    ]
                )
            )
        )
    cuts = sorted(draw(st.lists(st.integers(0, 7 * 96 - 1), min_size=2, max_size=10, unique=True)))
    return tuple(
        Hours(begin // 96, *(time(cut % 96 // 4, cut % 4 * 15) for cut in (begin, end)))
        for begin, end in zip(cuts[::2], cuts[1::2], strict=False)
        if end - begin < 96
    )


@st.composite
def plans(
    draw: st.DrawFn,
    start: datetime,
    zone: str,
    effective_at: datetime | None,
    base: RotaFacts | None,
) -> PlanFacts:
    unit = draw(st.sampled_from(Unit))
    before = draw(st.integers(-3, DAYS_BEFORE[unit]))
    ends_after = draw(st.one_of(st.none(), st.none(), st.integers(-2, 6)))
    return PlanFacts(
        id=1,
        members=draw(MEMBERS),
        unit=unit,
        length=draw(st.sampled_from([1, 1, 2, 5, 12])),
        handoff_time=draw(CLOCKS),
        zone=draw(st.sampled_from([zone, zone, zone, "UTC", "Europe/Berlin"])),
        starts_on=start.date() - timedelta(days=before),
        handoff_weekday=draw(st.integers(0, 6)),
        hours=draw(st.one_of(st.just(()), st.just(()), hours())),
        ends_on=None if ends_after is None else start.date() + timedelta(days=ends_after),
        effective_at=effective_at,
        base=base,
        offset=draw(st.sampled_from([1, 1, 1, 2, 3])),
    )


@st.composite
def rotas(
    draw: st.DrawFn, number: int, start: datetime, minutes: int, zone: str, above: RotaFacts | None
) -> RotaFacts:
    begin = sorted(draw(st.lists(st.integers(-60, minutes), max_size=2)))
    effective: list[datetime | None] = [start + timedelta(minutes=m) for m in begin]
    if not effective or draw(st.booleans()):
        effective = [None, *effective]
    kinds = [above if draw(st.booleans()) else None for _ in effective]
    return RotaFacts(
        number,
        tuple(
            draw(plans(start, zone, at, base)) for at, base in zip(effective, kinds, strict=True)
        ),
        Level.SECONDARY if above else Level.PRIMARY,
        (above,) if above else (),
    )


@st.composite
def overrides(draw: st.DrawFn, start: datetime, minutes: int) -> tuple[OverrideFacts, ...]:
    found = []
    for number in range(draw(st.integers(0, 6))):
        begins = start + timedelta(minutes=draw(st.integers(-1440, minutes)))
        found.append(
            OverrideFacts(
                number,
                draw(st.sampled_from([PRIMARY, SECONDARY])),
                draw(st.one_of(st.integers(1, 8), st.integers(1, 8), st.none())),
                begins,
                begins + timedelta(minutes=draw(st.integers(1, 4 * 1440))),
                datetime(2000, 1, 1, tzinfo=UTC)
                + timedelta(hours=draw(st.integers(0, 3)), minutes=number),
                draw(st.sampled_from([Why.OVERRIDE, Why.SWAP, Why.TAKE_OVER])),
            )
        )
    return tuple(found)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    zone, day = draw(st.sampled_from(CHANGES))
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(
        minutes=draw(st.integers(600, 3000))
    )
    minutes = draw(st.integers(1440, 4 * 1440))
    primary = draw(rotas(PRIMARY, start, minutes, zone, None))
    secondary = draw(rotas(SECONDARY, start, minutes, zone, primary))
    return World(primary, secondary, draw(overrides(start, minutes)), start, minutes)
