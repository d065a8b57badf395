"""One process of the stack, in a group of its own: started, killed, frozen, thawed, ended by its id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.harness.waiting import until


@dataclass
class Child:
    """Started from the main thread only: the kernel ends it with the thread that started it."""

    name: str
    command: Callable[[], list[str]]
    env: Mapping[str, str]
    folder: Path
    cwd: Path
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = field(default=False, init=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def points(self) -> Path:
        """Where its crash points are armed."""
        return self.folder / f"{self.name}.points"

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was never started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        assert not self.running, f"{self.name} runs already"
        self.points.mkdir(exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.cwd,
                env={**self.env, "WATCHBILL_FAIL_POINTS": str(self.points)},
                start_new_session=True,
            )

    def arm(self, point: str) -> None:
        """It kills itself when it next reaches the crash point."""
        (self.points / point).touch()

    def armed(self, point: str) -> bool:
        return (self.points / point).exists()

    def disarm(self) -> None:
        for path in self.points.glob("*"):
            path.unlink(missing_ok=True)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """As a power cut would, with everything it started."""
        self.signal(signal.SIGKILL)
        self._gone()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)
        self.frozen = False

    def stop(self) -> None:
        """Asks it to end, and ends it when it does not."""
        if self.process is None:
            return
        if self.frozen:
            self.thaw()
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
        self._gone()

    def dies(self, *, seconds: float = 60) -> None:
        """Waits until it has ended by itself."""
        until(lambda: not self.running, seconds=seconds, what=f"{self.name} to die")
        self._gone()

    def _gone(self) -> None:
        assert self.process is not None
        self.signal(signal.SIGKILL)  # what it left in its group
        self.process.wait(20)
        self.frozen = False

    def words(self, characters: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""
