"""People, page requests and servers to send to."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from directory.models import User
from notifications.enums import MethodKind, Urgency
from notifications.models import ContactMethod
from notifications.services import PageRequest

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_person(*addresses: str, **fields: Any) -> User:
    """A person whom these verified mail addresses reach, in this order; one of their own by default."""
    number = next(_numbers)
    fields = {"name": f"Person {number}", **fields}
    user = User.objects.create_user(f"person{number}@example.org", **fields)
    for position, address in enumerate(addresses or (f"pager{number}@example.org",)):
        make_method(user, address=address, position=position)
    return user


def make_method(user: User, *, address: str, **fields: Any) -> ContactMethod:
    fields = {"kind": MethodKind.PAGER, "channel": "mail", "verified_at": NOON, **fields}
    return ContactMethod.objects.create(user=user, address=address, **fields)


def page_request(user: User, subject_id: int = 1, **fields: Any) -> PageRequest:
    """A call of one person about one subject of a kind nobody provides messages for."""
    values: dict[str, Any] = {
        "user_id": user.pk,
        "subject_type": "tests.fire",
        "subject_id": subject_id,
        "step_key": "primary",
        "step_label": "Primary on call",
        "clause": "C72",
        "urgency": Urgency.HIGH,
        "severity": "P1",
        **fields,
    }
    return PageRequest(**values)


class MailServer:
    """A real SMTP server on loopback that keeps what it took and may be told to misbehave."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.refusals: dict[str, str] = {}
        self.data_answer = ""
        self.sessions = 0
        self.delay = 0.0

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data_answer:
            return self.data_answer
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append((envelope.rcpt_tos[0], message))
        return "250 taken"

    @property
    def recipients(self) -> list[str]:
        return [address for address, _ in self.taken]

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for _, message in self.taken]


@contextmanager
def mail_server() -> Iterator[tuple[MailServer, int]]:
    handler = MailServer()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def dripping_server(greeting: bytes = b"220 " + b"x" * 10_000) -> Iterator[int]:
    """A server that sends one byte every tenth of a second, for ever: no socket timeout notices."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            for byte in greeting:
                if stop.wait(0.1):
                    return
                sock.sendall(bytes([byte]))

    def accept() -> None:
        threads = []
        with suppress(OSError):
            while not stop.is_set():
                sock, _ = listener.accept()
                threads.append(threading.Thread(target=drip, args=(sock,), daemon=True))
                threads[-1].start()
        for thread in threads:
            thread.join()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


class WebStub:
    """An HTTP server on loopback that remembers its requests and answers as told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.delay = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_stub() -> Iterator[WebStub]:
    stub = WebStub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            stub.requests.append((self.command, self.path, headers, body))
            if stub.delay:
                time.sleep(stub.delay)
            status, extra, content = stub.answers.pop(0) if stub.answers else (200, {}, b"ok")
            with suppress(OSError):
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
