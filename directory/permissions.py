"""Who may do what with people and teams: groups give the roles, object permissions bind them to teams."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from guardian.shortcuts import get_objects_for_user

from deadlines.extension import PORTAL, Actor
from directory.enums import Role, TeamPermission
from directory.models import Membership, Team, User

Somebody = User | AnonymousUser
SEES_EVERY_TEAM = frozenset({Role.ADMIN, Role.MANAGER, Role.ENGINEER, Role.AUDITOR})


def groups_of(user: Somebody) -> frozenset[str]:
    """The names of the person's groups, read once per instance; none for who may not sign in."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    known: frozenset[str] | None = getattr(user, "_group_names", None)
    if known is None:
        known = frozenset(user.groups.values_list("name", flat=True))
        know_groups(user, known)
    return known


def know_groups(user: User, names: Iterable[str]) -> None:
    """Tells `groups_of` what was read with the person."""
    user._group_names = frozenset(names)  # type: ignore[attr-defined]


def is_admin(user: Somebody) -> bool:
    """In the group Admin, or a superuser."""
    return (user.is_active and user.is_superuser) or Role.ADMIN in groups_of(user)


def is_auditor(user: Somebody) -> bool:
    """In the group Auditor."""
    return Role.AUDITOR in groups_of(user)


def managed_team_ids(user: Somebody) -> frozenset[int]:
    """The teams the person manages: group Manager and `manage_team` on the team. Admins as such manage none."""
    if Role.MANAGER not in groups_of(user):
        return frozenset()
    return _granted(user, TeamPermission.MANAGE)


def responding_team_ids(user: Somebody) -> frozenset[int]:
    """The teams whose incidents the person answers."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    return _granted(user, TeamPermission.RESPOND)


def manages(user: Somebody, team_id: int) -> bool:
    """Whether the person is a manager of this very team."""
    return team_id in managed_team_ids(user)


def responds_for(user: Somebody, team_id: int) -> bool:
    """Whether the person answers this team's incidents (an engineer of it, or its manager)."""
    return team_id in responding_team_ids(user) or manages(user, team_id)


def manages_procedure(user: Somebody, procedure_id: int) -> bool:
    """Whether every team that follows the procedure is one the person manages."""
    teams = set(Team.objects.filter(procedure_id=procedure_id).values_list("pk", flat=True))
    return bool(teams) and teams <= managed_team_ids(user)


def may_edit_team(user: Somebody, team_id: int) -> bool:
    """Whether the person may change the team's rows: its manager, or an admin."""
    return is_admin(user) or manages(user, team_id)


def editable_teams(user: Somebody) -> QuerySet[Team]:
    """The teams whose rows the person may change."""
    return (
        Team.objects.all() if is_admin(user) else Team.objects.filter(pk__in=managed_team_ids(user))
    )


def sees_every_team(user: Somebody) -> bool:
    """Whether the person has a role that looks at every team."""
    return is_admin(user) or bool(groups_of(user) & SEES_EVERY_TEAM)


def visible_teams(user: Somebody) -> QuerySet[Team]:
    """The teams the person may look at: all with a role, else those they belong to; none for strangers."""
    if not isinstance(user, User) or not user.is_active:
        return Team.objects.none()
    if sees_every_team(user):
        return Team.objects.all()
    return Team.objects.filter(
        Q(pk__in=user.memberships.values("team_id")) | Q(pk__in=responding_team_ids(user))
    )


def _granted(user: Somebody, permission: TeamPermission) -> frozenset[int]:
    name = f"_teams_{permission}"
    known: frozenset[int] | None = getattr(user, name, None)
    if known is None:
        teams: QuerySet[Team] = get_objects_for_user(
            user, permission, klass=Team, with_superuser=False, accept_global_perms=False
        )
        known = frozenset(teams.values_list("pk", flat=True))
        setattr(user, name, known)
    return known


def require_editor(actor: Actor, team_id: int) -> None:
    """Refuses an actor who may not change the team's rows. The portal itself may.

    Raises PermissionDenied.
    """
    if not (actor == PORTAL or may_edit_team(person_of(actor), team_id)):
        raise PermissionDenied("Only the team's manager or an admin may do this.")


def require_admin(actor: Actor) -> None:
    """Refuses an actor who is neither an admin nor the portal. Raises PermissionDenied."""
    if not (actor == PORTAL or is_admin(person_of(actor))):
        raise PermissionDenied("Only an admin may do this.")


def person_of(actor: Actor) -> Somebody:
    """The person behind an actor; nobody for the portal, an integration, or who is gone."""
    if actor.kind != "user":
        return AnonymousUser()
    return User.objects.filter(pk=actor.id or 0).first() or AnonymousUser()


def actor_of(user: User) -> Actor:
    """The person as the actor of a change."""
    return Actor("user", user.pk, str(user))


def visible_people(user: Somebody) -> QuerySet[User]:
    """The people the person may look at: all with a role, else themselves and their teams' members."""
    if not isinstance(user, User) or not user.is_active:
        return User.objects.none()
    if sees_every_team(user):
        return User.objects.all()
    teams = user.memberships.values("team_id")
    return User.objects.filter(
        Q(pk=user.pk) | Q(pk__in=Membership.objects.filter(team_id__in=teams).values("user_id"))
    )
