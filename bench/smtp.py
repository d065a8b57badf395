"""A mail server on loopback that takes everything at once and notes when: small, so that it is no limit itself."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TOKEN = re.compile(rb"\bbench-mark-\w+-\d+")


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail: when its last line was here (monotonic seconds), to whom, and the marks of the alerts it names."""

    at: float
    to: bytes
    marks: tuple[bytes, ...]


@dataclass(slots=True)
class Ledger:
    """What was taken, in order."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)

    def since(self, start: float) -> list[Taken]:
        return [mail for mail in self.taken if mail.at >= start]

    def first_of(self, start: float) -> dict[bytes, float]:
        """When each mark was first heard of."""
        found: dict[bytes, float] = {}
        for mail in self.since(start):
            for mark in mail.marks:
                found.setdefault(mark, mail.at)
        return found


class _Session(asyncio.Protocol):
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.buffer = b""
        self.to = b""
        self.data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.transport.write(b"220 bench ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.data else b"\r\n"
            text, found, rest = self.buffer.partition(end)
            if not found:
                return
            self.buffer = rest
            self._take(text) if self.data else self._command(text)

    def _take(self, text: bytes) -> None:
        subject = re.search(rb"^Subject:(.*(?:\r\n[ \t].*)*)", text, re.MULTILINE)
        where = text if subject and b" more)" in subject[1] else subject[1] if subject else b""
        marks = tuple(dict.fromkeys(TOKEN.findall(where)))
        self.ledger.taken.append(Taken(time.monotonic(), self.to, marks))
        self.data = False
        self.transport.write(b"250 taken\r\n")

    def _command(self, line: bytes) -> None:
        word = line[:4].upper()
        if word == b"RCPT":
            self.to = line[8:].strip(b"<> ")
        if word == b"DATA":
            self.data = True
            self.transport.write(b"354 go on\r\n")
        elif word == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            self.transport.write(b"250 bench\r\n")


@contextmanager
def mail_server() -> Iterator[Ledger]:
    """Runs in a thread of its own, so that its ledger and the load's clock are one process's."""
    ledger = Ledger()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: _Session(ledger), "127.0.0.1", 0, backlog=512)
    )
    ledger.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="mail server", daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
