"""Reads a request's body within bounds, however it is framed and packed."""

from __future__ import annotations

from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from alerts.rules.body import unpacked
from alerts.rules.facts import TooLarge, Unreadable

CHUNK = 65_536


class Stream(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class OversizedBody(TooLarge):
    """The body is too large; `start` and `end` are parts of it, for whoever looks for its key."""

    def __init__(self, start: bytes = b"", end: bytes = b"") -> None:
        super().__init__()
        self.start = start
        self.end = end


def body_of(request: HttpRequest) -> bytes:
    """The body, unpacked. Raises OversizedBody beyond the limit, Unreadable for one cut short or broken."""
    limit: int = settings.ALERT_BODY_MAX_BYTES
    announced = _announced(request)
    packed = _read(_stream(request), limit)
    if announced is not None and len(packed) < announced:
        raise Unreadable(f"The body ended after {len(packed)} of {announced} bytes.")
    try:
        return unpacked(packed, request.headers.get("Content-Encoding", ""), limit=limit)
    except TooLarge:
        raise OversizedBody from None


def _announced(request: HttpRequest) -> int | None:
    value = str(request.META.get("CONTENT_LENGTH") or "")
    return int(value) if value.isdecimal() else None


def _stream(request: HttpRequest) -> Stream:
    """Django takes a chunked body for an empty one; servers that end it themselves say so."""
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    environ: dict[str, Any] = getattr(request, "environ", {})
    if chunked and environ.get("wsgi.input_terminated"):
        stream: Stream = environ["wsgi.input"]
        return stream
    return request


def _read(stream: Stream, limit: int) -> bytes:
    """At most `limit` bytes. A sender of more is listened to a little longer, so that it hears the answer."""
    parts: list[bytes] = []
    size = 0
    while size <= limit:
        part = _part(stream)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    last = parts[-1]
    while size <= 4 * limit and (part := _part(stream)):
        size += len(part)
        last = (last + part)[-CHUNK:]
    raise OversizedBody(b"".join(parts[:2]), last)


def _part(stream: Stream) -> bytes:
    try:
        return stream.read(CHUNK)
    except (UnreadablePostError, OSError):
        raise Unreadable("The connection broke while the body was read.") from None
