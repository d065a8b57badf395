"""A thousand rotas: who is on call, the horizon drawn, one rota changed; and the page of fifty."""

from __future__ import annotations

import json

from bench.events import floor_request
from bench.load import get, measure
from bench.stack import Stack
from bench.table import Row, ms

SECONDS = 5.0
READERS = 2


def rows(stack: Stack) -> list[Row]:
    print("rotas: 1,000 of them …", flush=True)
    found = json.loads(
        stack.shell("from bench import rosters; rosters.time_them()").splitlines()[-1]
    )
    floor = measure(stack.floor_port, floor_request, connections=READERS, seconds=SECONDS)
    page = get("/rotations/", cookie=stack.signed_in("manager"))
    figures = measure(stack.port, lambda _: page, connections=READERS, seconds=SECONDS)
    fixed = found["queries"] == found["queries_of_few"]
    well = set(figures.statuses) == {200}
    return [
        Row(
            f"who is on call, {found['rotas']:.0f} rotas from the database",
            f"{ms(found['on_call'])}, {found['queries']:.0f} queries",
            f"{found['queries_of_few']:.0f} queries for 50", "300 ms, as many queries",
            found["on_call"] < 0.3 and fixed,
        ),
        Row(
            "their shifts of 26 weeks drawn", f"{found['drawn']:.1f} s", f"{found['shifts']:.0f} shifts",
            "60 s", found["drawn"] < 60,
        ),
        Row("  all looked at, proved and told", f"{found['looked']:.1f} s"),
        Row(
            "a change of one of them", ms(found["change"]), f"slowest {ms(found['slowest_change'])}",
            "200 ms", found["change"] < 0.2,
        ),
        Row(
            "the page of all rotas, four weeks of 50",
            f"p95 {figures.p95:.0f} ms, {figures.largest / 1000:.0f} KB"
            + ("" if well else f", answers {figures.statuses}"),
            f"p95 {floor.p95:.1f} ms", "200 ms", figures.p95 < 200 and well,
        ),
    ]  # fmt: skip
