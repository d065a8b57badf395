"""Looking at processes of the machine, without a library: a killed run's leftovers are found and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def command_of(pid: int) -> str:
    """The process's command line, empty when it is gone or hidden."""
    if sys.platform == "linux":
        try:
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        except OSError:
            return ""
    found = subprocess.run(
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def living_in(folder: Path) -> list[int]:
    """Processes whose working folder this is (Linux): a killed PostgreSQL's orphans are among them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(entry / "cwd")) == folder and not _is_zombie(int(entry.name)):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def children_of(pid: int) -> list[int]:
    """Linux: the process's children, adopted ones included."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.extend(map(int, path.read_text().split()))
        except OSError:
            continue
    return found


def end(pids: Iterable[int], *, by: signal.Signals, within: float) -> list[int]:
    """Signals the processes and waits until they are gone; returns those that stay."""
    left = list(pids)
    for pid in left:
        try:
            os.kill(pid, by)
        except ProcessLookupError:
            continue
    limit = time.monotonic() + within
    while (left := [pid for pid in left if alive(pid)]) and time.monotonic() < limit:
        time.sleep(0.05)
    return left
