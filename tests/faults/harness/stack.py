"""The stack: PostgreSQL and Valkey of its own, web, workers, beats and clocks, each to be hurt alone."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import sql

from notifications.links import derive_token
from portal.embedded import processes
from portal.embedded.identity import Identity
from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey
from portal.supervisor import Orders, child_environment, portal_commands
from tests.faults.harness.load import Doors, Load, post
from tests.faults.harness.outside import Outside
from tests.faults.harness.processes import Child
from tests.faults.harness.profile import Profile
from tests.faults.harness.waiting import until
from tests.faults.harness.world import Wanted, World

ROOT = Path(__file__).resolve().parents[3]
SECRET = "for-the-faults-only-never-used-elsewhere" * 2
HEARTBEAT_EVERY = 2
DATABASE = "faults"
EVENTS = (
    "alerts_alert", "alerts_testrun", "deadlines_deadline", "deadlines_outage", "incidents_incident",
    "notifications_pageout", "notifications_pace",
)  # fmt: skip
"""What a test leaves behind; the rest is the world."""


@dataclass
class Stack:
    """Use `running` to get one. Processes are started from the main thread only."""

    home: Path
    profile: Profile
    outside: Outside
    migrated: str
    workers_wanted: int = 2
    postgres: Postgres = field(init=False)
    valkey: Valkey = field(init=False)
    world: World = field(init=False)
    database: Child = field(init=False)
    broker: Child = field(init=False)
    web: Child = field(init=False)
    workers: list[Child] = field(default_factory=list)
    beats: list[Child] = field(default_factory=list)
    clocks: list[Child] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    port: int = 0

    # -- starting ----------------------------------------------------------------------------------

    def start(self) -> None:
        self.port = free_port()
        log = self.home / "log"
        shutil.rmtree(log, ignore_errors=True)
        log.mkdir(parents=True)
        self.postgres = Postgres(self.home, ROOT / "var" / "cache", database=DATABASE)
        self.postgres.prepare()
        (self.postgres.folder / "postgresql.auto.conf").write_text("track_commit_timestamp = on\n")
        self.database = Child(
            "postgres", self.postgres.command, child_environment(), log, Path("/")
        )
        self.database.start()
        self.valkey = Valkey(self.home)
        self.valkey.prepare()
        self.broker = Child("valkey", self.valkey.command, child_environment(), log, Path("/"))
        self.broker.start()
        self._wait_for_database()
        self.valkey.wait(lambda: self.broker.running)
        self._make_database()
        self._make_world()
        self.web = self._child("web")
        self.workers = [self._child("worker", n) for n in range(1, self.workers_wanted + 1)]
        self.beats = [self._child("beat", 1)]
        self.clocks = [self._child("clock", 1)]
        for child in self.portal:
            child.start()
        self.wait_until_up()

    def stop(self) -> None:
        for child in self.portal:
            if child.running:
                child.signal(signal.SIGCONT)
                child.signal(signal.SIGTERM)
        for child in self.portal:
            child.stop()
        for name in ("broker", "database"):
            if hasattr(self, name):
                getattr(self, name).stop()

    @property
    def portal(self) -> list[Child]:
        web = [self.web] if hasattr(self, "web") else []
        return [*web, *self.workers, *self.beats, *self.clocks]

    @property
    def env(self) -> dict[str, str]:
        outer = {
            name: value
            for name, value in child_environment().items()
            if name not in {"DEBUG", "ALLOWED_HOSTS", "DEFAULT_FROM_EMAIL", "LOG_LEVEL"}
        }
        return outer | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.harness.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "SECRET_KEY": SECRET,
            "DATA_DIR": str(self.home),
            "PORT": str(self.port),
            "BASE_URL": f"http://127.0.0.1:{self.port}",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.outside.mail_port}",
            "HEARTBEAT_URL": f"http://127.0.0.1:{self.outside.web_port}/heartbeat",
            "HEARTBEAT_EVERY_SECONDS": str(HEARTBEAT_EVERY),
            "DEMO": "0",
            "EGRESS_GUARD": "0",
            "WEB_WORKERS": "1",
            "BODY_DEADLINE_SECONDS": "60",
            "PAGE_LEASE_SECONDS": str(self.profile.lease),
            "PAGE_ATTEMPT_SECONDS": str(self.profile.attempt),
            "ENFORCE_RETRY_BASE_SECONDS": "1",
            "ENFORCE_RETRY_CAP_SECONDS": "5",
        }

    def _child(self, role: str, number: int = 0) -> Child:
        orders = Orders(
            data_dir=str(self.home), host="127.0.0.1", port=self.port, base_url="",
            embedded_database=False, embedded_broker=False, web_workers=1, worker_threads=8,
            slow_worker=False,
        )  # fmt: skip
        words = [
            str(word).replace("@%h", f"-{number}@%h") for word in portal_commands(orders)[role]
        ]
        death = signal.SIGTERM if role == "web" else signal.SIGKILL  # a frozen one hears only this
        return Child(
            f"{role}-{number}" if number else role,
            lambda: Identity.me().command(words, death=death),
            self.env,
            self.home / "log",
            ROOT,
        )

    def _make_database(self) -> None:
        """A fresh copy of the migrated database that every session keeps; the first time it is copied over."""
        with self._maintenance() as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [self.migrated]
            ).fetchone()
            if not known:
                self._migrate(connection)
            _drop(connection, DATABASE)
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(DATABASE), sql.Identifier(self.migrated)
                )
            )

    def _migrate(self, connection: psycopg.Connection[Any]) -> None:
        stale = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%%'"
        )
        for (name,) in stale.fetchall():
            _drop(connection, name)
        _drop(connection, DATABASE)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        self.manage("migrate", "--no-input", "-v0")
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(DATABASE), sql.Identifier(self.migrated)
            )
        )

    def _make_world(self) -> None:
        wanted = Wanted(
            self.profile.services, self.profile.people, self.profile.steps,
            f"http://127.0.0.1:{self.outside.web_port}",
        )  # fmt: skip
        code = f"from tests.faults.harness.making import main; main({json.dumps(asdict(wanted))!r})"
        self.world = World(**json.loads(self.manage("shell", "-v0", "-c", code)))

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def wait_until_up(self) -> None:
        """Everything does its part: web answers, workers wait for messages, clock and beat have ticked."""
        until(lambda: self._up("web"), seconds=90, what="web", every=0.2)
        until(lambda: self._up("workers"), seconds=90, what="workers", every=0.2)
        for child in self.clocks:
            until(lambda child=child: self._ticked(child), seconds=90, what=child.name, every=0.2)  # type: ignore[misc]
        # It costs the stack more than the rest of this.
        until(lambda: self.readiness()[0] == 200, seconds=90, what="readiness", every=0.5)

    def _up(self, what: str) -> bool:
        assert self.web.running, self.web.words()
        if what == "web":
            return self.ask("/healthz")[0] == 200
        with redis.Redis.from_url(self.valkey.url) as client:
            waiting = [one for one in client.client_list() if one["cmd"] == "brpop"]
        return len(waiting) >= len([worker for worker in self.workers if worker.running])

    def _ticked(self, child: Child) -> bool:
        return bool(self.rows("SELECT 1 FROM deadlines_pulse WHERE name LIKE %s", f"%:{child.pid}"))

    # -- looking -----------------------------------------------------------------------------------

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on a connection of its own."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            return connection.execute(query, params or None).fetchall()

    def value(self, query: str, *params: Any) -> Any:
        return self.rows(query, *params)[0][0]

    def do(self, statement: str, *params: Any) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(statement, params or None)

    def ask(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read(4000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def readiness(self) -> tuple[int, str]:
        return self.ask("/readyz")

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A connection to the broker."""
        with redis.Redis.from_url(self.valkey.url, socket_timeout=10) as client:
            yield client

    # -- what people and monitoring do ---------------------------------------------------------------

    @property
    def doors(self) -> Doors:
        world = self.world
        return Doors(self.port, world.pagerduty_key, world.generic_key, tuple(world.services))

    def load(self, *, rate: float | None = None, seconds: float | None = None) -> Load:
        """Starts alerts at the profile's rate."""
        profile = self.profile
        load = Load(
            self.doors, rate=rate or profile.rate, seconds=seconds or profile.load_for,
            patience=profile.patience,
        )  # fmt: skip
        self.loads.append(load)
        return load.start()

    def phone_paths(self) -> dict[int, str]:
        """The phone page of whoever was called first, by the incidents that nobody has answered."""
        rows = self.rows(
            "SELECT DISTINCT ON (incident.id) incident.id, page_out.key, page_out.token_salt"
            " FROM incidents_incident AS incident JOIN notifications_pageout AS page_out"
            " ON page_out.subject_type = 'incident' AND page_out.subject_id = incident.id"
            " WHERE incident.status = 'triggered' AND page_out.sent_at IS NOT NULL"
            " ORDER BY incident.id, page_out.id"
        )
        return {incident: phone_path(key, salt) for incident, key, salt in rows}

    def press(self, path: str, button: str = "acknowledged") -> int:
        """Presses a button of a phone page; the status of the answer."""
        return post(
            self.port, path, f"press={button}".encode(), kind="application/x-www-form-urlencoded"
        )

    # -- faults --------------------------------------------------------------------------------------

    def restart_database(self, by: signal.Signals = signal.SIGQUIT) -> None:
        """Ends PostgreSQL at once, without a checkpoint, and starts it again."""
        os.kill(self.database.pid, by)
        self.database.dies(seconds=30)
        until(lambda: not processes.living_in(self.postgres.folder), what="its helpers to end")
        self.start_database()

    def start_database(self) -> None:
        self.postgres.mend()
        self.database.start()
        self._wait_for_database()

    def start_broker(self) -> None:
        """The same broker again, with nothing in it."""
        self.broker.start()
        self.valkey.wait(lambda: self.broker.running)

    def add(self, role: str) -> Child:
        """One more process of this role, for this test."""
        those = {"worker": self.workers, "beat": self.beats, "clock": self.clocks}[role]
        child = self._child(role, len(those) + 1)
        those.append(child)
        child.start()
        return child

    @contextmanager
    def told(self, *children: Child, **variables: str) -> Iterator[None]:
        """These processes start again with other settings, and as they were afterwards."""
        kept = {child.name: child.env for child in children}
        for child in children:
            child.kill()
            child.env = {**child.env, **variables}
            child.start()
        try:
            self.wait_until_up()
            yield
        finally:
            for child in children:
                child.kill()
                child.env = kept[child.name]

    def start_the_ended(self) -> None:
        """What the supervisor does, which no test runs."""
        for child in self.portal:
            if not child.running:
                child.start()

    def heal(self) -> None:
        """Whatever a test did is undone: everything lives, nothing is armed, the added ones are gone."""
        while self.loads:
            self.loads.pop().stop()
        self.outside.heal()
        for those, wanted in (
            (self.workers, self.workers_wanted), (self.beats, 1), (self.clocks, 1),
        ):  # fmt: skip
            while len(those) > wanted:
                those.pop().kill()
        if self.broker.frozen:
            self.broker.thaw()
        if not self.broker.running:
            self.start_broker()
        if not self.database.running:
            self.start_database()
        for child in self.portal:
            child.disarm()
            if child.frozen:
                child.thaw()
        self.start_the_ended()

    def clean(self) -> None:
        """Everything that burned is forgotten, so that the next test begins with an empty record."""
        with self.client() as client:
            client.flushall()
        until(self._truncated, what="the record to be emptied")
        self.outside.ledger.clear()

    def _truncated(self) -> bool:
        try:
            self.do("TRUNCATE " + ", ".join(EVENTS) + " CASCADE")
        except psycopg.errors.DeadlockDetected:  # with whatever is going on still
            return False
        return True

    def _wait_for_database(self) -> None:
        until(self._answers, seconds=60, what=f"PostgreSQL: {self.database.words(500)}")

    def _answers(self) -> bool:
        assert self.database.running, self.database.words()
        with suppress(psycopg.OperationalError), self._maintenance():
            return True
        return False

    def _maintenance(self) -> psycopg.Connection[Any]:
        url = self.postgres.url.rpartition("/")[0] + "/template1"
        return psycopg.connect(url, autocommit=True, connect_timeout=3)


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def phone_path(key: uuid.UUID, salt: str) -> str:
    return f"/p/{derive_token(key, salt, secret=SECRET)}/"


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )


def words_of(children: Sequence[Child]) -> str:
    """The ends of their logs, for a failure's message."""
    return "\n".join(f"--- {child.name}\n{child.words()}" for child in children)
