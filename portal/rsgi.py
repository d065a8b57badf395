"""The web entry for granian: reads a request whole, within bounds, before it takes one of few threads.

Clients that send half a body and wait would otherwise hold every thread; here they hold a coroutine
until the body's deadline. A body shorter than its Content-Length is refused; one sent in chunks announces
no length, and where the server ends it early it is read as far as it came. Behind it stands Django's
ordinary WSGI application.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

logger = logging.getLogger(__name__)

TAIL = 65_536
DRAIN_FACTOR = (
    4  # how much of an oversized body is still listened to, so that the sender hears the answer
)
RETRY_SECONDS = "5"

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Scope(Protocol):
    """What the server tells of a request."""

    method: str
    path: str
    query_string: str
    scheme: str
    http_version: str
    server: str
    client: str
    headers: Any


class Protocol_(Protocol):
    """The server's side of one request: an iterator over its body, and the way to answer."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...


class Refusal(Exception):
    """A request that ends before Django: too slow, too large, too many."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True)
class Limits:
    """Bytes and seconds per body; bytes of all bodies at once and requests waiting, per process."""

    threads: int = 4
    body_bytes: int = 16 * 2**20
    body_seconds: float = 20
    all_bodies_bytes: int = 192 * 2**20
    waiting: int = 256


class Entry:
    """The application the server calls."""

    def __init__(self, wsgi: WSGI, limits: Limits) -> None:
        self._wsgi = wsgi
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="web")
        self._waiting = 0
        self._held_bytes = 0

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        _die_with_the_server()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def __rsgi__(self, scope: Scope, protocol: Protocol_) -> None:
        body = bytearray()
        try:
            await self._read(scope, protocol, body)
            status, headers, content = await self._in_a_thread(scope, bytes(body))
        except Refusal as refusal:
            status, headers, content = _refused(scope.path, refusal)
        finally:
            self._held_bytes -= len(body)
        if content and scope.method != "HEAD":
            protocol.response_bytes(status, headers, content)
        else:
            protocol.response_empty(status, headers)

    async def _read(self, scope: Scope, protocol: Protocol_, body: bytearray) -> None:
        """Fills `body`. An oversized one for monitoring's doors is cut down to its ends, and let through:
        what was sent is not known, but that it was sent, and by whom, is worth an alert."""
        announced = _announced(scope)
        wanted = scope.path.startswith(("/hooks/", "/v2/"))
        if announced > self._limits.body_bytes and not wanted:
            raise Refusal(413, f"A body may have {self._limits.body_bytes} bytes.")
        if announced == 0 and scope.headers.get("transfer-encoding") is None:
            return
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                seen = await self._receive(protocol, body, wanted)
        except TimeoutError:
            raise Refusal(
                408, f"The body did not arrive within {self._limits.body_seconds:.0f} s."
            ) from None
        if seen < announced and len(body) <= self._limits.body_bytes:
            raise Refusal(400, f"The body ended after {seen} of {announced} bytes.")

    async def _receive(self, protocol: Protocol_, body: bytearray, wanted: bool) -> int:
        """Returns how many bytes came."""
        limit = self._limits.body_bytes
        seen = 0
        tail = b""
        async for chunk in protocol:
            seen += len(chunk)
            if seen <= limit:
                self._hold(body, chunk)
                continue
            if not wanted:
                raise Refusal(413, f"A body may have {limit} bytes.")
            tail = (tail + chunk)[-TAIL:]
            if seen > DRAIN_FACTOR * limit:
                break
        if tail:
            self._hold(body, b" " * (limit + 1 - len(body)) + tail)
        return seen

    def _hold(self, body: bytearray, chunk: bytes) -> None:
        if self._held_bytes + len(chunk) > self._limits.all_bodies_bytes:
            raise Refusal(503, "Too many large requests at once. Send it again.")
        body += chunk
        self._held_bytes += len(chunk)

    async def _in_a_thread(self, scope: Scope, body: bytes) -> Answer:
        if self._waiting >= self._limits.waiting:
            raise Refusal(503, "Too many requests at once. Send it again.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._answer, environ_of(scope, body))
        finally:
            self._waiting -= 1

    def _answer(self, environ: dict[str, Any]) -> Answer:
        status = 500
        headers: Headers = []

        def start_response(line: str, fields: Headers, exc_info: Any = None) -> None:
            nonlocal status, headers
            status, headers = int(line.split(" ", 1)[0]), [(k.lower(), v) for k, v in fields]

        result = self._wsgi(environ, start_response)
        try:
            return status, headers, b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as WSGI knows it (PEP 3333), its body whole in memory."""
    host, _, port = scope.server.rpartition(":")
    client, _, _ = scope.client.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),  # the server has decoded it
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client.strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # would be taken for the same name with a hyphen
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        joint = ";" if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    if environ.pop("HTTP_TRANSFER_ENCODING", None) or len(body) > _length(environ):
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _length(environ: dict[str, Any]) -> int:
    value = environ.get("CONTENT_LENGTH", "")
    return int(value) if value.isdecimal() else 0


def _announced(scope: Scope) -> int:
    value = scope.headers.get("content-length") or ""
    return int(value) if value.isdecimal() else 0


def _refused(path: str, refusal: Refusal) -> Answer:
    status = refusal.status
    if status == 503 and path.startswith("/v2/"):
        status = 429  # which PagerDuty's clients retry
    kind, content = "text/plain; charset=utf-8", f"{refusal}\n".encode()
    if path.startswith("/api/"):
        kind, content = "application/problem+json", _problem(status, str(refusal))
    headers = [("content-type", kind), ("cache-control", "no-store")]
    if status in {429, 503}:
        headers.append(("retry-after", RETRY_SECONDS))
    else:
        headers.append(("connection", "close"))
    logger.warning("%s %s: %s", status, HTTPStatus(status).phrase, refusal)
    return status, headers, content


def _problem(status: int, detail: str) -> bytes:
    """RFC 9457, as the API's own errors: this module does not load the API."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return json.dumps(body).encode()


def _die_with_the_server() -> None:
    """A worker whose server was killed would keep the port."""
    from portal.embedded.child import die_with_parent  # noqa: PLC0415 - in the worker only

    die_with_parent(os.getppid(), 15)


def build() -> Entry:
    """Django, loaded whole, so that the first request is as quick as the second."""
    from django.conf import settings  # noqa: PLC0415 - granian imports this module to find `build`
    from django.urls import get_resolver  # noqa: PLC0415

    from portal.wsgi import application  # noqa: PLC0415

    get_resolver().url_patterns  # noqa: B018 - imports every view
    limits = Limits(
        threads=settings.WEB_THREADS,
        body_bytes=settings.BODY_MAX_BYTES,
        body_seconds=settings.BODY_DEADLINE_SECONDS,
    )
    return Entry(application, limits)
