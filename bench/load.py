"""A load generator small enough to leave the processors to what is measured."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles

Request = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: requests per second answered 2xx, and their latency in milliseconds."""

    per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]


def post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def measure(port: int, request: Request, *, connections: int, seconds: float) -> Figures:
    """Sends `request(n)`, n counting up, over kept connections for so many seconds."""
    return asyncio.run(_measure(port, request, connections, seconds))


async def _measure(port: int, request: Request, connections: int, seconds: float) -> Figures:
    numbers = iter(range(10**9))
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    started = time.perf_counter()
    ends = started + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < ends:
            sent = time.perf_counter()
            writer.write(request(next(numbers)))
            status = await _answer(reader)
            statuses[status] += 1
            if 200 <= status < 300:
                latencies.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    spent = time.perf_counter() - started
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return Figures(len(latencies) / spent, cuts[49] * 1000, cuts[98] * 1000, dict(statuses))


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    for line in head.split("\r\n"):
        if line.startswith("content-length:"):
            await reader.readexactly(int(line.partition(":")[2]))
    return status
