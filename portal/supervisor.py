"""Starts everything, keeps it running, and leaves nothing behind. Slim on purpose: no Django in here.

    python -m portal.supervisor '{"data_dir": …}'      (see `Orders`; `manage.py run` does it)

Each program runs in a session of its own and is told by the kernel (Linux) when this process is gone,
so that even a supervisor that is killed leaves no program running.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from portal.embedded import lock, processes
from portal.embedded.identity import Identity
from portal.embedded.postgres import Postgres
from portal.embedded.refusal import Refused
from portal.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
PR_SET_CHILD_SUBREAPER = 36
BIGGEST_LOG_BYTES = 10 * 2**20
LIVED_LONG_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 30.0
SLOW_WORKER_AFTER_SECONDS = 15.0  # nobody waits for it, and the others want the processors now


@dataclass(frozen=True, slots=True)
class Orders:
    """What `manage.py run` has read from the settings."""

    data_dir: str
    host: str
    port: int
    base_url: str
    embedded_database: bool
    embedded_broker: bool
    web_workers: int
    worker_threads: int
    slow_worker: bool


@dataclass(slots=True)
class Program:
    """One child. `stop` is the signal that asks it to end; `patience` how long that may take."""

    name: str
    command: Callable[[], list[str]]
    stop: signal.Signals = signal.SIGTERM
    patience: float = 15
    before_restart: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    failures: int = 0
    due_at: float = 0

    @property
    def is_server(self) -> bool:
        """Runs as another user, whom our folder may not let in, and ends after the others."""
        return self.name in {"postgres", "valkey"}

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Runs until a signal comes. `say` is where a person reads."""

    orders: Orders
    say: Callable[[str], None]
    programs: list[Program] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    _held: IO[str] | None = None

    @property
    def data(self) -> Path:
        return Path(self.orders.data_dir)

    @property
    def log(self) -> Path:
        return self.data / "log"

    def run(self) -> None:
        """Starts, watches, stops. Raises Refused with a sentence when it cannot start."""
        self._take_the_folder()
        self._refuse_taken_port()
        _adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            self._start_servers()
            if not self.stopping.is_set():
                self._prepare()
            if not self.stopping.is_set():
                self._start_portal()
                self._watch()
        finally:
            self._stop_all()

    def _take_the_folder(self) -> None:
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self.log.mkdir(exist_ok=True)
            self._held = lock.take(self.data / "run.lock")
        except OSError as error:
            raise Refused(
                f"{self.data} cannot be written ({error.strerror}). Choose another: DATA_DIR=…"
            ) from error
        if self._held is None:
            raise Refused(
                f"Watchbill runs already with {self.data}, as process {lock.holder(self.data / 'run.lock')}. Stop that "
                "one first, or give this one its own: make run DATA_DIR=var2 PORT=8001."
            )

    def _refuse_taken_port(self) -> None:
        try:
            socket.create_server((self.orders.host, self.orders.port)).close()
        except PermissionError as error:
            raise Refused(
                f"Port {self.orders.port} is for root only. Choose another: make run PORT=8000."
            ) from error
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise Refused(
                f"Port {self.orders.port} of {self.orders.host} cannot be had ({reason}). Choose another: make run "
                f"PORT={self.orders.port + 1}."
            ) from error

    # -- starting --------------------------------------------------------------------------------

    def _start_servers(self) -> None:
        if self.orders.embedded_database:
            postgres = Postgres(self.data, self.data / "cache")
            postgres.prepare()
            program = Program(
                "postgres",
                postgres.command,
                stop=signal.SIGINT,
                patience=60,
                before_restart=postgres.mend,
            )
            self._add(program)
            postgres.wait(lambda: program.running)
        if self.orders.embedded_broker:
            valkey = Valkey(self.data)
            valkey.prepare()
            program = Program("valkey", valkey.command)
            self._add(program)
            valkey.wait(lambda: program.running)

    def _prepare(self) -> None:
        """Skipped when nothing it depends on has changed since it last succeeded."""
        stamp = self.data / "prepared"
        digest = prepared_digest(self.data)
        if self.orders.embedded_database and stamp.exists() and stamp.read_text() == digest:
            return
        self.say("Bringing the database up to date …")
        process = subprocess.Popen(
            Identity.me().command([sys.executable, ROOT / "manage.py", "prepare"]),
            cwd=ROOT,
            env=child_environment(),
            start_new_session=True,
        )
        while process.poll() is None:
            if self.stopping.wait(0.1):
                process.terminate()
                process.wait()
                return
        if process.returncode:
            raise Refused("The database could not be brought up to date; the reason stands above.")
        stamp.write_text(prepared_digest(self.data))

    def _start_portal(self) -> None:
        for name, command in portal_commands(self.orders).items():
            program = Program(name, partial(Identity.me().command, command))
            if name == "slow-worker":
                program.due_at = time.monotonic() + SLOW_WORKER_AFTER_SECONDS
                self.programs.append(program)
            else:
                self._add(program)

    def _add(self, program: Program) -> None:
        self.programs.append(program)
        self._launch(program)

    def _launch(self, program: Program) -> None:
        path = self.log / f"{program.name}.log"
        keep_small(path)
        with path.open("ab") as output:
            program.process = subprocess.Popen(
                program.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/" if program.is_server else ROOT,
                env=child_environment(),
                start_new_session=True,
            )
        program.started_at = time.monotonic()

    # -- watching --------------------------------------------------------------------------------

    def _watch(self) -> None:
        threading.Thread(target=self._greet, daemon=True).start()
        tick = 0
        while not self.stopping.wait(0.2):
            tick += 1
            for program in self.programs:
                self._look_after(program)
            _reap_orphans({p.process.pid for p in self.programs if p.process})
            if tick % 300 == 0:
                for program in self.programs:
                    keep_small(self.log / f"{program.name}.log")

    def _look_after(self, program: Program) -> None:
        process, now = program.process, time.monotonic()
        if process is not None and process.poll() is not None:
            _end_group(process.pid)
            lived = now - program.started_at
            program.failures = 1 if lived > LIVED_LONG_SECONDS else program.failures + 1
            wait = min(0.5 * 2 ** (program.failures - 1), LONGEST_WAIT_SECONDS)
            program.due_at, program.process = now + wait, None
            self.say(
                f"{program.name} ended ({_ending(process.returncode)}) and is started again in {wait:g} s. Its log: "
                f"{self.log / program.name}.log"
            )
        if program.process is None and now >= program.due_at:
            try:
                if program.before_restart:
                    program.before_restart()
                self._launch(program)
            except (OSError, Refused) as error:
                program.failures += 1
                program.due_at = now + min(0.5 * 2**program.failures, LONGEST_WAIT_SECONDS)
                self.say(f"{program.name} cannot be started: {error}")

    def _greet(self) -> None:
        """Says where it runs once it does, and what is amiss if that takes long."""
        limit = time.monotonic() + 60
        answer = ""
        while not self.stopping.wait(0.1) and time.monotonic() < limit:
            status, answer = self._ask("/readyz")
            if status == 200:
                break
        if self.stopping.is_set():
            return
        self.say(f"\nWatchbill is at {self.orders.base_url}")
        self.say(how_to_sign_in(self.data))
        if status != 200:
            self.say(
                f"It is not ready yet: {answer or 'the web server does not answer; see ' + str(self.log)}"
            )
        self.say("Ctrl-C stops everything.\n")

    def _ask(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.orders.host, self.orders.port, timeout=5)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            answer = connection.getresponse()
            return answer.status, answer.read(2000).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    # -- stopping --------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """The portal first, then the servers it needs."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _stop([program for program in self.programs if not program.is_server])
        _stop([program for program in self.programs if program.is_server])
        _reap_orphans(set())
        if self._held:
            self._held.close()


