"""Monitoring that sends alerts at a steady rate and tries again as real senders do, with a ledger."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from tests.faults.harness.waiting import until

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_numbers = itertools.count(1)


@dataclass(slots=True)
class Sent:
    """One event. `accepted` is the instant of its 2xx; `unsure` counts tries that had no such answer
    and may have been taken all the same."""

    dedup_key: str
    service: str
    began: float
    accepted: float | None = None
    unsure: int = 0
    statuses: list[int] = field(default_factory=list)


class Sender(Protocol):
    """Whoever sends events and keeps a ledger of them."""

    sent: list[Sent]

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Doors:
    """Where events go, by which keys, about which services."""

    port: int
    pagerduty_key: str
    generic_key: str
    services: tuple[str, ...]


def post(
    port: int, path: str, body: bytes, *, kind: str = "application/json", seconds: float = 15
) -> int:
    """The status of one POST; 0 when there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def event(doors: Doors, number: int, dedup_key: str, service: str) -> tuple[str, bytes]:
    """The path and body of one event: by turns PagerDuty's and any JSON. Each has a rule of its own."""
    if number % 2:
        body = {
            "routing_key": doors.pagerduty_key,
            "event_action": "trigger",
            "dedup_key": dedup_key,
            "payload": {
                "summary": f"{dedup_key} burns",
                "source": "faults",
                "severity": "critical",
                "component": service,
                "class": f"rule {dedup_key}",
            },
        }
        return "/v2/enqueue", json.dumps(body).encode()
    told = {
        "title": f"{dedup_key} burns", "dedup_key": dedup_key, "severity": "critical",
        "service": service, "rule": f"rule {dedup_key}",
    }  # fmt: skip
    return f"/hooks/generic/{doors.generic_key}", json.dumps(told).encode()


class Load:
    """Events at a steady rate. Every fourth repeats the alert before it."""

    def __init__(self, doors: Doors, *, rate: float, seconds: float, patience: float) -> None:
        self.doors = doors
        self.sent: list[Sent] = []
        self._every = 1 / rate
        self._count = max(1, round(rate * seconds))
        self._patience = patience
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> Load:
        self._thread.start()
        return self

    def finish(self) -> None:
        """Waits until every event was accepted or given up."""
        self._thread.join(self._count * self._every + self._patience + 60)
        assert not self._thread.is_alive(), "the load does not end"

    def stop(self) -> None:
        """Sends nothing more: the test is over."""
        self._stopped.set()
        self.finish()

    def reach(self, seconds: float) -> None:
        """Waits until it has sent as many events as it sends in that time."""
        wanted = min(self._count, round(seconds / self._every))
        until(lambda: len(self.sent) >= wanted, seconds=seconds + 60, what=f"{wanted} events")

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def refused(self) -> list[Sent]:
        return [sent for sent in self.sent if sent.accepted is None]

    def _run(self) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(16, thread_name_prefix="sender") as pool:
            for index in range(self._count):
                if self._stopped.wait(max(0.0, began + index * self._every - time.monotonic())):
                    return
                before = self.sent[-1] if self.sent else None
                if index % 4 == 3 and before is not None:
                    number = int(before.dedup_key.rpartition("-")[2])
                    sent = Sent(before.dedup_key, before.service, time.monotonic())
                else:
                    number = next(_numbers)
                    service = self.doors.services[number // 2 % len(self.doors.services)]
                    sent = Sent(f"fault-{number}", service, time.monotonic())
                self.sent.append(sent)
                pool.submit(self._send, number, sent)

    def _send(self, number: int, sent: Sent) -> None:
        path, body = event(self.doors, number, sent.dedup_key, sent.service)
        ends = time.monotonic() + self._patience
        while time.monotonic() < ends and not self._stopped.is_set():
            status = post(self.doors.port, path, body)
            sent.statuses.append(status)
            if 200 <= status < 300:
                sent.accepted = time.monotonic()
                return
            sent.unsure += 1
            if status and status not in AGAIN:
                return
            time.sleep(0.3)


@contextmanager
def repeating(act: Callable[[], object], *, every: float) -> Iterator[None]:
    """Does something again and again beside the test, as long as the context lasts."""
    done = threading.Event()
    wrong: list[BaseException] = []

    def run() -> None:
        while not done.is_set():
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - handed to the test below
                wrong.append(error)
                return
            done.wait(every)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(30)
    if wrong:
        raise wrong[0]
