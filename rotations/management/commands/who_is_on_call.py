"""Prints who holds each rota at an instant."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from directory.queries import names_of
from rotations.models import Rota
from rotations.queries import held_at


class Command(BaseCommand):
    help = "Who holds each rota at an instant (now, or --at), from when until when, and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--at", help="an instant such as 2026-03-01T03:10+01:00; without an offset, UTC"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        at = _instant(options["at"]) if options["at"] else now
        held = held_at(Rota.objects.all(), at=at, now=now)
        if not held:
            self.stdout.write("Nobody is on call.")
            return
        vacant = Rota.objects.filter(active=True).exclude(pk__in={row.rota_id for row in held})
        names = names_of(row.user_id for row in held)
        for row in held:
            self.stdout.write(
                f"{row.rota_slug} ({row.level}): {names[row.user_id]}, "
                f"{row.starts_at:%Y-%m-%d %H:%M} to {row.ends_at:%Y-%m-%d %H:%M} UTC, by {row.why}"
            )
        for rota in vacant.order_by("team_id", "level", "id"):
            self.stdout.write(f"{rota.slug} ({rota.level}): nobody")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError(
            f"--at takes an instant such as 2026-03-01T03:10+01:00, not {text!r}."
        ) from error
