"""Exact crash points for tests: a process kills itself once, where it is told to.

`WATCHBILL_FAIL_POINT=NAME@MARKER` ends the first process that reaches NAME, as a power cut would; the
file MARKER then exists, and nobody is killed again. Without the variable this is one dictionary look-up.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "WATCHBILL_FAIL_POINT"


def reached(name: str) -> None:
    """Called where a crash would be most inconvenient."""
    told = os.environ.get(VARIABLE)
    if not told:
        return
    wanted, _, marker = told.partition("@")
    if wanted != name or not marker:
        return
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
