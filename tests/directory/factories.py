"""People, teams and services for tests: plain functions that make rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from deadlines.extension import PORTAL
from directory import services
from directory.enums import Role, Scope
from directory.models import Service, Team, User
from procedures.models import Procedure

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_numbers = count(1)


def make_user(name: str = "", **fields: Any) -> User:
    """A person without a group or a password."""
    number = next(_numbers)
    name = name or f"Person {number}"
    address = fields.pop("email", f"{name.lower().replace(' ', '.')}.{number}@example.org")
    return User.objects.create_user(address, name=name, **fields)


def make_procedure(slug: str = "") -> Procedure:
    """A procedure with nothing but its head."""
    slug = slug or f"procedure-{next(_numbers)}"
    return Procedure.objects.create(
        slug=slug, name=slug, platform="Test", last_updated=date(2026, 1, 1), created_at=NOW
    )


def make_team(slug: str = "", **fields: Any) -> Team:
    """A team; its procedure is made when none is given."""
    slug = slug or f"team-{next(_numbers)}"
    fields.setdefault("procedure", None)
    fields["procedure"] = fields["procedure"] or make_procedure()
    return Team.objects.create(slug=slug, name=fields.pop("name", slug.title()), **fields)


def make_service(team: Team, slug: str = "", **fields: Any) -> Service:
    slug = slug or f"service-{next(_numbers)}"
    return Service.objects.create(team=team, slug=slug, name=slug.title(), **fields)


def make_engineer(team: Team, name: str = "", **fields: Any) -> User:
    """An engineer of the team."""
    user = make_user(name, **fields)
    services.add_member(team.pk, user.pk, actor=PORTAL)
    return user


def make_responder(team: Team, name: str = "", **fields: Any) -> User:
    """A member who is a responder only."""
    user = make_user(name, **fields)
    services.add_member(team.pk, user.pk, actor=PORTAL, role=Role.RESPONDER)
    return user


def make_manager(team: Team, name: str = "", **fields: Any) -> User:
    """A manager of the team."""
    user = make_user(name, **fields)
    services.grant_manager(team.pk, user.pk, actor=PORTAL)
    return user


def make_admin(name: str = "", **fields: Any) -> User:
    return _in_group(Role.ADMIN, name, **fields)


def make_auditor(name: str = "", **fields: Any) -> User:
    return _in_group(Role.AUDITOR, name, **fields)


def make_key(user: User, *, now: datetime = NOW, **fields: Any) -> str:
    """A key to the API for the person."""
    return services.create_token(user.pk, "tests", actor=PORTAL, now=now, **fields).key


def bearer(user: User, *scopes: Scope) -> dict[str, str]:
    """The header that a client of the API sends for the person."""
    return {"authorization": f"Bearer {make_key(user, scopes=scopes)}"}


def _in_group(role: Role, name: str, **fields: Any) -> User:
    user = make_user(name, **fields)
    services.grant_role(user.pk, role, actor=PORTAL)
    return user
