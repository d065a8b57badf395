"""`manage.py seed_demo`: the sample team and its history, into an empty database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from deadlines.queries import database_now
from portal.demo.credentials import refresh_credentials, write_credentials
from portal.demo.seed import seed


class Command(BaseCommand):
    help = "Fills an empty database with the sample team and three months of history."

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        sample = seed(now=now, say=self.stdout.write)
        if sample is None:
            refresh_credentials(now=now)
            self.stdout.write("There is a team already: nothing was added.")
            return
        path = write_credentials(
            sample.team,
            password=sample.password,
            tokens=sample.tokens,
            keys=sample.keys,
            now=now,
        )
        self.stdout.write(f"People, tokens and keys are in {path}.")
