"""One run per data folder: a lock the kernel forgets when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


def take(path: Path) -> IO[str] | None:
    """The open, locked file, to be kept as long as the lock is wanted; None when another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def holder(path: Path) -> str:
    """What the holder wrote: its process id."""
    return path.read_text().strip() if path.exists() else ""
