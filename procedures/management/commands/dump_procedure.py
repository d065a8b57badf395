"""Writes a procedure's draft as the file that loads back exactly."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from procedures.models import Procedure
from procedures.services import ProcedureRefused, dump_procedure


class Command(BaseCommand):
    help = "Writes a procedure as TOML to the standard output. Without SLUG, the only one there is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?")

    def handle(self, *args: Any, slug: str | None = None, **options: Any) -> None:
        there = {procedure.slug: procedure for procedure in Procedure.objects.all()}
        if slug is None and len(there) == 1:
            slug = next(iter(there))
        if slug not in there:
            known = ", ".join(sorted(there)) or "none is loaded"
            raise CommandError(f"Which procedure? There are: {known}.")
        try:
            self.stdout.write(dump_procedure(there[slug]), ending="")
        except ProcedureRefused as refused:
            faults = "\n".join(f"  {fault}" for fault in refused.faults)
            raise CommandError(f"The draft of {slug} has faults:\n{faults}") from refused
