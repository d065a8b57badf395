"""What `bench.clock` measures, inside a Django of its own: seeds the database, times ticks and steps."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median, quantiles
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bench.clock import ROOT, Row
from deadlines.extension import Actor
from deadlines.models import Deadline
from deadlines.queries import database_now
from deadlines.services import enforce, enforcement, restore_schedule
from directory.models import Service
from incidents.services import DeclareFacts, declare
from portal.clock import Clock

TICKS = 200

LATER = """
INSERT INTO deadlines_deadline (kind, subject_type, subject_id, key, round, clause, nature, reach, due_at, run_at,
    state, owed_by, payload, evidence, late_reason, tries, last_error, created_at)
SELECT 'bench.later', 'bench', n, %(prefix)s || n, 0, '', 'act', 'now', at, at, 'pending', '', '{}', '{}', '', 0, '',
    now()
FROM generate_series(1, %(rows)s) AS n, LATERAL (SELECT now() + %(from)s + n * interval '1 second' AS at) AS due
"""
SETTLED = """
UPDATE deadlines_deadline SET state = 'met', settled_at = now(), fulfilled_at = now()
WHERE key LIKE %(prefix)s || '%%'
"""


def measure(pending: tuple[int, ...], settled: int, due: int) -> None:
    """Prints the rows as one line of JSON."""
    settings.NUDGE_WORKERS = False
    call_command("migrate", verbosity=0)
    call_command("load_procedure", ROOT / "procedures" / "mother_harness.toml", stdout=sys.stderr)
    call_command("seed_demo", stdout=sys.stderr)
    restore_schedule(now=database_now(), quiet=True)
    rows = [_lateness(f"{due} steps of one second", due)]
    before = 0
    for number in pending:
        _fill(f"later.{number}.", number - before, "30 days")
        before = number
        rows.append(_ticks(f"empty tick, {number:,} pending"))
    _settle(settled)
    rows.append(_ticks(f"the same, {settled:,} just settled, before a vacuum"))
    _execute("VACUUM ANALYZE deadlines_deadline", {})
    rows.append(_ticks(f"the same, {settled:,} settled"))
    rows.append(_lateness(f"{due} steps of one second among all these", due))
    print(json.dumps(rows))


def _fill(prefix: str, rows: int, start: str) -> None:
    _execute(LATER, {"prefix": prefix, "rows": rows, "from": start})
    _execute("ANALYZE deadlines_deadline", {})


def _settle(rows: int) -> None:
    """What was due and is met leaves dead entries at the very end of the index where the clock looks."""
    _fill("settled.", rows, "-30 days")
    _execute(SETTLED, {"prefix": "settled."})


def _execute(statement: str, values: dict[str, Any]) -> None:

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(statement, values or None)


def _ticks(what: str) -> Row:
    """Ticks as the clock process makes them, turn about with the floor."""

    def floor() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()

    def tick() -> None:
        enforce(process="clock:bench")

    ticks, floors = [], []
    for _ in range(TICKS):
        floors.append(_timed(floor))
        ticks.append(_timed(tick))
    return _row(what, ticks, "5 ms") | {"floor": round(median(floors), 3)}


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _lateness(what: str, due: int) -> Row:
    """Steps of real incidents that fall due within one second, on a clock that runs as it always does.

    Late is the moment at which the step's transaction has been committed, less the instant it was due.
    """

    pks = _steps(due)
    start = database_now() + timedelta(seconds=4)
    chance = random.Random(1)  # noqa: S311 - spreads the due times
    moments = {pk: start + timedelta(seconds=chance.random()) for pk in pks}
    for pk, at in moments.items():
        Deadline.objects.filter(pk=pk).update(due_at=at, run_at=at)
    late: list[float] = []

    def committed(pk: int, at: float) -> None:
        if pk in moments:
            late.append((at - moments[pk].timestamp()) * 1000)

    clock = Clock()
    with _told_of_each(committed):
        thread = threading.Thread(target=clock.run)
        thread.start()
        limit = time.monotonic() + 60
        while len(late) < due and time.monotonic() < limit:
            time.sleep(0.05)
        clock.stop()
        thread.join()
    return _row(what, late, "1.5 s")


def _steps(number: int) -> list[int]:

    service = Service.objects.order_by("id").first()
    assert service is not None  # noqa: S101 - the sample team has some
    actor, now = Actor("integration", 1, "Bench"), database_now()
    ids = [
        declare(
            DeclareFacts(f"Bench {n}", severity="P2", services=[service.pk]), actor=actor, now=now
        ).pk
        for n in range(number)
    ]
    steps = Deadline.objects.filter(
        kind="incident.step", subject_id__in=ids, payload__cause="unacknowledged", state="pending"
    )
    return list(steps.values_list("pk", flat=True))


@contextmanager
def _told_of_each(heard: Callable[[int, float], None]) -> Iterator[None]:
    """Hears of each promise that was handled, and when that was committed."""
    handle = enforcement._handle

    def watched(*args: Any) -> Any:
        result = handle(*args)
        if result[0] and result[1] is not None:
            heard(result[1].pk, time.time())
        return result

    vars(enforcement)["_handle"] = watched
    try:
        yield
    finally:
        vars(enforcement)["_handle"] = handle


def _row(what: str, times: list[float], goal: str) -> Row:
    cuts = quantiles(times, n=100)
    return {
        "what": what, "p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "most": round(max(times), 2),
        "n": len(times), "goal": goal,
    }  # fmt: skip
