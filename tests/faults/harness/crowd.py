"""Many senders at once, in one thread's loop, each with a connection per event and patience."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.harness.load import AGAIN, Doors, Sent, event
from tests.faults.harness.stack import Stack


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to where, and where it is noted. Only what tells of an alert counts as told."""

    sent: Sent
    path: str
    body: bytes
    counts: bool = True


def letter(doors: Doors, number: int, dedup_key: str, service: str) -> Letter:
    """One event, as the load sends them."""
    return Letter(Sent(dedup_key, service, 0.0), *event(doors, number, dedup_key, service))


def answer(doors: Doors, action: str, dedup_key: str) -> Letter:
    """What a source says of an alert it has sent: "acknowledge" or "resolve"."""
    body = {"routing_key": doors.pagerduty_key, "event_action": action, "dedup_key": dedup_key}
    return Letter(Sent(dedup_key, "", 0.0), "/v2/enqueue", json.dumps(body).encode(), counts=False)


class Crowd:
    """Sends rows of letters: each row in its order, up to `at_once` rows beside each other, begun at
    `rate` rows a second when one is given."""

    def __init__(
        self,
        port: int,
        rows: Sequence[Sequence[Letter]],
        *,
        at_once: int,
        patience: float,
        rate: float | None = None,
    ) -> None:
        self.sent: list[Sent] = []
        self._port = port
        self._rows = rows
        self._at_once = at_once
        self._every = 1 / rate if rate else 0.0
        self._patience = patience
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)

    def start(self) -> Crowd:
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def finish(self) -> None:
        """Waits until every letter was accepted or given up."""
        self._thread.join(len(self._rows) * self._every + self._patience + 60)
        assert not self.running, "the crowd does not end"

    def _run(self) -> None:
        asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        began = time.monotonic()
        places = asyncio.Semaphore(self._at_once)
        async with asyncio.TaskGroup() as tasks:
            for index, row in enumerate(self._rows):
                await asyncio.sleep(max(0.0, began + index * self._every - time.monotonic()))
                await places.acquire()
                tasks.create_task(self._row(row)).add_done_callback(lambda _: places.release())

    async def _row(self, row: Sequence[Letter]) -> None:
        for letter in row:
            letter.sent.began = time.monotonic()
            if letter.counts:
                self.sent.append(letter.sent)
            await self._deliver(letter)

    async def _deliver(self, letter: Letter) -> None:
        sent = letter.sent
        ends = time.monotonic() + self._patience
        while time.monotonic() < ends:
            status = await self._post(letter)
            sent.statuses.append(status)
            if 200 <= status < 300:
                sent.accepted = time.monotonic()
                return
            sent.unsure += status == 0
            if status and status not in AGAIN:
                return
            await asyncio.sleep(0.3)

    async def _post(self, letter: Letter) -> int:
        """The status of one POST; 0 when there was no answer."""
        head = (
            f"POST {letter.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(letter.body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(head.encode() + letter.body)
                    answer = await reader.read()
                finally:
                    writer.close()
            return int(answer.split(b" ", 2)[1])
        except (OSError, TimeoutError, IndexError, ValueError):
            return 0


def one_alert_each(stack: Stack) -> Crowd:
    """One alert of each service, to see who is called."""
    services = enumerate(stack.world.services, start=9001)
    row = [letter(stack.doors, n, f"calm-{n}", service) for n, service in services]
    crowd = Crowd(stack.port, [row], at_once=1, patience=stack.profile.patience).start()
    crowd.finish()
    return crowd


def paged_first(stack: Stack, channel: str) -> tuple[str, str]:
    """A service whose primary is paged over this channel first, and that person."""
    service, person = stack.rows(
        """
        SELECT service.slug, person.email FROM alerts_alert AS alert
        JOIN directory_service AS service ON service.id = alert.service_id
        JOIN notifications_pageout AS call ON call.subject_type = 'incident'
         AND call.subject_id = alert.incident_id AND call.step_key LIKE '%%/primary/%%'
        JOIN notifications_page AS page ON page.page_out_id = call.id AND page.position = 0
        JOIN directory_user AS person ON person.id = call.user_id
        WHERE page.channel = %s ORDER BY alert.id LIMIT 1
        """,
        channel,
    )[0]
    return service, person
