"""The web entry, in front of a real server: slow, large and broken requests stop nobody else."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

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
