"""The bench's own people: so many teams that nobody is paged twice within seconds, and one large team."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import connection

from alerts.models import Integration
from alerts.services import create_key
from bench.floor import TABLE
from bench.slugs import HANDS, TEAMS, slug_of
from deadlines.extension import PORTAL
from directory.models import Membership, Service, Team, User
from directory.services import grant_manager
from notifications.enums import MethodKind, Urgency
from notifications.models import ContactMethod, NotificationRule
from procedures.models import Procedure
from rotations.services import found_rota

CREW = 500
"""How many people all hands of the large team are."""


def make() -> None:
    """Every row through the portal's own models; prints the key of an integration that may name every
    service. Run by `manage.py shell`."""
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    print(_made(datetime.now(UTC)))  # noqa: TID251 - an edge


def _made(now: datetime) -> str:
    procedure = Procedure.objects.get()
    people = User.objects.bulk_create(
        User(email=f"person-{number}@bench.invalid", name=f"Person {number}")
        for number in range(TEAMS + CREW)
    )
    _reachable(people, now)
    teams = Team.objects.bulk_create(
        Team(slug=slug, name=slug.title(), procedure=procedure)
        for slug in [*(slug_of(number) for number in range(TEAMS)), HANDS]
    )
    services = Service.objects.bulk_create(
        Service(slug=team.slug, name=team.name, team=team) for team in teams
    )
    Membership.objects.bulk_create(
        Membership(team=teams[min(number, TEAMS)], user=person, position=number)
        for number, person in enumerate(people)
    )
    for number, team in enumerate(teams):
        found_rota(
            team,
            f"{team.slug}-primary",
            [people[number]],
            name="Primary",
            starts_on=date(2026, 1, 5),
        )
    for number, team in enumerate(teams):
        grant_manager(team.pk, people[number].pk, actor=PORTAL)
    Integration.objects.update(rate_per_minute=0)
    integration = Integration.objects.create(
        kind="pagerduty", name="Bench", slug="bench", team=teams[0], default_service=services[0],
        all_teams=True, rate_per_minute=0, resolve_mode="resolve",
    )  # fmt: skip
    return create_key(integration.pk, actor=PORTAL, now=now).key


def _reachable(people: list[User], now: datetime) -> None:
    """One verified address each, used at once."""
    methods = ContactMethod.objects.bulk_create(
        ContactMethod(
            user=person, kind=MethodKind.PAGER, channel="mail", address=person.email, verified_at=now
        )
        for person in people
    )  # fmt: skip
    NotificationRule.objects.bulk_create(
        NotificationRule(user_id=method.user_id, urgency=Urgency.HIGH, method=method)
        for method in methods
    )
