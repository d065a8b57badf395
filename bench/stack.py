"""A stack of its own for the bench, started as anybody starts it; its processes looked at and paused by id."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import psycopg
import redis

from portal.embedded import processes

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY", "BASE_URL", "HEARTBEAT_URL"}
PROGRAMS = {  # by what stands in the command line, the first that is found
    "portal.supervisor": "supervisor",
    "postgres": "postgres",  # before the worker: PostgreSQL has an "autovacuum worker"
    "portal.rsgi:build": "web",
    "manage.py clock": "clock",
    " worker ": "worker",
    " beat ": "beat",
    "valkey": "valkey",
}
TIDY = (
    "UPDATE notifications_page SET state = 'superseded', leased_by = '', lease_until = NULL"
    " WHERE state IN ('pending', 'held', 'sending')",
    "UPDATE notifications_pageout SET state = 'superseded' WHERE state IN ('waiting', 'held', 'sent')",
    "UPDATE deadlines_deadline SET state = 'cancelled', settled_at = now(), paused_at = NULL,"
    " remaining = NULL WHERE state IN ('pending', 'paused')",
    "UPDATE alerts_alert SET state = 'resolved', resolved_at = now() WHERE state <> 'resolved'",
    "UPDATE incidents_incident SET status = 'resolved', resolved_at = now()"
    " WHERE status NOT IN ('resolved', 'closed')",
    "UPDATE incidents_incident SET status = 'closed', closed_at = now() WHERE status = 'resolved'",
    "VACUUM (ANALYZE)",
)
QUEUES = ("paging", "slow")
AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND (state <> 'idle' OR backend_type = 'autovacuum worker')"
)
REST_WITHIN = 120.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], env: dict[str, str], url: str) -> Iterator[int]:
    """The program's process id, once its address answers."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        _wait_for(url, process, 300)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)


def _wait_for(url: str, process: subprocess.Popen[bytes], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > limit:
            sys.exit(f"bench: {url} does not answer.")
        time.sleep(0.2)


def until(true: Callable[[], object], *, within: float) -> bool:
    """Waits for a condition; whether it came in time."""
    limit = time.monotonic() + within
    while not true():
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True


@dataclass(slots=True)
class Stack:
    """The running portal and its database. The floor is an address of the same web server."""

    folder: Path
    env: dict[str, str]
    port: int
    pid: int = 0
    integration_key: str = ""
    _database: psycopg.Connection[Any] | None = field(default=None, repr=False)

    @property
    def floor_port(self) -> int:
        return self.port

    @property
    def demo(self) -> dict[str, Any]:
        """What scripts need of the sample team."""
        facts: dict[str, Any] = json.loads((self.folder / "data" / "demo.json").read_text())
        return facts

    @property
    def database(self) -> psycopg.Connection[Any]:
        if self._database is None:
            url = (self.folder / "data" / "postgres.url").read_text().strip()
            self._database = psycopg.connect(url, autocommit=True)
        return self._database

    def ask(self, sql: str, *values: object) -> Any:
        """The first column of the first row."""
        row = self.database.execute(sql, values or None).fetchone()
        return row[0] if row else None

    def shell(self, code: str) -> str:
        """Runs code in a process of the portal's own; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v0", "-c", code],
            cwd=ROOT, env=self.env, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def programs(self) -> dict[str, list[int]]:
        """The process ids of everything that runs, by program."""
        found: dict[str, list[int]] = defaultdict(list)
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            waiting += processes.children_of(pid)
            command = processes.command_of(pid)
            name = next((name for mark, name in PROGRAMS.items() if mark in command), "other")
            found[name].append(pid)
        return dict(found)

    def outbox(self) -> int:
        """Messages that are still to go out now."""
        return int(
            self.ask(
                "SELECT count(*) FROM notifications_page"
                " WHERE state IN ('pending', 'held', 'sending') AND next_try_at <= now() + '1 minute'"
            )
        )

    def quiet(self, *, within: float = 60) -> bool:
        """Waits until nothing is on its way."""
        return until(lambda: not self.outbox(), within=within)

    def queued(self) -> int:
        """Jobs in the broker: waiting, or with a worker that has not said it is done with them."""
        with self._broker() as broker:
            waiting = sum(int(broker.llen(queue)) for queue in QUEUES)
            return waiting + int(broker.hlen("unacked"))

    def at_work(self) -> int:
        """Transactions of others in the database, PostgreSQL's own cleaning among them."""
        return int(self.ask(AT_WORK))

    def rest(self) -> None:
        """Waits until everything that was begun is done: pages, jobs, transactions. Ends the bench if it is not."""
        looks = 0
        limit = time.monotonic() + REST_WITHIN
        while looks < 3:
            left = {"pages": self.outbox(), "jobs": self.queued(), "transactions": self.at_work()}
            looks = 0 if any(left.values()) else looks + 1
            if time.monotonic() > limit:
                sys.exit(f"bench: the stack does not come to rest: {left}")
            time.sleep(0.2)

    def tidy(self) -> None:
        """Ends whatever one measurement left open, so that its clocks and pages do not disturb the next."""
        self.quiet(within=10)
        self.tidy_rows()

    def tidy_rows(self) -> None:
        """Without the jobs that were asked for meanwhile: nothing is left for them to do."""
        for statement in TIDY:
            self.database.execute(statement)
        with self._broker() as broker:
            broker.delete(*QUEUES)

    @contextmanager
    def _broker(self) -> Iterator[redis.Redis]:
        url = (self.folder / "data" / "valkey.url").read_text().strip()
        with redis.Redis.from_url(url) as broker:
            yield broker

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The web server without anybody who delivers or enforces: frozen, and thawed afterwards."""
        self.quiet()
        frozen = [pid for name in ("worker", "clock", "beat") for pid in self.programs()[name]]
        try:
            _freeze(self, frozen)
            yield
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

    def signed_in(self, who: str) -> str:
        """The cookie of a person of the sample team."""
        jar = CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = f"http://127.0.0.1:{self.port}/sign-in/"
        with browser.open(page, timeout=30) as answer:
            found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())
        if found is None:
            sys.exit("bench: the sign-in page has no form.")
        person = self.demo["users"][who]
        form = urllib.parse.urlencode({**person, "csrfmiddlewaretoken": found[1]}).encode()
        with browser.open(urllib.request.Request(page, form, {"Referer": page}), timeout=30):
            return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _freeze(stack: Stack, pids: list[int]) -> None:
    """Stops them between two transactions: one that is frozen within would hold its locks."""
    for _ in range(50):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        within = stack.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        )
        if not within:
            return
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)
    sys.exit("bench: the delivery could not be stopped between two transactions.")


@contextmanager
def stack_of_its_own(mail_port: int) -> Iterator[Stack]:
    """A fresh stack whose mail goes to that port, and which answers for the floor, too."""
    with tempfile.TemporaryDirectory(prefix="watchbill-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        env = {key: value for key, value in os.environ.items() if key not in OUTSIDE}
        port = free_port()
        env |= {
            "DATA_DIR": f"{folder}/data",
            "PORT": str(port),
            "DEMO": "1",
            "LOG_LEVEL": "ERROR",
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "DJANGO_SETTINGS_MODULE": "bench.settings",
        }
        stack = Stack(folder, env, port)
        command = [sys.executable, "manage.py", "run"]
        with running(command, env, f"http://127.0.0.1:{port}/readyz") as stack.pid:
            stack.integration_key = stack.shell("from bench import world; world.make()")
            yield stack
            if stack._database is not None:
                stack._database.close()
