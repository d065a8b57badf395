"""Prints what is wrong with the rosters of the weeks to come."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from directory.models import Team
from directory.queries import names_of
from rotations.models import Breach, Rota
from rotations.queries.team import rules_of, team_facts
from rotations.rules.comparing import matter_of, overlap
from rotations.rules.proof import Breach as Found
from rotations.rules.proof import prove


class Command(BaseCommand):
    help = (
        "Proves the rosters from now on and prints each breach: its clause, its minutes, its people. Ends with 1"
        " when one blocks that nobody has waived. Writes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", metavar="SLUG", help="only this team")
        parser.add_argument(
            "--weeks", type=int, metavar="N", help="so far ahead; else each team's horizon"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        blocks = sum(self._check(team, now, options["weeks"]) for team in _teams(options["team"]))
        if blocks:
            sys.exit(1)

    def _check(self, team: Team, now: datetime, weeks: int | None) -> int:
        """How many breaches of the team's roster block."""
        if weeks is not None and not 1 <= weeks <= 104:
            raise CommandError("--weeks takes a number from 1 to 104.")
        end = now + timedelta(weeks=weeks or rules_of(team.pk).horizon_weeks)
        found = prove(team_facts(team.pk, start=now, end=end), start=now, end=end)
        waived = _waived(team)
        self.stdout.write(f"{team.name}: {_count(found)} until {end:%Y-%m-%d}")
        names = names_of(user_id for one in found for user_id in one.user_ids)
        blocking = 0
        for one in found:
            known = any(matter_of(row) == matter_of(one) and overlap(row, one) for row in waived)
            blocking += one.blocking and not known
            weight = "waived" if known else "blocks" if one.blocking else "warning"
            people = ", ".join(names[user_id] for user_id in one.user_ids if user_id in names)
            minutes = (one.ends_at - one.starts_at) // timedelta(minutes=1)
            self.stdout.write(
                f"  {weight}: {one.said.removesuffix('.')}{f' ({one.clause})' if one.clause else ''}: "
                f"{one.starts_at:%Y-%m-%d %H:%M} to {one.ends_at:%Y-%m-%d %H:%M} UTC, {minutes} min"
                f"{f', {people}' if people else ''}"
            )
        return blocking


def _teams(slug: str | None) -> list[Team]:
    if slug is not None:
        team = Team.objects.filter(slug=slug).first()
        if team is None:
            raise CommandError(f"No team is called {slug!r}.")
        return [team]
    return list(Team.objects.filter(pk__in=Rota.objects.values("team_id")).order_by("name"))


def _waived(team: Team) -> list[Breach]:
    return list(Breach.objects.filter(team=team, gone_at=None, waived_at__isnull=False))


def _count(found: tuple[Found, ...]) -> str:
    return "nothing is amiss" if not found else f"{len(found)} found"
