"""10,000 alerts of one service, and meanwhile another service's fresh alert, which must not wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bench.events import event, mark
from bench.load import Sent, paced
from bench.memory import megabytes
from bench.slugs import slug_of
from bench.smtp import Ledger
from bench.stack import Stack, until
from bench.table import Row, ms

ALERTS = 10_000
FRESH_EVERY = 5.0
FRESH_WITHIN = 5.0


def rows(stack: Stack, ledger: Ledger) -> list[Row]:
    found = _storm(stack, ledger, "50 keys", lambda n: str(n % 50), seconds=30)
    stack.tidy()
    found += _storm(stack, ledger, f"{ALERTS} keys of one group", str, seconds=60)
    stack.tidy()
    return found


def _storm(
    stack: Stack, ledger: Ledger, name: str, key_of: Callable[[int], str], *, seconds: int
) -> list[Row]:
    print(f"storm: {ALERTS} alerts, {name}, within {seconds} s …", flush=True)
    key, run = stack.integration_key, name.split()[0]
    before, started = megabytes(stack), time.monotonic()
    fresh = mark(f"fresh{run}", 0).rpartition("-")[0]

    def storming(number: int) -> bytes:
        return event(key, f"storm-{run}-{key_of(number)}", rule=f"Storm {run}", service="docling")

    def probing(number: int) -> bytes:
        word = f"{fresh}-{number}"
        return event(key, word, rule=word, service=slug_of(number))

    async def both() -> tuple[Sent, Sent]:
        return await asyncio.gather(
            paced(stack.port, storming, per_second=ALERTS / seconds, count=ALERTS, again=5),
            paced(stack.port, probing, per_second=1 / FRESH_EVERY, count=int(seconds / FRESH_EVERY)),
        )  # fmt: skip

    storm, probes = asyncio.run(both())
    spent = max(storm.answered.values(), default=started) - started
    print(f"storm: {storm.accepted} accepted within {spent:.0f} s", flush=True)
    until(lambda: all(_mark(fresh, n) in ledger.first_of(started) for n in probes.began), within=30)
    heard = ledger.first_of(started)
    late = [
        heard[_mark(fresh, number)] - began if _mark(fresh, number) in heard else float("inf")
        for number, began in probes.began.items()
    ]
    counted = stack.ask(
        "SELECT coalesce(sum(count), 0) FROM alerts_alert WHERE dedup_key LIKE %s", f"storm-{run}-%"
    )
    after = megabytes(stack)
    return [
        Row(
            f"storm, {name}: accepted",
            f"{storm.accepted} in {spent:.0f} s, {storm.again} sent again, answers {dict(storm.statuses)}",
            "", f"all, {seconds + 5} s", storm.accepted == ALERTS and spent <= seconds + 5,
        ),
        Row("  counted in the database", str(counted), "", str(ALERTS), counted == ALERTS),
        Row(
            f"  {len(late)} fresh alerts of others meanwhile, the slowest to its mail",
            ms(max(late)) if late else "none", "", "5 s", bool(late) and max(late) < FRESH_WITHIN,
        ),
        *(
            Row(f"  memory of {name}", f"{_mb(before, name)} before, {_mb(after, name)} after")
            for name in sorted({*before, *after})
        ),
    ]  # fmt: skip


def _mb(sizes: dict[str, float], name: str) -> str:
    return f"{sizes[name]:.0f} MB" if name in sizes else "none"


def _mark(fresh: str, number: int) -> bytes:
    return f"{fresh}-{number}".encode()
