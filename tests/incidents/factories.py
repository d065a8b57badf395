"""A team to burn things for: people, rotas, roles and services under the document's own procedure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from deadlines.extension import PORTAL, Actor
from deadlines.services import enforce
from directory import services as directory
from directory.enums import Role
from directory.models import RoleHolder, Service, Team, User
from incidents.models import Incident
from incidents.services import DeclareFacts, actor_of, declare
from notifications.enums import Purpose
from notifications.models import ContactMethod, PageOut
from procedures.models import Procedure
from procedures.services import load_procedure
from rotations.models import Rota
from rotations.services import found_rota

ROOT = Path(__file__).resolve().parents[2]
WEDNESDAY = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 14, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


@cache
def procedure_text() -> str:
    return (ROOT / "procedures" / "mother_harness.toml").read_text()


def make_user(
    name: str, *, kinds: tuple[str, ...] = ("pager", "phone", "mail"), **fields: Any
) -> User:
    """A person with verified contact methods of these kinds, all of them the file channel."""
    number = next(_numbers)
    user = User.objects.create_user(f"{name.lower()}.{number}@example.org", name=name, **fields)
    ContactMethod.objects.bulk_create(
        ContactMethod(
            user=user,
            kind=kind,
            channel="mail" if kind == "mail" else "file",
            address=f"{kind}-{user.email}",
            position=position,
            verified_at=LONG_AGO,
        )
        for position, kind in enumerate(kinds)
    )
    return user


def make_procedure(text: str | None = None, **changes: str) -> Procedure:
    """The document's procedure, published; `changes` replace words of its file."""
    text = text or procedure_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    return load_procedure(text, actor=PORTAL, now=LONG_AGO).procedure


@dataclass
class World:
    """One team and everybody an incident of it may reach."""

    team: Team
    service: Service
    other_service: Service
    primary: User
    secondary: User
    engineer: User
    manager: User
    vp: User
    ciso: User
    security: User
    legal: User
    pr: User
    chief: User
    admin: User
    rota: Rota
    people: dict[int, str] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        return actor_of(getattr(self, name))

    def declare(self, severity: str = "P2", *, at: datetime = WEDNESDAY, **facts: Any) -> Incident:
        """An incident that an alert opened."""
        actor = facts.pop("actor", Actor("integration", 1, "Prometheus"))
        facts.setdefault("title", "It burns")
        facts.setdefault("services", (self.service.pk,))
        return declare(DeclareFacts(severity=severity, **facts), actor=actor, now=at)

    def pages(self, incident: Incident) -> list[tuple[str, str, str]]:
        """(minutes and seconds after the opening, who, step) of each page-out, in order."""
        return [
            (since(incident, page_out.created_at), self.name(page_out.user_id), page_out.step_key)
            for page_out in page_outs(incident)
        ]

    def called(self, incident: Incident, *, at: datetime | None = None) -> list[str]:
        """Who was paged, in order; at one instant only, if given."""
        return [
            self.name(page_out.user_id)
            for page_out in page_outs(incident)
            if at is None or page_out.created_at == at
        ]

    def name(self, user_id: int | None) -> str:
        return self.people.get(user_id or 0, f"person {user_id}")


def page_outs(incident: Incident) -> list[PageOut]:
    return list(
        PageOut.objects.filter(
            subject_type="incident", subject_id=incident.pk, purpose=Purpose.PAGE
        ).order_by("created_at", "id")
    )


def since(incident: Incident, at: datetime) -> str:
    minutes, seconds = divmod(round((at - incident.opened_at).total_seconds()), 60)
    return f"{minutes}:{seconds:02d}"


def make_world(
    slug: str = "", *, procedure: Procedure | None = None, zone: str = "UTC", **team_fields: Any
) -> World:
    """A team of five with a weekly rota (Monday 9:00), its derived secondary and every role held."""
    number = next(_numbers)
    slug = slug or f"team-{number}"
    procedure = (
        procedure or Procedure.objects.filter(slug="mother-harness").first() or make_procedure()
    )
    team = Team.objects.create(
        slug=slug,
        name=slug.title(),
        procedure=procedure,
        zone=zone,
        holiday_country="US",
        **team_fields,
    )
    people = {
        name: make_user(name.title())
        for name in (
            "primary", "secondary", "engineer", "manager", "vp", "ciso", "security", "legal", "pr", "chief", "admin",
        )
    }  # fmt: skip
    for name in ("primary", "secondary", "engineer"):
        directory.add_member(team.pk, people[name].pk, actor=PORTAL)
    directory.grant_manager(team.pk, people["manager"].pk, actor=PORTAL)
    directory.grant_role(people["admin"].pk, Role.ADMIN, actor=PORTAL)
    for role, name in (
        ("engineering-manager", "manager"),
        ("vp-engineering", "vp"),
        ("ciso", "ciso"),
        ("security-team", "security"),
        ("legal", "legal"),
        ("pr", "pr"),
        ("c-level", "chief"),
    ):
        RoleHolder.objects.create(team=team, role=role, user=people[name])
    rota = found_rota(
        team, f"{slug}-primary", [people[name] for name in ("primary", "secondary", "engineer")],
        name="Primary", zone=zone, starts_on=date(2026, 3, 2), handoff_time=time(9),
    )  # fmt: skip
    found_rota(
        team, f"{slug}-secondary", name="Secondary", level="secondary", zone=zone,
        starts_on=date(2026, 3, 2), derived_from=rota,
    )  # fmt: skip
    service = Service.objects.create(team=team, slug=f"{slug}-api", name=f"{slug} api")
    other = Service.objects.create(team=team, slug=f"{slug}-web", name=f"{slug} web")
    return World(
        team=team, service=service, other_service=other, rota=rota,
        people={user.pk: name for name, user in people.items()}, **people,
    )  # fmt: skip


def run_clock(
    start: datetime, length: timedelta, *, every: timedelta = timedelta(minutes=1)
) -> None:
    """Steps the real clock from just after `start` up to and including `start + length`."""
    at = start
    while at < start + length:
        at = min(at + every, start + length)
        tick(at)


def tick(at: datetime) -> None:
    done = enforce(now=at)
    assert done.failed == 0, "a handler failed; its promise tells why"
