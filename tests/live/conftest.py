"""A running portal in a folder of its own, and a real mail server that keeps what it is given."""

from __future__ import annotations

import email
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default as email_policy
from pathlib import Path
from typing import Any

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.live.procedure_in_seconds import in_seconds

logging.getLogger("mail.log").setLevel(logging.WARNING)

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Mail:
    """One message as the mail server took it."""

    to: list[str]
    at: float
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        return str(body.get_content()) if body else ""

    def phone_path(self, words: str) -> str:
        """The path of the phone page for what these words name; a bundle has one for each."""
        about = self.text[max(self.text.find(words), 0) :]
        found = re.search(r"/p/[A-Za-z0-9_.:=-]+/", about)
        assert found, self.text
        return found.group()


@dataclass
class Inbox:
    """What the mail server has been given so far."""

    mails: list[Mail] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.original_content or b"", policy=email_policy)
        assert isinstance(message, EmailMessage)
        self.mails.append(Mail(list(envelope.rcpt_tos), time.monotonic(), message))
        return "250 taken"

    def about(self, words: str, to: str | None = None) -> list[Mail]:
        """The mails that speak of it, alone or in a bundle, by their arrival."""
        return [
            mail
            for mail in list(self.mails)
            if (words in mail.subject or words in mail.text) and to in (None, *mail.to)
        ]


@dataclass
class Stack:
    """A running portal."""

    base_url: str
    data_dir: Path
    demo: dict[str, Any]
    inbox: Inbox
    env: dict[str, str]

    def manage(self, *words: str) -> str:
        """Runs a management command against the running portal's database."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def api(self, path: str, who: str = "manager") -> Any:
        """GETs from the JSON API as one of the sample people."""
        answer = requests.get(
            f"{self.base_url}/api/v1/{path}",
            headers={"Authorization": f"Bearer {self.demo['api_tokens'][who]}"},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()

    def incident_titled(self, words: str) -> dict[str, Any] | None:
        found = [
            i for i in self.api("incidents/?ordering=-opened_at")["results"] if words in i["title"]
        ]
        return found[0] if found else None

    def email_of(self, who: str) -> str:
        username: str = self.demo["users"][who]["username"]
        return username


def until[T](condition: Callable[[], T | None], *, seconds: float = 30, what: str = "") -> T:
    """Waits for a condition, never for a time; what it returned is given back."""
    ends = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < ends, f"waited {seconds} s for {what or condition}"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    inbox.port = controller.port  # type: ignore[attr-defined]
    yield inbox
    controller.stop()


@pytest.fixture(scope="session")
def stack(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data_dir = tmp_path_factory.mktemp("stack")
    port = free_port()
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
    }
    env |= {
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "EMAIL_URL": f"smtp://127.0.0.1:{inbox.port}",  # type: ignore[attr-defined]
        "DEMO": "1",
    }
    log = (data_dir / "run.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    base_url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, (data_dir / "run.log").read_text()
        try:
            return requests.get(f"{base_url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    try:
        until(ready, seconds=180, what="/readyz to answer 200")
        demo = json.loads((data_dir / "demo.json").read_text())
        running = Stack(base_url, data_dir, demo, inbox, env)
        quick = data_dir / "seconds.toml"
        quick.write_text(in_seconds((ROOT / "procedures" / "mother_harness.toml").read_text()))
        running.manage("load_procedure", str(quick))
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log.close()
    left = subprocess.run(
        ["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False
    ).stdout
    assert not left, f"left behind: {left}"
