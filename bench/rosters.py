"""A thousand rotas, a pair for each of 500 teams: drawn, asked, changed. Run by `manage.py shell`."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from deadlines.extension import PORTAL
from deadlines.queries import database_now
from directory.models import Membership, Team, User
from notifications.enums import MethodKind
from notifications.models import ContactMethod
from procedures.models import Procedure
from rotations.enums import Level
from rotations.models import Rota, Shift
from rotations.queries import on_call_of
from rotations.services import OverrideWanted, add_overrides, found_rota
from rotations.services.horizon import redraw
from rotations.services.looking import look

TEAMS, CREW = 500, 6
FEW = 50
CHANGES = 30
PREFIX = "bench-roster-"


def time_them() -> None:
    """Prints the figures as JSON: seconds, and counts of queries and shifts."""
    now = database_now()
    teams = _made(now)
    print(json.dumps(_on_call(now) | _horizon(teams, now) | _changes(teams, now)))


def _made(now: datetime) -> list[Team]:
    procedure = Procedure.objects.get()
    teams = Team.objects.bulk_create(
        Team(slug=f"{PREFIX}{number}", name=f"Roster {number}", procedure=procedure)
        for number in range(TEAMS)
    )
    people = User.objects.bulk_create(
        User(email=f"roster-{number}@bench.invalid", name=f"Roster person {number}")
        for number in range(TEAMS * CREW)
    )
    ContactMethod.objects.bulk_create(
        ContactMethod(
            user=person, kind=MethodKind.PAGER, channel="mail", address=person.email, verified_at=now
        )
        for person in people
    )  # fmt: skip
    for number, team in enumerate(teams):
        crew = people[number * CREW : (number + 1) * CREW]
        Membership.objects.bulk_create(
            Membership(team=team, user=person, position=position)
            for position, person in enumerate(crew)
        )
        primary = found_rota(
            team, f"{team.slug}-primary", crew, zone="Europe/Berlin", starts_on=date(2025, 1, 6)
        )
        found_rota(
            team, f"{team.slug}-secondary", level=Level.SECONDARY, derived_from=primary,
            zone="Europe/Berlin", starts_on=date(2025, 1, 6),
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return teams


def _on_call(now: datetime) -> dict[str, float]:
    """Who holds each, read from the database and kept nowhere; and in how many queries, few or many."""
    every = Rota.objects.filter(team__slug__startswith=PREFIX)
    few = every.filter(pk__in=list(every.values_list("pk", flat=True)[:FEW]))
    with CaptureQueriesContext(connection) as of_few:
        on_call_of(few, at=now)
    with CaptureQueriesContext(connection) as of_all:
        held = on_call_of(every, at=now)
    took = []
    for _ in range(7):
        began = time.perf_counter()
        on_call_of(every, at=now)
        took.append(time.perf_counter() - began)
    return {
        "rotas": len(held),
        "on_call": _middle(took),
        "queries_of_few": len(of_few),
        "queries": len(of_all),
    }


def _horizon(teams: list[Team], now: datetime) -> dict[str, float]:
    """All shifts drawn where there are none; looked at again an hour later; and by a look a week later."""
    began = time.perf_counter()
    for team in teams:
        redraw(team.pk, now=now)
    drawn = time.perf_counter() - began
    shifts = Shift.objects.filter(team__slug__startswith=PREFIX).count()
    began = time.perf_counter()
    for team in teams:
        look(team.pk, now=now + timedelta(hours=1))
    looked = time.perf_counter() - began
    return {"drawn": drawn, "shifts": shifts, "looked": looked}


def _changes(teams: list[Team], now: datetime) -> dict[str, float]:
    """An override of a day on one rota among the thousand: proved, drawn, told."""
    took = []
    for number in range(CHANGES):
        rota = Rota.objects.get(slug=f"{teams[number].slug}-primary")
        person = Membership.objects.filter(team=teams[number]).order_by("position")[number % CREW]
        start = (now + timedelta(days=10 + number)).replace(minute=0, second=0, microsecond=0)
        wanted = OverrideWanted(rota.pk, person.user_id, start, start + timedelta(days=1))
        began = time.perf_counter()
        add_overrides(
            [wanted], actor=PORTAL, now=datetime.now(UTC) + timedelta(hours=1, minutes=5)  # noqa: TID251
        )  # fmt: skip
        took.append(time.perf_counter() - began)
    return {"change": _middle(took), "slowest_change": max(took)}


def _middle(took: list[float]) -> float:
    return sorted(took)[len(took) // 2]
