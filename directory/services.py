"""Every way people and teams change beyond plain editing: members, roles, managers, tokens.

Each verb checks that the actor may, and raises PermissionDenied otherwise; the portal may do all.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Max
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm

from deadlines.extension import PORTAL, Actor
from directory.enums import Role, Scope, TeamPermission
from directory.models import ApiToken, Membership, RoleHolder, Team, User
from directory.models.team import WEEKDAYS
from directory.permissions import (
    is_admin,
    know_groups,
    person_of,
    require_admin,
    require_editor,
)
from procedures.models import Procedure

TOKEN_MARK = "wb_"  # noqa: S105 - the beginning of every key, so that scanners find a leaked one
TOUCH_EVERY = timedelta(minutes=1)


class Holder(NamedTuple):
    """One holder of a role, and who stands in for them."""

    user_id: int
    backup_id: int | None = None


class NewToken(NamedTuple):
    """A token's row, and its key: shown now and never again."""

    token: ApiToken
    key: str


def create_team(slug: str, name: str, procedure: Procedure, *, actor: Actor, **fields: Any) -> Team:
    """Makes a team under a procedure. Its zone, hours and holidays begin as the procedure's defaults
    (X10); `fields` are a team's own, and win."""
    require_admin(actor)
    defaults = {
        "zone": procedure.zone,
        "workdays": [WEEKDAYS.index(day.capitalize()) for day in procedure.workdays],
        "opens": procedure.opens,
        "closes": procedure.closes,
        "holiday_country": procedure.holiday_country,
        "holiday_subdivision": procedure.holiday_subdivision,
    }
    team = Team(slug=slug, name=name, procedure=procedure, **(defaults | fields))
    team.full_clean()
    team.save()
    return team


@transaction.atomic
def add_member(
    team_id: int,
    user_id: int,
    *,
    actor: Actor,
    role: Role = Role.ENGINEER,
    position: int | None = None,
) -> Membership:
    """Takes a person into the team, at the end of its order unless a position is given.

    An engineer joins the group Engineer and may answer the team's incidents; a responder joins the
    group Responder and sees only what they are paged for. A second call moves the member at most.
    """
    require_editor(actor, team_id)
    team, user = _team_for_update(team_id), User.objects.get(pk=user_id)
    if position is None:
        known = Membership.objects.filter(team=team, user=user).values_list("position", flat=True)
        last = team.memberships.aggregate(last=Max("position"))["last"]
        position = known[0] if known else (0 if last is None else last + 1)
    membership, _ = Membership.objects.update_or_create(
        team=team, user=user, defaults={"position": position}
    )
    _join(user, Role.RESPONDER if role == Role.RESPONDER else Role.ENGINEER)
    if role != Role.RESPONDER:
        assign_perm(TeamPermission.RESPOND, user, team)
    return membership


@transaction.atomic
def remove_member(team_id: int, user_id: int, *, actor: Actor) -> None:
    """Takes a person out of the team; they no longer answer its incidents. Harmless when they are out."""
    require_editor(actor, team_id)
    team, user = _team_for_update(team_id), User.objects.get(pk=user_id)
    Membership.objects.filter(team=team, user=user).delete()
    remove_perm(TeamPermission.RESPOND, user, team)


def set_role_holder(
    team_id: int, role: str, user_id: int, *, actor: Actor, backup_id: int | None = None
) -> RoleHolder:
    """Makes the person the role's one holder for the team, in place of whoever held it."""
    return set_role_holders(team_id, role, [Holder(user_id, backup_id)], actor=actor)[0]


@transaction.atomic
def set_role_holders(
    team_id: int, role: str, holders: Sequence[Holder], *, actor: Actor
) -> list[RoleHolder]:
    """Makes these people, in this order, the role's holders for the team, and no others."""
    require_editor(actor, team_id)
    team = _team_for_update(team_id)
    team.role_holders.filter(role=role).exclude(user_id__in=[h.user_id for h in holders]).delete()
    return [
        RoleHolder.objects.update_or_create(
            team=team,
            role=role,
            user_id=holder.user_id,
            defaults={"backup_id": holder.backup_id, "position": position},
        )[0]
        for position, holder in enumerate(holders)
    ]


@transaction.atomic
def grant_manager(team_id: int, user_id: int, *, actor: Actor) -> None:
    """Makes the person a manager of the team: they may open the admin and edit the team's rows."""
    require_admin(actor)
    team, user = _team_for_update(team_id), User.objects.get(pk=user_id)
    _join(user, Role.MANAGER)
    assign_perm(TeamPermission.MANAGE, user, team)


