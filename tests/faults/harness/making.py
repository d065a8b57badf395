"""Makes the world in the stack's database, by the portal's own services.

    manage.py shell -v0 -c 'from tests.faults.harness.making import main; main("ORDER")'

ORDER is a `Wanted` as JSON; a `World` is printed as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime

from alerts.enums import IntegrationKind
from alerts.models import Integration
from alerts.services import create_key
from deadlines.extension import PORTAL
from directory import services as directory
from directory.enums import Role
from directory.models import RoleHolder, Service, Team, User
from notifications.enums import MethodKind
from notifications.models import ContactMethod, NotificationRule, PagingLimits
from procedures.services import load_procedure
from rotations.services import found_rota
from tests.faults.harness.world import PROCEDURE, Wanted, World


def make(wanted: Wanted) -> World:
    """Teams of five at most, each with a rota of all but its last, who is the manager. Every other person
    is reached by webhook first, the rest by mail first; each has the other way behind it."""
    now = datetime.now(UTC)
    procedure = load_procedure(PROCEDURE.format(*wanted.steps), actor=PORTAL, now=now).procedure
    PagingLimits.objects.update_or_create(
        pk=1,
        defaults={
            "bundle_seconds": 1, "bundle_cap_seconds": 1, "retry_seconds": 1, "retry_cap_seconds": 2,
        },
    )  # fmt: skip
    mail_people: list[str] = []
    hook_people: list[str] = []

    def person(number: int) -> User:
        user = User.objects.create_user(f"p{number}@example.org", name=f"Person {number}")
        ways = [
            (MethodKind.PAGER, "mail", user.email),
            (MethodKind.WEBHOOK, "webhook", f"{wanted.hooks}/hook/{user.email}"),
        ]
        if number % 2 == 0:
            ways.reverse()
        (hook_people if number % 2 == 0 else mail_people).append(user.email)
        methods = [
            ContactMethod.objects.create(
                user=user, kind=kind, channel=channel, address=address, position=position, verified_at=now
            )
            for position, (kind, channel, address) in enumerate(ways)
        ]  # fmt: skip
        NotificationRule.objects.create(user=user, method=methods[0])
        return user

    teams = max(1, wanted.people // 5 if wanted.people >= 10 else wanted.people // 3)
    size = wanted.people // teams
    admin = person(wanted.people + 1)
    directory.grant_role(admin.pk, Role.ADMIN, actor=PORTAL)
    made = []
    for index in range(teams):
        slug = f"team-{index + 1}"
        team = Team.objects.create(slug=slug, name=slug, procedure=procedure, holiday_country="")
        people = [person(index * size + offset + 1) for offset in range(size)]
        for member in people:
            directory.add_member(team.pk, member.pk, actor=PORTAL)
        directory.grant_manager(team.pk, people[-1].pk, actor=PORTAL)
        RoleHolder.objects.create(team=team, role="manager", user=people[-1])
        RoleHolder.objects.create(team=team, role="chief", user=admin)
        rota = found_rota(
            team, f"{slug}-primary", people[:-1], name="Primary", starts_on=date(2026, 1, 5)
        )
        found_rota(
            team, f"{slug}-secondary", name="Secondary", level="secondary",
            starts_on=date(2026, 1, 5), derived_from=rota,
        )  # fmt: skip
        made += [
            Service.objects.create(team=team, slug=f"{slug}-{number}", name=f"{slug} {number}")
            for number in range(wanted.services // teams)
        ]
    keys = {}
    for kind in (IntegrationKind.PAGERDUTY, IntegrationKind.GENERIC):
        integration = Integration.objects.create(
            name=kind.value, slug=kind.value, kind=kind.value, team=made[0].team, all_teams=True,
            default_service=made[0], rate_per_minute=0,
        )  # fmt: skip
        keys[kind] = create_key(integration.pk, actor=PORTAL, now=now).key
    return World(
        keys[IntegrationKind.PAGERDUTY], keys[IntegrationKind.GENERIC],
        [service.slug for service in made], mail_people, hook_people, admin.email,
    )  # fmt: skip


def main(order: str) -> None:
    facts = json.loads(order)
    sys.stdout.write(json.dumps(asdict(make(Wanted(**{**facts, "steps": tuple(facts["steps"])})))))