def portal_commands(orders: Orders) -> dict[str, list[str | Path]]:
    """How each program of the portal is started, by name."""
    python: str | Path = sys.executable
    celery: list[str | Path] = [python, "-m", "celery", "-A", "portal.celery", "--quiet"]
    worker: list[str | Path] = [
        *celery, "worker", "--pool", "threads", "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
    ]  # fmt: skip
    commands: dict[str, list[str | Path]] = {
        "web": [
            python, "-m", "granian", "--interface", "rsgi", "--factory", "portal.rsgi:build",
            "--host", orders.host, "--port", str(orders.port), "--workers", str(orders.web_workers),
            "--http", "1", "--no-ws", "--loop", "asyncio", "--runtime-threads", "1", "--backlog", "2048",
            "--http1-header-read-timeout", "15000", "--respawn-failed-workers",
            "--workers-kill-timeout", "10", "--no-access-log", "--log-level", "warning",
        ],
        "clock": [python, ROOT / "manage.py", "clock"],
        "worker": [
            *worker, "--concurrency", str(orders.worker_threads), "--hostname", "paging@%h",
            "--queues", "paging" if orders.slow_worker else "paging,slow",
        ],
        "beat": [*celery, "beat", "--loglevel", "WARNING", "--max-interval", "1", "--pidfile="],
    }  # fmt: skip
    if orders.slow_worker:
        commands["slow-worker"] = [
            *worker, "--concurrency", "1", "--hostname", "slow@%h", "--queues", "slow",
        ]  # fmt: skip
    return commands


