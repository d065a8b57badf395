"""`manage.py doctor`: what is amiss, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deadlines.extension import Problem
from portal import health

SLOW_CHECKS: list[Callable[[], Iterator[Problem]]] = [
    health.check_migrations,
    health.check_mail,
    health.check_folders,
]


class Command(BaseCommand):
    help = "Looks at database, broker, clock, beat, mail, channels and folders; exit 1 where something is wrong."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape

    def handle(self, *args: Any, **options: Any) -> None:
        report = health.report(datetime.now(UTC))
        found = list(report.problems)
        if "database" not in report.errors:
            for check in SLOW_CHECKS:
                found.extend(check())
        for problem in found:
            mark = (
                self.style.ERROR("wrong  ")
                if problem.severity == "error"
                else self.style.WARNING("warning")
            )
            self.stdout.write(f"{mark} {problem.name}: {problem.detail}")
        if any(problem.severity == "error" for problem in found):
            raise CommandError("Something is wrong.")
        self.stdout.write(self.style.SUCCESS("All is well."))
