"""`manage.py clock`: the guarantee. Needs neither broker nor wall clock."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from portal.clock import Clock


class Command(BaseCommand):
    help = "Enforces what is due, each second, and sends what no worker sends. Any number may run."

    def handle(self, *args: Any, **options: Any) -> None:
        clock = Clock()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: clock.stop())
        clock.run()
