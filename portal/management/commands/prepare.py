"""`manage.py prepare`: brings the database and the static files up to this version."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from deadlines.services import restore_schedule
from portal.static import UNUSED
from procedures.models import Procedure

LOCK = 0x57424C4C  # any number of our own
PROCEDURE = Path("procedures") / "mother_harness.toml"
PATIENCE_SECONDS = 30


class Command(BaseCommand):
    help = (
        "Migrates, collects the static files, loads the procedure into an empty database and, asked"
        " for, the sample team."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own shape

    def handle(self, *args: Any, **options: Any) -> None:
        self._wait_for_database()
        with connection.cursor() as cursor:
            # Two hosts that start at once do this one after the other.
            cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        self._prepare()

    def _wait_for_database(self) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                connection.ensure_connection()
                return
            except OperationalError as error:
                if settings.EMBEDDED or time.monotonic() > limit:
                    raise CommandError(
                        f"The database does not answer: {str(error).strip()} Check DATABASE_URL."
                    ) from error
                time.sleep(1)

    def _prepare(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        restore_schedule(now=datetime.now(UTC), quiet=True)
        self._collect_static()
        if (
            not Procedure.objects.exists()
        ):  # later the rows are the team's, and no start reverts them
            call_command("load_procedure", settings.BASE_DIR / PROCEDURE, stdout=self.stdout)
        if settings.DEMO:
            call_command("seed_demo", stdout=self.stdout)

    def _collect_static(self) -> None:
        """Compressing takes seconds, so only when a file or a package has changed."""
        root = Path(settings.STATIC_ROOT)
        stamp = root / ".made-from"
        digest = static_digest(Path(settings.BASE_DIR))
        if stamp.exists() and stamp.read_text() == digest:
            return
        call_command(
            "collectstatic", interactive=False, clear=True, verbosity=0, ignore_patterns=UNUSED
        )
        stamp.write_text(digest)


def static_digest(base: Path) -> str:
    """What the collected files depend on: our own, and the pinned packages."""
    digest = hashlib.sha256((base / "requirements.txt").read_bytes())
    for path in sorted((base / "static").rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(base)).encode() + path.read_bytes())
    return digest.hexdigest()
