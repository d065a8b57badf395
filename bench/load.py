"""A load generator small enough to leave the processors to what is measured."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

Request = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: requests per second answered 2xx, their latency in milliseconds, the bytes of the largest body."""

    per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]
    p95: float = 0
    largest: int = 0


@dataclass(slots=True)
class Sent:
    """A run at a given pace: when each request went out and when it was answered 2xx (monotonic seconds)."""

    statuses: Counter[int] = field(default_factory=Counter)
    began: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    again: int = 0

    @property
    def accepted(self) -> int:
        return len(self.answered)


def post(path: str, body: bytes, *, token: str = "") -> bytes:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{bearer}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, *, token: str = "", cookie: str = "") -> bytes:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    cookies = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}{cookies}\r\n".encode()


def measure(port: int, request: Request, *, connections: int, seconds: float) -> Figures:
    """Sends `request(n)`, n counting up, over kept connections for so many seconds."""
    return asyncio.run(_measure(port, request, connections, seconds))


async def _measure(port: int, request: Request, connections: int, seconds: float) -> Figures:
    numbers = iter(range(10**9))
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    largest = 0
    started = time.perf_counter()
    ends = started + seconds

    async def client() -> None:
        nonlocal largest
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < ends:
            sent = time.perf_counter()
            writer.write(request(next(numbers)))
            status, body = await _answer(reader)
            statuses[status] += 1
            if 200 <= status < 300:
                latencies.append(time.perf_counter() - sent)
                largest = max(largest, len(body))
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    spent = time.perf_counter() - started
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return Figures(
        len(latencies) / spent,
        cuts[49] * 1000,
        cuts[98] * 1000,
        dict(statuses),
        cuts[94] * 1000,
        largest,
    )


async def paced(
    port: int,
    request: Request,
    *,
    per_second: float,
    count: int,
    connections: int = 64,
    again: int = 0,
) -> Sent:
    """Sends so many requests at their instants, whether or not the earlier ones are answered.

    What is refused or lost is sent again a second later, so many times, as the senders of alerts do.
    """
    sent = Sent()
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(min(connections, count)):
        free.put_nowait(_Connection(port))
    started = time.monotonic()

    async def one(number: int) -> None:
        await asyncio.sleep(started + number / per_second - time.monotonic())
        sent.began[number] = time.monotonic()
        for _ in range(1 + again):
            connection = await free.get()
            status = await connection.ask(request(number))
            free.put_nowait(connection)
            sent.statuses[status] += 1
            if 200 <= status < 300:
                sent.answered[number] = time.monotonic()
                return
            if again:
                sent.again += 1
                await asyncio.sleep(1)

    await asyncio.gather(*(one(number) for number in range(count)))
    while not free.empty():
        free.get_nowait().close()
    return sent


class _Connection:
    """Kept between requests; opened again when the server has closed it, as it does with one that idles for long."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """The answer's status; 0 when there was none."""
        try:
            if self.streams is None or self.streams[0].at_eof():
                self.streams = await asyncio.open_connection("127.0.0.1", self.port)
            self.streams[1].write(request)
            return (await _answer(self.streams[0]))[0]
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None


async def once(port: int, request: bytes) -> tuple[int, bytes]:
    """One request over a connection of its own: status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    body = b""
    for line in head.split("\r\n"):
        if line.startswith("content-length:"):
            body = await reader.readexactly(int(line.partition(":")[2]))
    return status, body
