"""Who may look at rotas and change who holds them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from directory.models import Team, User
from directory.permissions import (
    Somebody,
    editable_teams,
    is_admin,
    may_edit_team,
    sees_every_team,
    visible_people,
    visible_teams,
)
from rotations.enums import PlanState
from rotations.models import Override, Plan, PlanMember, Rota, Swap, TimeOff


def visible_rotas(user: Somebody) -> QuerySet[Rota]:
    """The rotas the person may look at: those of the teams they see, and those they are in."""
    if not isinstance(user, User) or not user.is_active:
        return Rota.objects.none()
    if sees_every_team(user):
        return Rota.objects.all()
    return Rota.objects.filter(Q(team__in=visible_teams(user)) | Q(pk__in=places_of(user)))


def places_of(user: User) -> QuerySet[PlanMember, int]:
    """The ids of the rotas in whose published plans the person has a place."""
    return PlanMember.objects.filter(user=user, plan__state=PlanState.PUBLISHED).values_list(
        "plan__rota_id", flat=True
    )


def may_take_over(user: Somebody, rota: Rota) -> bool:
    """Whether the person may take the rota over for themselves: who belongs to it or to its team,
    and who may edit it (C22)."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return may_edit_team(user, rota.team_id) or belongs(user, rota)


def belongs(user: User, rota: Rota) -> bool:
    """Whether the person is of the rota's team, or has a place in its plans or in those it is derived from."""
    bases = Plan.objects.filter(rota=rota, state=PlanState.PUBLISHED, derived_from__isnull=False)
    turns = Q(plan__rota=rota) | Q(plan__rota__in=bases.values("derived_from"))
    return (
        user.memberships.filter(team_id=rota.team_id).exists()
        or user.rota_places.filter(turns, plan__state=PlanState.PUBLISHED).exists()
    )


def may_override(user: Somebody, rota: Rota, for_user_id: int | None) -> bool:
    """Whether the person may put that one on the rota for a while: the team's manager and admins
    anybody, the others themselves only."""
    if may_edit_team(user, rota.team_id):
        return True
    return user.pk == for_user_id and may_take_over(user, rota)


def may_remove(user: Somebody, override: Override) -> bool:
    """Whether the person may take the override back: the team's manager, admins, and who made it for
    themselves."""
    if may_edit_team(user, override.rota.team_id):
        return True
    own = override.created_by_id == override.user_id == user.pk
    return isinstance(user, User) and user.is_active and own


def teams_on_call_for(user_id: int, *, now: datetime) -> frozenset[int]:
    """The ids of the teams in whose rotas the person has a place, or an override that is not over."""
    placed = PlanMember.objects.filter(user_id=user_id, plan__state=PlanState.PUBLISHED)
    overrides = Override.objects.filter(user_id=user_id, ends_at__gt=now)
    return frozenset(placed.values_list("plan__rota__team_id", flat=True)) | frozenset(
        overrides.values_list("rota__team_id", flat=True)
    )


def people_edited_by(user: Somebody) -> QuerySet[User]:
    """The people whose time off the person may plan besides their own: all for admins, else the members of the
    teams they manage and those with a place in these teams' rotas."""
    if is_admin(user):
        return User.objects.all()
    teams = editable_teams(user)
    return User.objects.filter(
        Q(pk__in=User.objects.filter(memberships__team__in=teams).values("pk"))
        | Q(pk__in=_placed_in(teams))
    )


def _placed_in(teams: QuerySet[Team]) -> QuerySet[PlanMember, int]:
    return PlanMember.objects.filter(
        plan__rota__team__in=teams, plan__state=PlanState.PUBLISHED
    ).values_list("user_id", flat=True)


def may_plan_time_off(user: Somebody, person_id: int) -> bool:
    """Whether the person may add, change and take back that one's time off: their own, a manager of one of
    that one's teams, and admins."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.pk == person_id or people_edited_by(user).filter(pk=person_id).exists()


def visible_time_off(user: Somebody) -> QuerySet[TimeOff]:
    """The time off the person may look at: of the people they see."""
    return TimeOff.objects.filter(user__in=visible_people(user))


def visible_swaps(user: Somebody) -> QuerySet[Swap]:
    """The swaps the person may look at: of the rotas they see, and their own.

    Which rotas these are is read here, for who does not see every team: as a subquery within the "or" the database
    may ask it anew for each swap.
    """
    if not isinstance(user, User) or not user.is_active:
        return Swap.objects.none()
    if sees_every_team(user):
        return Swap.objects.all()
    seen = list(visible_rotas(user).values_list("pk", flat=True))
    return Swap.objects.filter(
        Q(rota__in=seen) | Q(back_rota__in=seen) | Q(giver=user) | Q(colleague=user)
    )
