"""A steady load for long: each incident is acknowledged and resolved by its source, so that nothing piles up.
What grows all the same is a leak. One in ten is worse and stays unanswered until the clock has escalated it: without
that the clock would have nothing to do.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles

import redis

from bench.events import event, mark
from bench.load import Sent, paced
from bench.memory import megabytes
from bench.slugs import slug_of
from bench.smtp import Ledger
from bench.stack import ROOT, Stack
from bench.table import Row, ms

PER_SECOND = 5
ACKNOWLEDGED_AFTER = 20
RESOLVED_AFTER = 60
UNANSWERED = 10
"""One in so many."""
UNANSWERED_FOR = 330
"""Past the five minutes of a P1."""
THREADS = 8 + 8 + 4 + 1 + 1
"""Of the web's two processes, the worker, the clock, Beat; and the bench."""
SAMPLE_SECONDS = 15
WARM_UP = 0.5
"""This part of the run fills caches, pools and arenas: each process loads what it needs with the first work of each
kind, and the clock's first step comes after five minutes. Growth is judged after it."""
FLAT = 10.0
"""MB an hour that count as nothing."""
ROW_GROWTH = 1.25
SMALL_TABLE = 1.0
"""MB; what is smaller has no rows to speak of."""
HOT = (
    "incidents_incident", "incidents_timelineentry", "deadlines_deadline", "deadlines_pulse", "notifications_page",
    "notifications_pageout", "notifications_attempt", "notifications_pace", "alerts_alert", "incidents_alerttally",
)  # fmt: skip
NUMBERS = {
    "connections": "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend'",
    "clock_lag": "SELECT coalesce(max(extract(epoch FROM lag)), 0) FROM deadlines_pulse",
    "overdue": "SELECT count(*) FROM deadlines_deadline"
    " WHERE state = 'pending' AND run_at < now() - interval '5 s'",
    "outbox": "SELECT count(*) FROM notifications_page"
    " WHERE state IN ('pending', 'sending') AND next_try_at < now()",
    "open_incidents": "SELECT count(*) FROM incidents_incident"
    " WHERE status NOT IN ('resolved', 'closed')",
}
STEPS = (
    "SELECT count(*) FROM deadlines_deadline WHERE kind IN ('incident.step', 'incident.repeat')"
    " AND state = 'met' AND due_at > created_at + interval '1 minute'"
)
RESULT = ROOT / "var" / "bench" / "soak.json"


@dataclass(frozen=True, slots=True)
class Table:
    """Its size with its indexes, in MB; by PostgreSQL's count how many rows live, how many are dead, and how many
    were changed or deleted so far."""

    size: float
    live: int
    dead: int
    changed: int

    @property
    def row_bytes(self) -> float:
        return self.size * 2**20 / max(self.live, 1)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything: memory in MB, times in seconds."""

    at: float
    memory: dict[str, float]
    tables: dict[str, Table]
    valkey: float
    connections: float
    clock_lag: float
    overdue: float
    outbox: float
    open_incidents: float


def rows(stack: Stack, ledger: Ledger, minutes: float) -> list[Row]:
    print(f"soak: {PER_SECOND} incidents a second for {minutes:g} minutes …", flush=True)
    started, steps = time.monotonic(), stack.ask(STEPS)
    sent, samples = asyncio.run(_run(stack, minutes * 60))
    began, answered = sent[0].began, sent[0].answered
    heard = ledger.first_of(started)
    mails = {n: heard.get(mark("soak", n).encode(), float("inf")) for n in answered}
    late = by_minute(((began[n], mails[n]) for n in answered), started)
    answers = by_minute(((began[n], answered[n]) for n in answered), started)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(
        json.dumps(
            {
                "minutes": minutes,
                "answers": [{str(k): n for k, n in kind.statuses.items()} for kind in sent],
                "mail_per_minute": late,
                "answer_per_minute": answers,
                "samples": [asdict(sample) for sample in samples],
            },
            indent=1,
        )
    )
    print(f"soak: every sample stands in {RESULT}")
    taken = Row("pages the clock decided on, later than at once", str(stack.ask(STEPS) - steps))
    return [*_promises(sent, late, answers, samples), taken, *_memory(samples), *_tables(samples)]


async def _run(stack: Stack, seconds: float) -> tuple[list[Sent], list[Sample]]:
    """The stream of new alerts, then those that answer and end them; looked at while new ones come."""
    many, few = PER_SECOND * (1 - 1 / UNANSWERED), PER_SECOND / UNANSWERED

    def request(number: int, action: str) -> bytes:
        word, severity = mark("soak", number), "error" if number % UNANSWERED else "critical"
        return event(
            stack.integration_key, word, rule=word, service=slug_of(number), severity=severity, action=action
        )  # fmt: skip

    async def after(
        wait: float, action: str, per_second: float, numbers: Callable[[int], int]
    ) -> Sent:
        await asyncio.sleep(wait)
        return await paced(
            stack.port, lambda n: request(numbers(n), action),
            per_second=per_second, count=int(per_second * seconds), again=5,
        )  # fmt: skip

    def answered(n: int) -> int:
        return n // (UNANSWERED - 1) * UNANSWERED + n % (UNANSWERED - 1) + 1

    def unanswered(n: int) -> int:
        return n * UNANSWERED

    later = RESOLVED_AFTER - ACKNOWLEDGED_AFTER
    streams = asyncio.gather(
        after(0, "trigger", PER_SECOND, lambda n: n),
        after(ACKNOWLEDGED_AFTER, "acknowledge", many, answered),
        after(RESOLVED_AFTER, "resolve", many, answered),
        after(UNANSWERED_FOR, "acknowledge", few, unanswered),
        after(UNANSWERED_FOR + later, "resolve", few, unanswered),
    )
    samples: list[Sample] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not streams.done():
        samples.append(await asyncio.to_thread(_look, stack))
        await asyncio.wait([streams], timeout=SAMPLE_SECONDS)
    return list(await streams), samples


def _look(stack: Stack) -> Sample:
    broker = redis.Redis.from_url((stack.folder / "data" / "valkey.url").read_text().strip())
    try:
        used = int(broker.info("memory")["used_memory"])
    finally:
        broker.close()
    tables = stack.database.execute(
        "SELECT relname, pg_total_relation_size(relid) / 1048576.0, n_live_tup, n_dead_tup,"
        " n_tup_upd + n_tup_del"
        " FROM pg_stat_user_tables WHERE relname = ANY(%s)",
        [list(HOT)],
    ).fetchall()
    numbers = {name: float(stack.ask(sql)) for name, sql in NUMBERS.items()}
    return Sample(
        at=time.monotonic(),
        memory=megabytes(stack),
        tables={name: Table(float(size), *counts) for name, size, *counts in tables},
        valkey=used / 2**20,
        **numbers,
    )


def by_minute(waits: Iterable[tuple[float, float]], started: float) -> list[dict[str, float]]:
    """Per minute: how many, and p50 and p99 of the seconds between the two instants of each."""
    minutes: dict[int, list[float]] = {}
    for began, ended in waits:
        minutes.setdefault(int((began - started) // 60), []).append(ended - began)
    found = []
    for minute, spans in sorted(minutes.items()):
        cuts = quantiles(spans, n=100) if len(spans) > 1 else spans * 99
        found.append({"minute": minute, "count": len(spans), "p50": cuts[49], "p99": cuts[98]})
    return found


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By least squares: units an hour."""
    if len(points) < 3:
        return 0.0
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return 3600 * sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0


