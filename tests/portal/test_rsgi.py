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


HEAD = b"POST /hooks/generic/k/ HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FRAMES = {
    "a length of thirty digits": (HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}", b"400"),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n{}", b"400"),
    "a length in words": (HEAD + b"Content-Length: two\r\n\r\n{}", b"400"),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", b"400"),
    "less than there is": (HEAD + b"Content-Length: 2\r\n\r\n{}{}{}", b"200"),
    "a chunk without a size": (CHUNKED + b"zz\r\n{}\r\n", b"200"),
    "a chunk of 16 EB": (CHUNKED + b"ffffffffffffffff\r\n{}\r\n", b"408"),
    "a long path": (b"POST /hooks/generic/" + b"k" * 66_000 + b"/ HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
    "a path of no text": (b"POST /hooks/generic/\xff/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    "a host of no text": (b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", b"200"),
    "a thousand headers": (HEAD + b"X: y\r\n" * 1_000 + b"\r\n", b"431"),
    "no request": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "status"), FRAMES.values(), ids=FRAMES)
def test_a_strange_frame_is_answered_and_stops_nobody(
    port: int, request_: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(request_)
        assert client.recv(1000).split()[1] == status
    assert ask(port, "GET", "/") == (200, "GET 0 of None")


@pytest.mark.parametrize(("path", "status"), [("/hooks/generic/k/", b"200"), ("/api/", b"413")])
def test_a_chunked_body_without_end_is_left_in_the_middle(
    port: int, path: str, status: bytes
) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        with suppress(OSError):
            while sent < 100 * LIMIT:
                client.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
        with suppress(ConnectionResetError):  # who still writes may not hear the answer
            assert client.recv(1000).split()[1] == status
    assert sent < 100 * LIMIT
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


class Leaver(Sender):
    """A client that goes away before its body is whole."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.chunk


def refused(path: str, limits: Limits, sender: Sender | None = None) -> Sender:
    sender = sender or Sender(b"half")
    leaves = isinstance(sender, Leaver)
    scope = SimpleNamespace(
        method="POST", path=path, query_string="", scheme="http", http_version="1.1",
        server="127.0.0.1:80", client="127.0.0.1:1",
        headers={"content-length": "8"} if leaves else {"transfer-encoding": "chunked"},
    )  # fmt: skip
    # In a thread: the one of the tests may run the loop of a browser.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(Entry(application, limits).__rsgi__(scope, sender))).result(
            10
        )
    return sender


def test_half_a_request_is_not_acted_upon() -> None:
    """The API acknowledges without looking at a body: half of one is no request to do so."""
    answer = refused("/api/v1/incidents/INC-1/acknowledge/", Limits(), Leaver(b"half"))
    assert (answer.status, json.loads(answer.body)["detail"]) == (
        400,
        "The body ended after 4 of 8 bytes.",
    )
    assert refused("/", Limits(), Leaver(b"all of it"[:8])).body == b"POST 8 of 8"


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
