"""What people look at with 100,000 incidents in the database: how long, how heavy."""

from __future__ import annotations

import asyncio
import time

from bench.events import event, floor_request, mark
from bench.load import get, measure, paced
from bench.slugs import slug_of
from bench.stack import Stack
from bench.table import Row

INCIDENTS = 100_000
OPEN = 50
SECONDS = 3.0
READERS = 2
MOST_MS = 150
MOST_BYTES = 150_000


def rows(stack: Stack) -> list[Row]:
    began = time.monotonic()
    print(f"pages: {INCIDENTS} incidents …", flush=True)
    print(stack.shell(f"from bench import history; history.make({INCIDENTS})"), flush=True)
    print(f"pages: made within {time.monotonic() - began:.0f} s", flush=True)
    fire(stack)
    floor = measure(stack.floor_port, floor_request, connections=READERS, seconds=SECONDS)
    found = []
    for name, request, judged in addresses(stack):
        figures = measure(stack.port, lambda _, r=request: r, connections=READERS, seconds=SECONDS)  # type: ignore[misc]
        good = (
            figures.p95 < MOST_MS
            and figures.largest < MOST_BYTES
            and set(figures.statuses) == {200}
        )
        found.append(
            Row(
                name,
                f"p95 {figures.p95:.0f} ms, {figures.largest / 1000:.0f} KB"
                + ("" if set(figures.statuses) == {200} else f", answers {figures.statuses}"),
                f"p95 {floor.p95:.1f} ms",
                f"{MOST_MS} ms, {MOST_BYTES // 1000} KB" if judged else "",
                good if judged else None,
            )
        )  # fmt: skip
    return found


def fire(stack: Stack) -> None:
    """Incidents that are open, opened as any other: by an alert."""

    def request(number: int) -> bytes:
        rule = mark("open", number)
        return event(stack.integration_key, rule, rule=rule, service=slug_of(number))

    asyncio.run(paced(stack.port, request, per_second=10, count=OPEN))
    stack.quiet()


def addresses(stack: Stack) -> list[tuple[str, bytes, bool]]:
    """Name, request, and whether the goal is for it."""
    manager, admin = stack.signed_in("manager"), stack.signed_in("admin")
    of = "SELECT ref FROM incidents_incident WHERE status"
    open_ref = stack.ask(f"{of} = 'triggered' ORDER BY id DESC LIMIT 1")
    old_ref = stack.ask(f"{of} = 'closed' ORDER BY entries DESC, id DESC LIMIT 1")
    pages = [
        ("home", "/", True),
        ("an open incident", f"/incidents/{open_ref}/", True),
        ("a closed incident with the longest record", f"/incidents/{old_ref}/", True),
        ("the list, open", "/incidents/", True),
        ("the list, all", "/incidents/?status=all", True),
        ("the list, all, far back", "/incidents/?status=all&page=2000", True),
        ("the list, all, a text that is nowhere", "/incidents/?status=all&q=nowhere-to-be-found", True),
        ("the list, all of one service", "/incidents/?status=all&service=orchestrator", True),
    ]  # fmt: skip
    found = [(name, get(path, cookie=manager), judged) for name, path, judged in pages]
    found += [
        ("home of a responder", get("/", cookie=stack.signed_in("security")), True),
        ("the admin's front page", get("/admin/", cookie=admin), True),
        ("the admin's list of incidents", get("/admin/incidents/incident/", cookie=admin), True),
        ("the API's list of incidents", get("/api/v1/incidents/", token=stack.demo["api_tokens"]["engineer"]), True),
    ]  # fmt: skip
    return found