def _promises(
    sent: Sequence[Sent],
    late: list[dict[str, float]],
    answers: list[dict[str, float]],
    samples: Sequence[Sample],
) -> list[Row]:
    refused = sum(sum(kind.statuses.values()) - kind.accepted for kind in sent)
    p50 = max((minute["p50"] for minute in late), default=0)
    p99 = max((minute["p99"] for minute in late), default=0)
    lag = max(sample.clock_lag for sample in samples)
    accepted = f"{sum(kind.accepted for kind in sent)}, {refused} refused at first"
    return [
        Row("alerts accepted", accepted, "", "none refused", refused == 0),
        Row("POST to mail, p50 of the worst minute", ms(p50), "", "200 ms", p50 < 0.2),
        Row("  p99 of the worst minute", ms(p99), "", "1 s", p99 < 1),
        Row("POST to answer, p99 of the worst minute", ms(max(one["p99"] for one in answers))),
        Row("the clock's lag, at most", f"{lag:.1f} s", "", "1.5 s", lag < 1.5),
        *(
            Row(f"{words}, first, last, most", _three(samples, name))
            for name, words in (
                ("overdue", "promises overdue by 5 s"),
                ("outbox", "pages that wait"),
                ("open_incidents", "open incidents"),
            )
        ),
        _connections(samples),
    ]


def _connections(samples: Sequence[Sample]) -> Row:
    """Each thread opens its own with its first work, and no more."""
    most = max(sample.connections for sample in samples)
    return Row(
        "database connections, first, last, most", _three(samples, "connections"),
        "", f"{THREADS}, one for each thread", most <= THREADS,
    )  # fmt: skip


def _three(samples: Sequence[Sample], name: str) -> str:
    numbers = [getattr(sample, name) for sample in samples]
    return f"{numbers[0]:.0f}, {numbers[-1]:.0f}, {max(numbers):.0f}"


def _warm[T](samples: Sequence[T]) -> Sequence[T]:
    return samples[int(len(samples) * WARM_UP) :]


def _memory(samples: Sequence[Sample]) -> Iterable[Row]:
    names = [name for name in samples[-1].memory if all(name in one.memory for one in samples)]
    series: dict[str, list[tuple[float, float]]] = {
        name: [(one.at, one.memory[name]) for one in samples] for name in names
    }
    series["valkey's own count"] = [(one.at, one.valkey) for one in samples]
    for name, every in series.items():
        points = _warm(every)
        grows = slope(points)
        judged = "shared buffers" not in name  # they fill with what is read, up to their size
        yield Row(
            f"memory of {name}",
            f"{every[0][1]:.0f} MB at first, {points[0][1]:.0f} half-way, {points[-1][1]:.0f} at the end:"
            f" {grows:+.0f} MB an hour",
            "",
            f"under {FLAT:.0f}" if judged else "",
            grows < FLAT if judged else None,
        )


def _tables(samples: Sequence[Sample]) -> Iterable[Row]:
    """A table may grow with its rows, not without them. PostgreSQL cleans once a fifth of the rows and fifty more are
    dead, and looks once a minute: two minutes' changes may come on top.
    """
    later = _warm(samples)
    minutes = (later[-1].at - later[0].at) / 60
    for name, end in samples[-1].tables.items():
        begun = later[0].tables[name]
        most = max(one.tables[name].dead for one in later)
        allowed = 50 + 0.2 * end.live + 2 * (end.changed - begun.changed) / minutes
        grown = end.row_bytes / begun.row_bytes
        yield Row(
            f"table {name}",
            f"{end.size:.1f} MB, {end.live} rows of {end.row_bytes:.0f} bytes, half-way {begun.row_bytes:.0f};"
            f" {most} dead at most",
            "",
            f"{ROW_GROWTH:.2f} times, {allowed:.0f} dead",
            most < allowed and (grown < ROW_GROWTH or end.size < SMALL_TABLE),
        )
