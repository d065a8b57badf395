"""The world outside: a mail server and a webhook receiver that no fault touches, with one ledger.

They run in one thread's loop and misbehave as told, also towards connections that are open already.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as email_policy
from typing import Any, Literal

Mode = Literal["fine", "hang", "hold", "drip", "drop"]
"""hang: says nothing more; hold: takes the message and keeps its answer back; drip: a byte a second;
drop: takes the message and cuts the connection before its answer."""

LOOK_EVERY = 0.02


@dataclass(slots=True)
class Delivery:
    """One message that arrived whole. `answered` tells whether the sender was told so."""

    channel: str
    key: str
    recipient: str
    wall: float
    monotonic: float
    text: str
    answered: bool = False

    @property
    def phone_paths(self) -> list[str]:
        return list(dict.fromkeys(re.findall(r"/p/[A-Za-z0-9_=-]+/", self.text)))


@dataclass
class Ledger:
    """What arrived, in order. Only appended to; a test begins with an empty one."""

    deliveries: list[Delivery] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, delivery: Delivery) -> None:
        with self._lock:
            self.deliveries.append(delivery)

    def clear(self) -> None:
        with self._lock:
            self.deliveries.clear()
            self.beats.clear()

    def all(self) -> list[Delivery]:
        with self._lock:
            return list(self.deliveries)

    def counts(self) -> Counter[str]:
        """How often each delivery key arrived."""
        return Counter(delivery.key for delivery in self.all())


@dataclass
class Behaviour:
    """How one server behaves from now on. `refused` answers a recipient with these words."""

    mode: Mode = "fine"
    refused: dict[str, str] = field(default_factory=dict)

    def heal(self) -> None:
        self.mode = "fine"
        self.refused.clear()


class Outside:
    """Mail and webhooks, each on a port of its own that stays the same while it refuses."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.mail = Behaviour()
        self.web = Behaviour()
        self.mail_port = self.web_port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outside", daemon=True)
        self._servers: dict[str, asyncio.Server] = {}
        self._open: dict[str, set[asyncio.StreamWriter]] = {"mail": set(), "web": set()}

    def start(self) -> None:
        self._thread.start()
        self.mail_port = self._do(self._listen("mail", 0))
        self.web_port = self._do(self._listen("web", 0))

    def stop(self) -> None:
        self.heal()
        for which in ("mail", "web"):
            self._do(self._close(which))
        self._do(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def refuse(self, which: Literal["mail", "web"]) -> None:
        """Connections are refused from now on, and the open ones are cut."""
        self._do(self._close(which))

    def accept(self, which: Literal["mail", "web"]) -> None:
        port = self.mail_port if which == "mail" else self.web_port
        if which not in self._servers:
            self._do(self._listen(which, port))

    def heal(self) -> None:
        """Both behave again."""
        self.mail.heal()
        self.web.heal()
        if self._thread.is_alive():
            self.accept("mail")
            self.accept("web")

    def _do[T](self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    async def _listen(self, which: str, port: int) -> int:
        serve = self._mail if which == "mail" else self._web
        self._servers[which] = server = await asyncio.start_server(
            serve, "127.0.0.1", port, limit=2**24, backlog=1024
        )
        chosen: int = server.sockets[0].getsockname()[1]
        return chosen

    async def _close(self, which: str) -> None:
        server = self._servers.pop(which, None)
        if server is None:
            return
        server.close()
        for writer in list(self._open[which]):
            writer.transport.abort()
        await server.wait_closed()

    async def _end_tasks(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _Kept(self._open["mail"], writer):
            await self._say(writer, self.mail, "220 stub")
            recipient = ""
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    await self._say(writer, self.mail, "354 go on")
                    body = await reader.readuntil(b"\r\n.\r\n")
                    await self._taken(writer, self.mail, _letter(recipient, body), "250 taken")
                elif verb == b"RCPT":
                    recipient = line.partition(b"<")[2].partition(b">")[0].decode()
                    await self._say(writer, self.mail, self.mail.refused.get(recipient, "250 ok"))
                elif verb == b"QUIT":
                    await self._say(writer, self.mail, "221 bye")
                    return
                else:
                    await self._say(writer, self.mail, "250 stub")

    async def _web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _Kept(self._open["web"], writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ", 2)[1]
            length = re.search(r"(?im)^content-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            recipient = path.removeprefix("/hook/")
            if path == "/heartbeat":
                self.ledger.beats.append(time.monotonic())
                await self._say(writer, self.web, _http("200 OK"))
            elif recipient in self.web.refused:
                await self._say(writer, self.web, _http(self.web.refused[recipient]))
            else:
                await self._taken(writer, self.web, _hook(recipient, body), _http("200 OK"))

    async def _taken(
        self, writer: asyncio.StreamWriter, behaviour: Behaviour, delivery: Delivery, answer: str
    ) -> None:
        self.ledger.add(delivery)
        if behaviour.mode == "drop":
            writer.transport.abort()
            raise ConnectionAbortedError
        while behaviour.mode == "hold":
            await asyncio.sleep(LOOK_EVERY)
        await self._say(writer, behaviour, answer)
        delivery.answered = True

    async def _say(self, writer: asyncio.StreamWriter, behaviour: Behaviour, text: str) -> None:
        while behaviour.mode == "hang":
            await asyncio.sleep(LOOK_EVERY)
        rest = f"{text}\r\n".encode()
        while behaviour.mode == "drip" and rest and not writer.is_closing():
            await asyncio.sleep(1)
            writer.write(rest[:1])
            rest = rest[1:]
        writer.write(rest)
        await writer.drain()


class _Kept:
    """A connection is closed at the end of its task, whatever the other side did."""

    def __init__(self, open_ones: set[asyncio.StreamWriter], writer: asyncio.StreamWriter) -> None:
        self.open_ones = open_ones
        self.writer = writer

    async def __aenter__(self) -> None:
        self.open_ones.add(self.writer)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.open_ones.discard(self.writer)
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()
        return kind is not None and issubclass(kind, (OSError, asyncio.IncompleteReadError))


@contextmanager
def outside() -> Iterator[Outside]:
    servers = Outside()
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()


def _letter(recipient: str, body: bytes) -> Delivery:
    message = message_from_bytes(body.removesuffix(b"\r\n.\r\n"), policy=email_policy)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain",))
    text = str(part.get_content()) if part else ""
    return _now("mail", str(message["X-Watchbill-Delivery"]), recipient, text)


def _hook(recipient: str, body: bytes) -> Delivery:
    return _now("webhook", str(json.loads(body)["key"]), recipient, body.decode())


def _now(channel: str, key: str, recipient: str, text: str) -> Delivery:
    return Delivery(channel, key, recipient, time.time(), time.monotonic(), text)


def _http(status: str) -> str:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n"
