"""How many alerts are taken: answered 2xx is committed. A repeat, and a new one with everything it starts."""

from __future__ import annotations

from bench.events import event, floor_request
from bench.load import Figures, Request, measure
from bench.stack import Stack
from bench.table import Row

SECONDS = 5.0
ROUNDS = 3
CONNECTIONS = 16


def rows(stack: Stack) -> list[Row]:
    """Each kind once per round, so that a slow minute of the machine meets all of them."""
    key, runs = stack.integration_key, dict[str, list[Figures]]()

    def run(name: str, request: Request, port: int = stack.port) -> None:
        print(f"accept: {name} …", flush=True)
        found = measure(port, request, connections=CONNECTIONS, seconds=SECONDS)
        runs.setdefault(name, []).append(found)

    for number in range(ROUNDS):
        run("floor", floor_request, stack.floor_port)
        run("repeated alert", lambda _: new_alert(key, "same"))
        run("new alert, delivery beside it", lambda n, r=number: new_alert(key, f"{r}-{n}"))  # type: ignore[misc]
        stack.tidy()
        with stack.alone():
            run("new alert, accepting alone", lambda n, r=number: new_alert(key, f"{r}-{n}"))  # type: ignore[misc]
            stack.tidy_rows()
    return _rows(runs)


def new_alert(key: str, number: str) -> bytes:
    """The worst case: a P1, which calls three people."""
    return event(key, number, rule=f"Rule {number}", service="orchestrator", severity="critical")


def _rows(runs: dict[str, list[Figures]]) -> list[Row]:
    goals = {"repeated alert": 0.60, "new alert, accepting alone": 0.10}
    floor = middle(runs["floor"])
    found = [Row("the floor: one INSERT", said(floor))]
    for name in [name for name in runs if name != "floor"]:
        figures = middle(runs[name])
        share = figures.per_second / floor.per_second
        goal = goals.get(name)
        found.append(
            Row(
                name,
                said(figures),
                f"{share:.1%} of {floor.per_second:.0f}/s",
                f"{goal:.0%}" if goal else "",
                share >= goal if goal else None,
            )
        )
    return found


def middle(runs: list[Figures]) -> Figures:
    return sorted(runs, key=lambda figures: figures.per_second)[len(runs) // 2]


def said(figures: Figures) -> str:
    refused = sum(n for status, n in figures.statuses.items() if not 200 <= status < 300)
    return f"{figures.per_second:.0f}/s, p50 {figures.p50:.1f} ms, p99 {figures.p99:.0f} ms" + (
        f", {refused} refused" if refused else ""
    )
