"""A small application behind the real entry, for a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from portal.rsgi import Entry, Limits


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if body == b"path":
        return [environ["PATH_INFO"].encode("latin-1")]
    return [f"{environ['REQUEST_METHOD']} {len(body)} of {environ.get('CONTENT_LENGTH')}".encode()]


def build() -> Entry:
    return Entry(application, Limits(threads=2, body_seconds=3, body_bytes=1_000_000))
