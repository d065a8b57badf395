"""Who is on call, over HTTP with a token: as fast as half of the floor; and the pure rules alone."""

from __future__ import annotations

import json

from bench.accept import middle, said
from bench.events import floor_request
from bench.load import Figures, Request, get, measure
from bench.stack import Stack
from bench.table import Row, ms

SECONDS = 5.0
ROUNDS = 3
CONNECTIONS = 16


def rows(stack: Stack) -> list[Row]:
    token = stack.demo["api_tokens"]["engineer"]
    one = get("/api/v1/on-call/?team=mother-harness", token=token)
    every = get("/api/v1/on-call/", token=token)
    runs: dict[str, list[Figures]] = {"floor": [], "one": [], "every": []}

    def run(name: str, request: Request, port: int) -> None:
        print(f"oncall: {name} …", flush=True)
        runs[name].append(measure(port, request, connections=CONNECTIONS, seconds=SECONDS))

    for _ in range(ROUNDS):
        run("floor", floor_request, stack.floor_port)
        run("one", lambda _: one, stack.port)
    run("every", lambda _: every, stack.port)
    floor, found, whole = (middle(runs[name]) for name in ("floor", "one", "every"))
    share = found.per_second / floor.per_second
    rotas = stack.ask("SELECT count(*) FROM rotations_rota")
    rules = json.loads(stack.shell("from bench import resolver; resolver.time_it()"))
    instant = max(rules["instant"], rules["crowded"])
    return [
        Row("who is on call, one team", said(found), f"{share:.0%} of {floor.per_second:.0f}/s", "50%", share >= 0.5),
        Row("  p99", f"{found.p99:.1f} ms", f"{floor.p99:.1f} ms", "4 times", found.p99 <= 4 * floor.p99),
        Row(f"who is on call, all {rotas} rotas", said(whole)),
        Row("the resolver by itself, one instant", f"{instant * 1e6:.1f} µs", "", "50 µs", instant < 50e-6),
        Row("  half a year of weeks", ms(rules["weeks"])),
        Row("  half a year of hours", ms(rules["hours"])),
    ]  # fmt: skip
