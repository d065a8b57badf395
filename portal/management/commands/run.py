"""`manage.py run`: the whole portal, with the servers it brings along."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal import env
from portal.supervisor import Orders


class Command(BaseCommand):
    help = (
        "Starts database, broker, web, worker, beat and clock, and keeps them running until Ctrl-C."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape

    def handle(self, *args: Any, **options: Any) -> None:
        orders = Orders(
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
        os.environ["DATA_DIR"] = str(settings.DATA_DIR)
        os.environ["PYTHONPATH"] = str(settings.BASE_DIR)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
        # Becomes another, slimmer program: the supervisor needs no Django for as long as it lives.
        command = [sys.executable, "-m", "portal.supervisor", json.dumps(asdict(orders))]
        os.chdir(Path(settings.BASE_DIR))
        os.execv(command[0], command)  # noqa: S606