@transaction.atomic
def withdraw_manager(team_id: int, user_id: int, *, actor: Actor) -> None:
    """Ends the person's management of the team; with their last team they leave the group Manager."""
    require_admin(actor)
    team, user = _team_for_update(team_id), User.objects.get(pk=user_id)
    remove_perm(TeamPermission.MANAGE, user, team)
    rest = get_objects_for_user(
        user, TeamPermission.MANAGE, klass=Team, with_superuser=False, accept_global_perms=False
    )
    if not rest.exists():
        _leave(user, Role.MANAGER)


@transaction.atomic
def grant_role(user_id: int, role: Role, *, actor: Actor) -> None:
    """Puts the person into a group; admins, managers and auditors may open the admin."""
    require_admin(actor)
    _join(User.objects.get(pk=user_id), role)


@transaction.atomic
def withdraw_role(user_id: int, role: Role, *, actor: Actor) -> None:
    """Takes the person out of a group."""
    require_admin(actor)
    _leave(User.objects.get(pk=user_id), role)


def create_token(
    user_id: int,
    name: str,
    *,
    actor: Actor,
    now: datetime,
    scopes: Sequence[Scope] = (),
    expires_at: datetime | None = None,
) -> NewToken:
    """Makes a key to the API for the person: themselves, or an admin for them.

    Only the key's hash is kept. Raises ValueError for an end that is past.
    """
    _require_self_or_admin(actor, user_id)
    if expires_at is not None and expires_at <= now:
        raise ValueError("A token must end in the future.")
    key = TOKEN_MARK + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user_id=user_id,
        name=name,
        prefix=key[: len(TOKEN_MARK) + 6],
        sha256=hash_of(key),
        scopes=[str(scope) for scope in scopes],
        expires_at=expires_at,
        created_at=now,
    )
    return NewToken(token, key)


def revoke_token(token_id: int, *, actor: Actor, now: datetime) -> None:
    """Ends a token at once. Its owner or an admin may. A second call changes nothing."""
    token = ApiToken.objects.get(pk=token_id)
    _require_self_or_admin(actor, token.user_id)
    ApiToken.objects.filter(pk=token_id, revoked_at__isnull=True).update(revoked_at=now)


_OF_TOKEN = [field.attname for field in ApiToken._meta.concrete_fields]
_OF_USER = [field.attname for field in User._meta.concrete_fields]
_OPENED = f"""
SELECT {", ".join(f"token.{name}" for name in _OF_TOKEN)}, {", ".join(f"person.{name}" for name in _OF_USER)},
    ARRAY(SELECT auth_group.name FROM directory_user_groups AS held
          JOIN auth_group ON auth_group.id = held.group_id WHERE held.user_id = person.id)
FROM directory_apitoken AS token JOIN directory_user AS person ON person.id = token.user_id
WHERE token.sha256 = %s AND token.revoked_at IS NULL AND person.is_active
  AND (token.expires_at IS NULL OR token.expires_at > %s)
"""  # noqa: S608 - names of columns


def use_token(key: str, *, now: datetime) -> ApiToken | None:
    """The token that a key opens, with its person and their groups; None for one unknown, ended or of an
    inactive person. One statement written out: every request of the API begins with it.

    The time of its last use is kept to the minute, so that a busy client costs one write a minute.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OPENED, [hash_of(key), now])
        row = cursor.fetchone()
    if row is None:
        return None
    token = ApiToken.from_db(connection.alias, _OF_TOKEN, row[: len(_OF_TOKEN)])
    token.user = User.from_db(connection.alias, _OF_USER, row[len(_OF_TOKEN) : -1])
    know_groups(token.user, row[-1])
    if token.last_used_at is None or token.last_used_at <= now - TOUCH_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def hash_of(key: str) -> str:
    """What is kept of a key. A key has 256 random bits: a slow hash would guard nothing more."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _team_for_update(team_id: int) -> Team:
    return Team.objects.select_for_update(of=("self",)).get(pk=team_id)


def _require_self_or_admin(actor: Actor, user_id: int) -> None:
    own = actor.kind == "user" and actor.id == user_id
    if not (own or actor == PORTAL or is_admin(person_of(actor))):
        raise PermissionDenied("Only the person or an admin may do this.")


OPENS_THE_ADMIN = frozenset({Role.ADMIN, Role.MANAGER, Role.AUDITOR})


def _join(user: User, role: Role) -> None:
    user.groups.add(Group.objects.get(name=role))
    if role in OPENS_THE_ADMIN and not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])


def _leave(user: User, role: Role) -> None:
    user.groups.remove(Group.objects.get(name=role))
    keeps = user.is_superuser or user.groups.filter(name__in=OPENS_THE_ADMIN).exists()
    if user.is_staff and not keeps:
        user.is_staff = False
        user.save(update_fields=["is_staff"])
