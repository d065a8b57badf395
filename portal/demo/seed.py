"""Makes the sample team: people, services, rotas, integrations; then lets it live through its history."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.db import transaction

from alerts.models import Integration
from alerts.services import create_key, make_monitor
from deadlines.enums import State
from deadlines.extension import PORTAL, Actor
from deadlines.models import Deadline
from deadlines.services import enforce
from directory.enums import Role
from directory.models import Service, Team, User
from directory.permissions import actor_of
from directory.services import (
    Holder,
    add_member,
    create_token,
    grant_manager,
    grant_role,
    set_role_holders,
)
from incidents.models import Incident
from incidents.services import (
    DeclareFacts,
    acknowledge,
    close,
    declare,
    mark_false_positive,
    mitigate,
    need_help,
    post_update,
    resolve,
)
from notifications.enums import MethodKind, Urgency
from notifications.models import ContactMethod, NotificationRule
from notifications.services import record_as_delivered
from portal.demo import cast
from portal.demo.stories import HISTORY, OPEN_NOW, Story
from procedures.models import Procedure
from rotations.enums import Level
from rotations.models import Override, Rota
from rotations.queries import who_is_on_call
from rotations.services import add_time_off, ask_swap, found_rota
from rotations.services.horizon import redraw
from rotations.services.promising import look_at_all

WEEKS_BACK = 14


@dataclass(frozen=True, slots=True)
class Sample:
    """What was made, with the secrets that are shown only now."""

    team: Team
    people: dict[str, User]
    password: str
    tokens: dict[str, str]
    keys: dict[str, str]


def seed(*, now: datetime, say: Callable[[str], None]) -> Sample | None:
    """Fills an empty database; does nothing, and returns None, where there is a team already."""
    if Team.objects.exists():
        return None
    procedure = Procedure.objects.get(slug="mother-harness")
    with transaction.atomic():
        say("Making the sample team …")
        password = secrets.token_urlsafe(9)
        people = _people(password)
        team = _team(procedure, people)
        _rotas(team, people, now)
        keys = _integrations(team, now)
        tokens = {
            login: create_token(person.pk, "sample data", actor=PORTAL, now=now).key
            for login, person in people.items()
        }
    say("Living through three months of incidents …")
    live_through(team, people, now)
    return Sample(team, people, password, tokens, keys)


def _people(password: str) -> dict[str, User]:
    people = {}
    hashed = make_password(password)  # once: it is slow by design
    for character in cast.EVERYBODY:
        person = User.objects.create(
            email=character.email,
            password=hashed,
            name=character.name,
            zone=cast.ZONE,
            is_demo=True,
            is_staff=character is cast.ADMIN,
            is_superuser=character is cast.ADMIN,
        )
        grant_role(person.pk, Role(character.group), actor=PORTAL)
        people[character.login] = person
    now = min(person.created_at for person in people.values())
    for number, character in enumerate(cast.EVERYBODY):
        _methods(people[character.login], number, now)
    return people


def _methods(person: User, number: int, verified_at: datetime) -> None:
    pager, mail, _ = (
        ContactMethod.objects.create(
            user=person, kind=kind, channel=channel, address=address, position=position, verified_at=verified_at
        )
        for position, (kind, channel, address) in enumerate(
            (
                (MethodKind.PAGER, "mail", person.email),
                (MethodKind.MAIL, "mail", person.email),
                (MethodKind.PHONE, "phone", f"+49 30 5550 1{number:02d}"),
            )
        )
    )  # fmt: skip
    NotificationRule.objects.create(
        user=person, urgency=Urgency.HIGH, method=pager, after_seconds=0
    )
    NotificationRule.objects.create(
        user=person, urgency=Urgency.HIGH, method=mail, after_seconds=120
    )
    NotificationRule.objects.create(user=person, urgency=Urgency.LOW, method=mail, after_seconds=0)


def _team(procedure: Procedure, people: dict[str, User]) -> Team:
    team = Team.objects.create(
        slug=cast.TEAM_SLUG,
        name=cast.TEAM_NAME,
        procedure=procedure,
        zone=cast.ZONE,
        holiday_country=cast.HOLIDAY_COUNTRY,
        stakeholders=[f"stakeholders@{cast.DOMAIN}"],
    )
    for position, character in enumerate((*cast.ENGINEERS, cast.MANAGER)):
        add_member(team.pk, people[character.login].pk, actor=PORTAL, position=position)
    grant_manager(team.pk, people[cast.MANAGER.login].pk, actor=PORTAL)
    for role, (holder, backup) in cast.ROLE_HOLDERS.items():
        set_role_holders(
            team.pk,
            role,
            [Holder(people[holder.login].pk, people[backup.login].pk if backup else None)],
            actor=PORTAL,
        )
    for part in cast.SERVICES:
        service = Service.objects.create(
            slug=part.slug,
            name=part.name,
            team=team,
            description=part.what,
            user_facing=part.user_facing,
            runbook_url=f"https://runbooks.{cast.DOMAIN}/{part.slug}",
            dashboard_url=f"https://grafana.{cast.DOMAIN}/d/{part.slug}",
            logs_url=f"https://logs.{cast.DOMAIN}/{part.slug}",
        )
        service.smes.set([people[expert.login] for expert in part.experts])
    return team


def _rotas(team: Team, people: dict[str, User], now: datetime) -> None:
    today = now.astimezone(ZoneInfo(cast.ZONE)).date()
    first_monday = today - timedelta(days=today.weekday(), weeks=WEEKS_BACK)
    monday = datetime.combine(first_monday, time(9), ZoneInfo(cast.ZONE))
    primary = found_rota(
        team,
        f"{team.slug}-primary",
        [people[character.login] for character in cast.ENGINEERS],
        name="Primary on-call",
        zone=cast.ZONE,
        starts_on=first_monday,
    )
    found_rota(
        team,
        f"{team.slug}-secondary",
        name="Secondary on-call",
        level=Level.SECONDARY,
        zone=cast.ZONE,
        starts_on=first_monday,
        derived_from=primary,
    )
    away = now + timedelta(days=16)
    Override.objects.create(
        rota=primary,
        starts_at=away.replace(hour=8, minute=0, second=0, microsecond=0),
        ends_at=away.replace(hour=20, minute=0, second=0, microsecond=0),
        user=people[cast.ENGINEERS[7].login],
        reason="Dentist, and the way back",
        created_by=people[cast.MANAGER.login],
        created_at=now - timedelta(days=3),
    )
    redraw(team.pk, now=monday)  # as it was in force since then
    _plans_of_people(primary, monday + timedelta(weeks=WEEKS_BACK), people, now)
    look_at_all(now=now)


def _plans_of_people(
    primary: Rota, this_monday: datetime, people: dict[str, User], now: datetime
) -> None:
    """Time off, some of it in a shift that a manager lets stand for now, and a swap that waits for an answer."""

    def week(number: int) -> datetime:
        return this_monday + timedelta(weeks=number)

    order = [people[character.login] for character in cast.ENGINEERS]
    on_call = {number: order[(WEEKS_BACK + number) % len(order)] for number in range(10)}
    manager = people[cast.MANAGER.login]
    add_time_off(
        on_call[0].pk, starts_at=week(3), ends_at=week(4), reason="Hiking",
        actor=actor_of(on_call[0]), now=now,
    )  # fmt: skip
    away = on_call[6]
    add_time_off(
        away.pk,
        starts_at=week(6) + timedelta(days=1),
        ends_at=week(6) + timedelta(days=3),
        reason="A course",
        waiver_reason=f"{away.name} looks for somebody until then",
        actor=actor_of(manager),
        now=now,
    )
    giver = on_call[4]
    ask_swap(
        primary.pk,
        giver_id=giver.pk,
        colleague_id=on_call[7].pk,
        starts_at=week(4),
        ends_at=week(5),
        note="My sister marries that weekend",
        actor=actor_of(giver),
        now=now,
    )


def _integrations(team: Team, now: datetime) -> dict[str, str]:
    """One integration of each kind; the keys are shown only now."""
    orchestrator = Service.objects.get(slug="orchestrator")
    names = {
        "alertmanager": "Prometheus Alertmanager",
        "grafana": "Grafana",
        "pagerduty": "PagerDuty events",
        "generic": "Anything else (JSON)",
    }
    keys = {}
    for kind, name in names.items():
        integration = Integration.objects.create(
            kind=kind,
            name=name,
            slug=f"{team.slug}-{kind}",
            team=team,
            default_service=orchestrator,
        )
        keys[kind] = create_key(integration.pk, actor=PORTAL, now=now).key
    backup = Integration.objects.create(
        kind="heartbeat",
        name="Nightly backup",
        slug=f"{team.slug}-backup",
        team=team,
        default_service=orchestrator,
    )
    make_monitor(backup, interval_seconds=86_400, grace_seconds=3_600, severity="P3", now=now)
    keys["heartbeat"] = create_key(backup.pk, actor=PORTAL, now=now).key
    return keys


# --- The history ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """Something somebody did at an instant."""

    at: datetime
    do: Callable[[datetime], Any]


def live_through(team: Team, people: dict[str, User], now: datetime) -> None:
    """Plays every story through the same verbs people use, the clock ticking in between."""
    events = [
        event for story in HISTORY for event in _events(story, team, _opened(story, now), now)
    ]
    for story in OPEN_NOW:
        events += _events(story, team, now + timedelta(minutes=float(story.at)), now)
    events.sort(key=lambda event: event.at)
    for event, following in pairwise([*events, Event(now, lambda _: None)]):
        event.do(event.at)
        _tick_until(following.at)


def _opened(story: Story, now: datetime) -> datetime:
    zone = ZoneInfo(cast.ZONE)
    hour, minute = map(int, story.at.split(":"))
    day = (now.astimezone(zone) - timedelta(days=story.days_ago)).date()
    return datetime.combine(day, time(hour, minute), zone).astimezone(now.tzinfo)


def _tick_until(end: datetime) -> None:
    """Lets the clock come by at each instant something is due, as it would have."""
    while True:
        record_as_delivered(now=end)
        due = (
            Deadline.objects.filter(state=State.PENDING, run_at__lte=end)
            .order_by("run_at")
            .values_list("run_at", flat=True)
            .first()
        )
        if due is None:
            return
        enforce(now=due)


def _events(story: Story, team: Team, opened: datetime, now: datetime) -> Iterable[Event]:
    """The story as verbs, each at its minute; what would lie in the future is left out."""
    incident: list[Incident] = []

    def begin(at: datetime) -> None:
        slugs = (story.service, *story.others)
        ids = [Service.objects.get(slug=slug).pk for slug in slugs]
        incident.append(
            declare(
                DeclareFacts(
                    title=story.title,
                    severity=story.severity,
                    services=ids,
                    kind=story.kind,
                    drill=story.drill,
                    origin="person" if story.source == "person" else "alert",
                ),
                actor=_actor(team, at)
                if story.source == "person"
                else Actor("integration", None, "Alertmanager"),
                now=at,
            )
        )

    def verb(call: Callable[..., Any], **facts: Any) -> Callable[[datetime], Any]:
        return lambda at: call(incident[0].pk, actor=_doer(incident[0], team, at), now=at, **facts)

    steps: list[tuple[float | None, Callable[[datetime], Any]]] = [
        (0, begin),
        (story.acknowledged, verb(acknowledge)),
        (story.helped, verb(need_help)),
        *(
            (minute, verb(post_update, text=text, kind="status" if number else "findings"))
            for number, (minute, text) in enumerate(story.updates)
        ),
        (story.mitigated, verb(mitigate, note=story.note)),
        (story.resolved, verb(resolve, note=story.note, waive=None)),
    ]
    if story.false_positive:
        steps.insert(-1, (story.resolved, verb(mark_false_positive, reason=story.false_positive)))
    steps.append((story.closed, verb(close, note="Done.", waive=None)))
    for minutes, do in steps:
        if minutes is not None and (at := opened + timedelta(minutes=minutes)) <= now:
            yield Event(at, do)


def _doer(incident: Incident, team: Team, at: datetime) -> Actor:
    """Whoever has the incident does it; without an owner the primary of that moment."""
    incident.refresh_from_db()
    if incident.owner is None:
        return _actor(team, at)
    return Actor("user", incident.owner.pk, incident.owner.name)


def _actor(team: Team, at: datetime) -> Actor:
    for held in who_is_on_call(at=at, team_ids=[team.pk]):
        if held.level == Level.PRIMARY:
            person = User.objects.get(pk=held.user_id)
            return Actor("user", person.pk, person.name)
    raise LookupError(f"nobody is primary at {at}")
