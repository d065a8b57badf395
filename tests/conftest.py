"""Real PostgreSQL and Valkey for the whole session, in a slot of their own under var/test.

A slot keeps its cluster between runs and is held by a lock, so that several sessions of one clone
may run at once. The servers die with the session. The migrated database is kept as a template under
a name that tells the migrations it was made from; each session starts from a fresh copy.

With DATABASE_URL and REDIS_URL set, those servers are used instead.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

from portal import env
from portal.embedded import lock
from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
SLOTS = 16


class Servers:
    """The session's servers, started before the first test and ended after the last."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.home = Path()
        self.database_url = ""
        self.redis_url = ""

    def start(self) -> None:
        home = self.home = self._slot()
        log = home / "log"
        log.mkdir(exist_ok=True)
        if not os.environ.get("DATABASE_URL"):
            postgres = Postgres(home, ROOT / "var" / "cache", durable=False)
            postgres.prepare()
            process = self._spawn(postgres.command(), log / "postgres.log")
            postgres.wait(lambda: process.poll() is None)
            self.database_url = postgres.url
        if not os.environ.get("REDIS_URL"):
            valkey = Valkey(home)
            valkey.prepare()
            process = self._spawn(valkey.command(), log / "valkey.log")
            valkey.wait(lambda: process.poll() is None)
            self.redis_url = valkey.url

    def stop(self) -> None:
        self.stack.close()

    def _slot(self) -> Path:
        for number in range(SLOTS):
            home = ROOT / "var" / "test" / f"slot-{number}"
            home.mkdir(parents=True, exist_ok=True)
            held: IO[str] | None = lock.take(home / "lock")
            if held:
                self.stack.enter_context(held)
                return home
        raise pytest.UsageError(f"{SLOTS} test sessions run in this clone already.")

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
        self.stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # PostgreSQL: fast, without waiting for clients
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


SERVERS = Servers()


def pytest_configure(config: pytest.Config) -> None:
    if config.option.collectonly or config.option.help or hasattr(config, "workerinput"):
        return
    settings.EGRESS_GUARD = False  # tests talk to servers of their own on loopback
    settings.NUDGE_WORKERS = False  # and no worker waits for a nudge
    SERVERS.start()
    if SERVERS.database_url:
        settings.DATABASES["default"].update(env.database_config(SERVERS.database_url))
    if SERVERS.redis_url:
        settings.REDIS_URL = SERVERS.redis_url
        settings.CELERY_BROKER_URL = SERVERS.redis_url


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with transactions of its own ends with all tables emptied. Each begins with what the migrations
    made, in whichever order they run."""
    for item in items:
        mark = item.get_closest_marker("django_db")
        own = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", []))
        if own or (mark and mark.kwargs.get("transaction")):
            whole = pytest.mark.django_db(transaction=True, serialized_rollback=True)
            item.add_marker(whole, append=False)


def pytest_unconfigure(config: pytest.Config) -> None:
    SERVERS.stop()


def _migrations_digest() -> str:
    files = sorted(path for path in ROOT.glob("*/migrations/*.py"))
    text = b"".join(
        str(path).encode() + path.read_bytes() for path in [*files, ROOT / "requirements.in"]
    )
    return hashlib.sha256(text).hexdigest()[:16]


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Whether Django finds its test database made: a copy of the one kept for these very migrations."""
    if request.config.option.create_db:
        return False
    with _maintenance() as connection:
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [template_name()]
        ).fetchone()
        if known:
            _copy(connection, template_name(), _test_name())
    return bool(known)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_keepdb: bool) -> None:
    """After Django has migrated it: kept as the template for the next session."""
    made = getattr(connections["default"], "_test_serialized_contents", None)
    if made is not None:
        # A browser's test runs beside an event loop, where Django opens connections of other objects.
        type(connections["default"])._test_serialized_contents = made  # type: ignore[attr-defined]
    if django_db_keepdb:
        return
    connections["default"].close()
    with _maintenance() as connection:
        kept = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'template!_watchbill!_%%' ESCAPE '!'"
        )
        for (stale,) in kept.fetchall():
            _drop(connection, stale)
        _copy(connection, _test_name(), template_name())


def template_name() -> str:
    return f"template_watchbill_{_migrations_digest()}"


def _test_name() -> str:
    return f"test_{settings.DATABASES['default']['NAME'].removeprefix('test_')}"


def _maintenance() -> psycopg.Connection[Any]:
    config = settings.DATABASES["default"]
    return psycopg.connect(
        host=config["HOST"],
        port=config["PORT"],
        user=config["USER"],
        password=config["PASSWORD"],
        dbname="template1",
        autocommit=True,
    )


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )


def _copy(connection: psycopg.Connection[Any], source: str, target: str) -> None:
    _drop(connection, target)
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(target), sql.Identifier(source)
        )
    )
