"""Who may look at rotas and change who holds them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from directory.models import User
from directory.permissions import Somebody, may_edit_team, visible_teams
from rotations.enums import PlanState
from rotations.models import Override, Plan, PlanMember, Rota


def visible_rotas(user: Somebody) -> QuerySet[Rota]:
    """The rotas the person may look at: those of the teams they see, and those they are in."""
    if not isinstance(user, User) or not user.is_active:
        return Rota.objects.none()
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
    bases = Plan.objects.filter(rota=rota, state=PlanState.PUBLISHED, derived_from__isnull=False)
    turns = Q(plan__rota=rota) | Q(plan__rota__in=bases.values("derived_from"))
    return (
        may_edit_team(user, rota.team_id)
        or user.memberships.filter(team_id=rota.team_id).exists()
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
