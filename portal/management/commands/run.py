"""`manage.py run`: the whole portal, with the servers it brings along."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from portal.start import become_supervisor


class Command(BaseCommand):
    help = (
        "Starts database, broker, web, worker, beat and clock, and keeps them running until Ctrl-C."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape

    def handle(self, *args: Any, **options: Any) -> None:
        become_supervisor()
