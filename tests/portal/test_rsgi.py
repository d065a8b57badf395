"""The web entry, in front of a real server: slow, large and broken requests stop nobody else."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from portal.rsgi import Entry, Headers, Limits
from tests.portal.tiny import application

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1_000_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen(
        [
            sys.executable, "-m", "granian", "--interface", "rsgi", "--factory", "tests.portal.tiny:build",
            "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--loop", "asyncio", "--no-ws",
        ],
        cwd=ROOT,
    )  # fmt: skip
    try:
        limit = time.monotonic() + 30
        while True:
            assert server.poll() is None
            assert time.monotonic() < limit
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        yield port
    finally:
        server.terminate()
        server.wait(15)


def ask(
    port: int, method: str, path: str, body: bytes | Iterator[bytes] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        chunked = not isinstance(body, bytes | None)
        headers = {"Transfer-Encoding": "chunked"} if chunked else {}
        connection.request(method, path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_request_reaches_the_application_whole(port: int) -> None:
    assert ask(port, "POST", "/", b"x" * 70_000) == (200, "POST 70000 of 70000")


def test_the_path_is_decoded_once(port: int) -> None:
    assert ask(port, "POST", "/a%20b/%C3%A9/%252F", b"path") == (200, "/a b/é/%2F")


def test_a_chunked_body_gets_its_length(port: int) -> None:
    assert ask(port, "POST", "/", iter([b"abc", b"defg"])) == (200, "POST 7 of 7")


def test_a_body_over_the_limit_is_refused(port: int) -> None:
    status, _ = ask(port, "POST", "/api/v1/incidents/", iter([b"x" * 100_000] * 11))
    assert status == 413


def test_an_oversized_body_from_monitoring_reaches_the_application_cut_to_its_ends(
    port: int,
) -> None:
    """The alerts' view answers 413 and opens an alert; it needs the key, which may stand at the end."""
    status, text = ask(port, "POST", "/v2/enqueue", b"x" * (2 * LIMIT))
    assert status == 200
    assert LIMIT < int(text.split()[1]) <= LIMIT + 1 + 65_536


def test_thirty_clients_with_half_a_body_stop_nobody(port: int) -> None:
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            for _ in range(30)
        ]
        for client in slow:
            client.sendall(
                b"POST /hooks/generic/k/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"
            )
        started = time.monotonic()
        for _ in range(5):
            assert ask(port, "POST", "/hooks/generic/k/", b"{}")[0] == 200
        assert time.monotonic() - started < 2
        answers = [client.recv(1000) for client in slow]
    assert {answer.split()[1] for answer in answers} == {b"408"}


def test_a_client_that_leaves_in_the_middle_is_forgotten(port: int) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert ask(port, "GET", "/") == (200, "GET 0 of None")


class Sender:
    """A client whose body never ends, as the server shows it; it keeps the answer."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk = chunk
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.chunk
        await asyncio.Event().wait()

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, dict(headers), body

    def response_empty(self, status: int, headers: Headers) -> None:
        self.response_bytes(status, headers, b"")


def refused(path: str, limits: Limits, chunk: bytes = b"half") -> Sender:
    sender = Sender(chunk)
    scope = SimpleNamespace(
        method="POST", path=path, query_string="", scheme="http", http_version="1.1",
        server="127.0.0.1:80", client="127.0.0.1:1", headers={"transfer-encoding": "chunked"},
    )  # fmt: skip
    # In a thread: the one of the tests may run the loop of a browser.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(Entry(application, limits).__rsgi__(scope, sender))).result(
            10
        )
    return sender


REFUSALS = [
    (408, Limits(body_seconds=0), "Request Timeout"),
    (413, Limits(body_bytes=3), "Content Too Large"),
    (503, Limits(all_bodies_bytes=3), "Service Unavailable"),
]


@pytest.mark.parametrize(("status", "limits", "title"), REFUSALS)
def test_the_api_refuses_with_problem_details(status: int, limits: Limits, title: str) -> None:
    answer = refused("/api/v1/incidents/", limits)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    body = json.loads(answer.body)
    assert body.pop("detail")
    assert body == {"type": "about:blank", "title": title, "status": status}
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)


@pytest.mark.parametrize("path", ["/hooks/generic/k/", "/v2/enqueue", "/sign-in/", "/apiary/"])
def test_everybody_else_is_refused_in_plain_words(path: str) -> None:
    answer = refused(path, Limits(all_bodies_bytes=3))
    assert answer.status == (429 if path.startswith("/v2/") else 503)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body == b"Too many large requests at once. Send it again.\n"
