"""A steady load for long: each incident is acknowledged and resolved by its source, so that nothing piles up.
What grows all the same is a leak.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
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
SAMPLE_SECONDS = 15
WARM_UP = 0.25
"""This part of the run fills caches and pools; slopes begin after it."""
FLAT = 10.0
"""MB an hour that count as nothing."""
HOT = (
    "incidents_incident", "incidents_timelineentry", "deadlines_deadline", "deadlines_pulse", "notifications_page",
    "notifications_pageout", "notifications_attempt", "notifications_pace", "alerts_alert", "incidents_alerttally",
)  # fmt: skip
NUMBERS = {
    "connections": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    "clock_lag": "SELECT coalesce(max(extract(epoch FROM lag)), 0) FROM deadlines_pulse",
    "overdue": "SELECT count(*) FROM deadlines_deadline"
    " WHERE state = 'pending' AND run_at < now() - interval '5 s'",
    "outbox": "SELECT count(*) FROM notifications_page"
    " WHERE state IN ('pending', 'sending') AND next_try_at < now()",
    "open_incidents": "SELECT count(*) FROM incidents_incident"
    " WHERE status NOT IN ('resolved', 'closed')",
}
RESULT = ROOT / "var" / "bench" / "soak.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything: memory in MB, sizes in MB, times in seconds."""

    at: float
    memory: dict[str, float]
    tables: dict[str, tuple[float, int]]
    valkey: float
    connections: float
    clock_lag: float
    overdue: float
    outbox: float
    open_incidents: float


def rows(stack: Stack, ledger: Ledger, minutes: float) -> list[Row]:
    print(f"soak: {PER_SECOND} incidents a second for {minutes:g} minutes …", flush=True)
    started = time.monotonic()
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
    return [*_promises(sent, late, answers, samples), *_memory(samples), *_tables(samples)]


async def _run(stack: Stack, seconds: float) -> tuple[tuple[Sent, Sent, Sent], list[Sample]]:
    """Three streams of the same length, the later ones of the same alerts; looked at beside."""
    count = int(PER_SECOND * seconds)

    async def after(wait: float, action: str) -> Sent:
        await asyncio.sleep(wait)

        def request(number: int) -> bytes:
            word = mark("soak", number)
            return event(
                stack.integration_key, word, rule=word, service=slug_of(number), action=action
            )

        return await paced(stack.port, request, per_second=PER_SECOND, count=count, again=5)

    streams = asyncio.gather(
        after(0, "trigger"),
        after(ACKNOWLEDGED_AFTER, "acknowledge"),
        after(RESOLVED_AFTER, "resolve"),
    )
    samples: list[Sample] = []
    while not streams.done():
        samples.append(await asyncio.to_thread(_look, stack))
        await asyncio.wait([streams], timeout=SAMPLE_SECONDS)
    return streams.result(), samples


def _look(stack: Stack) -> Sample:
    broker = redis.Redis.from_url((stack.folder / "data" / "valkey.url").read_text().strip())
    try:
        used = int(broker.info("memory")["used_memory"])
    finally:
        broker.close()
    tables = stack.database.execute(
        "SELECT relname, pg_total_relation_size(relid) / 1048576.0, n_dead_tup"
        " FROM pg_stat_user_tables WHERE relname = ANY(%s)",
        [list(HOT)],
    ).fetchall()
    numbers = {name: float(stack.ask(sql)) for name, sql in NUMBERS.items()}
    return Sample(
        at=time.monotonic(),
        memory=megabytes(stack),
        tables={name: (float(size), dead) for name, size, dead in tables},
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
    sent: tuple[Sent, Sent, Sent],
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
                ("connections", "database connections"),
            )
        ),
    ]


def _three(samples: Sequence[Sample], name: str) -> str:
    numbers = [getattr(sample, name) for sample in samples]
    return f"{numbers[0]:.0f}, {numbers[-1]:.0f}, {max(numbers):.0f}"


def _warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[int(len(samples) * WARM_UP) :]


def _memory(samples: Sequence[Sample]) -> Iterable[Row]:
    warm = _warm(samples)
    names = [name for name in samples[-1].memory if all(name in one.memory for one in warm)]
    series: dict[str, list[tuple[float, float]]] = {
        name: [(one.at, one.memory[name]) for one in warm] for name in names
    }
    series["valkey's own count"] = [(one.at, one.valkey) for one in warm]
    for name, points in series.items():
        grows = slope(points)
        judged = "shared buffers" not in name  # they fill with what is read, up to their size
        yield Row(
            f"memory of {name}",
            f"{points[0][1]:.0f} to {points[-1][1]:.0f} MB, {grows:+.0f} MB an hour",
            "",
            f"under {FLAT:.0f}" if judged else "",
            grows < FLAT if judged else None,
        )


def _tables(samples: Sequence[Sample]) -> Iterable[Row]:
    for name in samples[-1].tables:
        (size, _), (end, dead) = samples[0].tables.get(name, (0.0, 0)), samples[-1].tables[name]
        most = max(one.tables[name][1] for one in samples if name in one.tables)
        yield Row(f"table {name}", f"{size:.1f} to {end:.1f} MB, {dead} dead rows, {most} at most")
