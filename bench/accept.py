"""How many alerts are taken: answered 2xx is committed. A repeat, and a new one with everything it starts."""

from __future__ import annotations

from dataclasses import dataclass

from bench.events import event, floor_request
from bench.load import Figures, Request, measure
from bench.processor import STRANGE, Used, calm, watched
from bench.stack import Stack, until
from bench.table import Row

SECONDS = 4.0
WARM_UP = 1.0
ROUNDS = 5
CONNECTIONS = 16
FLOOR, REPEAT = "the floor: one INSERT", "repeated alert"
NEW, DELIVERED = "new alert", "new alert, and the same processors deliver its pages"
GOALS = {REPEAT: 0.60, NEW: 0.10}
CALM_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Run:
    """One kind for some seconds: what was answered, and what it cost."""

    figures: Figures
    used: Used


def rows(stack: Stack) -> list[Row]:
    """Each kind once per round, so that a slow minute of the machine meets all of them; the first three
    with nobody who delivers, each after the last one's work is done. Where others left the machine alone in
    some rounds, only those count."""
    key, runs = stack.integration_key, dict[str, list[Run]]()

    def run(name: str, request: Request, seconds: float = SECONDS) -> Run:
        print(f"accept: {name} …", flush=True)
        with watched(stack) as used:
            figures = measure(stack.port, request, connections=CONNECTIONS, seconds=seconds)
        return Run(figures, used)

    def kinds(number: str) -> dict[str, Request]:
        return {
            FLOOR: floor_request,
            REPEAT: lambda _: new_alert(key, "same"),
            NEW: lambda n: new_alert(key, f"{number}-{n}"),
        }

    stack.rest()
    with stack.alone():
        for name, request in kinds("warm").items():
            run(name, request, WARM_UP)
        stack.tidy_rows()
    for number in range(ROUNDS):
        stack.rest()
        calm(stack, within=CALM_WITHIN)
        with stack.alone():
            for name, request in kinds(f"{number}-alone").items():
                until(lambda: not stack.at_work(), within=60)
                runs.setdefault(name, []).append(run(name, request))
            stack.tidy_rows()
        stack.rest()
        runs.setdefault(DELIVERED, []).append(run(DELIVERED, kinds(str(number))[NEW]))
        stack.tidy()
    return _rows(runs)


def new_alert(key: str, number: str) -> bytes:
    """The worst case: a P1, which calls three people."""
    return event(key, number, rule=f"Rule {number}", service="orchestrator", severity="critical")


def _rows(runs: dict[str, list[Run]]) -> list[Row]:
    runs = {name: _undisturbed(every) for name, every in runs.items()}
    floor = middle([run.figures for run in runs[FLOOR]])
    found = []
    for name, every in runs.items():
        figures = middle([run.figures for run in every])
        share = figures.per_second / floor.per_second
        goal = GOALS.get(name)
        found += [
            Row(
                name,
                f"{said(figures)} ({len(every)} of {ROUNDS} rounds)",
                f"{share:.1%} of {floor.per_second:.0f}/s" if name != FLOOR else "",
                f"{goal:.0%}" if goal else "",
                share >= goal if goal else None,
            ),
            Row("  each", cost(next(run for run in every if run.figures is figures))),
        ]
    return found


def _undisturbed(every: list[Run]) -> list[Run]:
    return [run for run in every if run.used.others < STRANGE] or every


def cost(run: Run) -> str:
    """Processor time of one request, by program: it travels between machines a little better than a rate."""
    taken = run.used.others
    strange = f"; others took {taken:.0%} of the machine" if taken > STRANGE else ""
    return run.used.said(sum(run.figures.statuses.values())) + strange


def middle(runs: list[Figures]) -> Figures:
    return sorted(runs, key=lambda figures: figures.per_second)[len(runs) // 2]


def said(figures: Figures) -> str:
    refused = sum(n for status, n in figures.statuses.items() if not 200 <= status < 300)
    return f"{figures.per_second:.0f}/s, p50 {figures.p50:.1f} ms, p99 {figures.p99:.0f} ms" + (
        f", {refused} refused" if refused else ""
    )
