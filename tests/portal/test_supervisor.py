"""The whole portal, started and stopped for real: it mends itself, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.embedded import processes
from portal.supervisor import how_to_sign_in, keep_small

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"waited {seconds} s for {what}"
        time.sleep(0.1)


@dataclass
class Portal:
    """`manage.py run` in a folder of its own, without sample data."""

    data: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def env(self) -> dict[str, str]:
        outside = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL"}
        return {name: value for name, value in os.environ.items() if name not in outside} | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "DEMO": "0",
        }

    def start(self) -> None:
        with (self.data.parent / "run.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        until(self.ready, 120, "/readyz")

    def ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.said
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    @property
    def said(self) -> str:
        return (self.data.parent / "run.log").read_text()

    def family(self) -> list[int]:
        """The supervisor and everything under it."""
        assert self.process
        found = [self.process.pid]
        for pid in found:
            found.extend(processes.children_of(pid))
        return found

    def child(self, words: str) -> int:
        return next(pid for pid in self.family() if words in processes.command_of(pid))


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("run") / "data", free_port())
    portal.start()
    yield portal
    if portal.process and portal.process.poll() is None:
        portal.process.terminate()
        portal.process.wait(60)


def test_a_second_run_in_the_same_folder_is_refused_with_a_sentence(portal: Portal) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT, env=portal.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Watchbill runs already" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_refused_with_a_sentence(portal: Portal, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT, env=portal.env | {"DATA_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {portal.port} of 127.0.0.1 cannot be had" in done.stderr
    assert f"PORT={portal.port + 1}" in done.stderr


@pytest.mark.parametrize("words", ["manage.py clock", "granian", "celery beat", "valkey-server"])
def test_what_dies_is_started_again(portal: Portal, words: str) -> None:
    words = "--max-interval" if words == "celery beat" else words
    victim = portal.child(words)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in portal.family(), 10, "its end")
    until(lambda: any(words in processes.command_of(p) for p in portal.family()), 30, words)
    until(portal.ready, 60, "/readyz")


def test_a_killed_database_is_mended_and_everything_recovers(portal: Portal) -> None:
    os.kill(portal.child("postgresql-"), signal.SIGKILL)
    until(lambda: not portal.ready(), 10, "readyz to notice")
    until(portal.ready, 60, "/readyz")


def test_sigterm_stops_all_and_a_killed_supervisor_leaves_nothing(portal: Portal) -> None:
    assert portal.process
    family = portal.family()
    assert len(family) > 10
    portal.process.terminate()
    assert portal.process.wait(60) == 0
    assert [pid for pid in family if processes.alive(pid)] == []

    portal.start()
    family = portal.family()
    portal.process.kill()
    portal.process.wait()
    until(lambda: not [pid for pid in family if processes.alive(pid)], 30, "every process to end")


def test_a_log_that_grows_is_kept_small(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab") as writer:
        writer.write(b"x" * (11 * 2**20))
        writer.flush()
        keep_small(log)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "web.log.1").stat().st_size == 11 * 2**20


def test_who_may_sign_in_is_said_with_and_without_sample_people(tmp_path: Path) -> None:
    assert "createsuperuser" in how_to_sign_in(tmp_path)
    people = {"users": {"manager": {"username": "mia@example.org", "password": "pw"}}}
    (tmp_path / "demo.json").write_text(json.dumps(people))
    assert "mia@example.org" in how_to_sign_in(tmp_path)
