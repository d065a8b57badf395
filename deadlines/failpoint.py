"""Exact crash points for tests: a process kills itself once, where it is told to.

`WATCHBILL_FAIL_POINTS=FOLDER` arms the points that have a file FOLDER/NAME: the first process that
reaches one takes the file away and ends as a power cut would end it; nobody else is killed for it.
Without the variable this is one dictionary look-up.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "WATCHBILL_FAIL_POINTS"


def reached(name: str) -> None:
    """Called where a crash would be most inconvenient."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    try:
        os.unlink(os.path.join(folder, name))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
