"""What concerns one person, and who else comes into question."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Q, QuerySet

from directory.models import User
from rotations.enums import PlanState
from rotations.models import Override, PlanMember, Rota
from rotations.permissions import places_of


def zone_of(user: User) -> ZoneInfo:
    """The person's zone, or UTC when their row holds a name nobody knows."""
    try:
        return ZoneInfo(user.zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def rotas_of(user: User, *, since: datetime) -> QuerySet[Rota]:
    """The active rotas the person held since then or may come to hold: those they have a place in, those derived
    from them, and those on which an override puts them."""
    places = places_of(user)
    stands_in = Override.objects.filter(user=user, ends_at__gt=since).values("rota")
    return Rota.objects.filter(
        Q(pk__in=places)
        | Q(plans__derived_from__in=places, plans__state=PlanState.PUBLISHED)
        | Q(pk__in=stands_in),
        active=True,
    ).distinct()


def people_for(rota: Rota) -> QuerySet[User]:
    """The active people of the rota's team, and those in the order of any of its rotas."""
    placed = PlanMember.objects.filter(
        plan__rota__team=rota.team_id, plan__state=PlanState.PUBLISHED
    )
    return User.objects.filter(
        Q(pk__in=User.objects.filter(memberships__team=rota.team_id).values("pk"))
        | Q(pk__in=placed.values("user_id")),
        is_active=True,
    ).order_by("name", "pk")
