"""Loads a procedure from its file and publishes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from deadlines.extension import PORTAL
from procedures.services import ProcedureRefused, load_procedure


class Command(BaseCommand):
    help = (
        "Loads a procedure from a TOML file and publishes it. The same file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            text = file.read_bytes().decode("utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{file} is not UTF-8: {error.reason}.") from error
        try:
            loaded = load_procedure(
                text, actor=PORTAL, now=timezone.now(), note=f"Loaded from {file.name}."
            )
        except ProcedureRefused as refused:
            faults = "\n".join(f"  {fault}" for fault in refused.faults)
            count = len(refused.faults)
            raise CommandError(
                f"{file} is refused, nothing was changed. {count} "
                f"fault{'s' if count != 1 else ''}:\n{faults}"
            ) from refused
        number = loaded.version.number
        if loaded.published:
            self.stdout.write(f"{loaded.procedure}: published version {number}.")
        else:
            self.stdout.write(f"{loaded.procedure}: nothing new, still version {number}.")