def _stop(programs: list[Program]) -> None:
    for program in programs:
        if program.running and program.process:
            program.process.send_signal(program.stop)
    for program in programs:
        if program.process is None:
            continue
        try:
            program.process.wait(program.patience)
        except subprocess.TimeoutExpired:
            program.process.kill()
            program.process.wait()
        _end_group(program.process.pid)


def _end_group(leader: int) -> None:
    """Whatever a program that is gone has left in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _adopt_orphans() -> None:
    """Linux: grandchildren whose parent died become ours, so that they can be reaped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap_orphans(own: set[int]) -> None:
    """Collects adopted processes that have ended, never our own children: those are Popen's."""
    if sys.platform != "linux":
        return
    for pid in processes.children_of(os.getpid()):
        if pid not in own:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


def child_environment() -> dict[str, str]:
    """Compiled modules are kept, whatever the caller's shell says: they halve the time to start."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return env | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", "PYTHONPATH": str(ROOT)}


def prepared_digest(data: Path) -> str:
    """What `manage.py prepare` depends on: migrations, procedures, static files, packages, the demo, the cluster."""
    digest = hashlib.sha256(os.environ.get("DEMO", "").encode())
    cluster = data / "postgres.password"
    digest.update(cluster.read_bytes() if cluster.exists() else b"")
    patterns = (
        "*/migrations/*.py",
        "procedures/*.toml",
        "static/**/*",
        "requirements.txt",
        "portal/settings.py",
        "portal/management/**/*.py",
    )
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    digest.update(b"static" if (data / "static").exists() else b"")
    return digest.hexdigest()


def keep_small(path: Path) -> None:
    """Keeps one older copy. The writers append, so that the emptied file goes on from its beginning."""
    if path.exists() and path.stat().st_size > BIGGEST_LOG_BYTES:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        os.truncate(path, 0)


def how_to_sign_in(data: Path) -> str:
    try:
        users = json.loads((data / "demo.json").read_text())["users"]
        manager = users["manager"]
        return (
            f"Sign in as {manager['username']} with the password {manager['password']}\n"
            f"(the sample team's manager; {data / 'demo.json'} has the others: {', '.join(users)})."
        )
    except (OSError, ValueError, KeyError, TypeError):
        return (
            "Sign in with your e-mail address. The first admin is made by: "
            ".venv/bin/python manage.py createsuperuser"
        )


def main() -> None:
    orders = Orders(**json.loads(sys.argv[1]))
    try:
        Supervisor(orders, lambda text: print(text, flush=True)).run()  # noqa: T201 - a person reads it
    except Refused as refusal:
        sys.exit(f"watchbill: {refusal}")


if __name__ == "__main__":
    main()
