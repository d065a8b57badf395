"""From the settings to the supervisor's orders."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import NoReturn

from django.conf import settings

from portal import env
from portal.supervisor import Orders


def orders() -> Orders:
    return Orders(
        data_dir=str(settings.DATA_DIR),
        host=settings.HOST,
        port=settings.PORT,
        base_url=settings.BASE_URL,
        embedded_database=settings.EMBEDDED,
        embedded_broker=not env.text("REDIS_URL"),
        web_workers=settings.WEB_WORKERS,
        worker_threads=settings.WORKER_THREADS,
        slow_worker=settings.SLOW_WORKER,
    )


def become_supervisor() -> NoReturn:
    """Becomes another, slimmer program: the supervisor needs no Django for as long as it lives."""
    os.environ["DATA_DIR"] = str(settings.DATA_DIR)
    os.environ["PYTHONPATH"] = str(settings.BASE_DIR)
    os.chdir(settings.BASE_DIR)
    command = [sys.executable, "-m", "portal.supervisor", json.dumps(asdict(orders()))]
    os.execv(command[0], command)  # noqa: S606 - the very purpose
