"""Somebody else holds a rota for a while: take over, override, take back."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deadlines.extension import PORTAL, Actor
from directory.models import User
from directory.permissions import person_of
from rotations import permissions
from rotations.enums import OverrideKind
from rotations.models import Override, Rota
from rotations.queries import on_call_of
from rotations.rules.overrides import fault_of
from rotations.services.refusal import RotaRefused


@transaction.atomic
def take_over(rota_id: int, *, actor: Actor, now: datetime) -> Override | None:
    """Puts the actor on call from now until the holder's stretch ends, as an override on record (C22).

    A derived secondary moves on to the next person by itself. Without effect (None) when the actor
    holds the rota already. Raises PermissionDenied for who does not belong to the rota or its team,
    RotaRefused ("nobody", "not_a_person") when nobody holds it or the actor is no person.
    """
    rota = Rota.objects.select_for_update(of=("self",)).select_related("team").get(pk=rota_id)
    user = _person(actor)
    if not permissions.may_take_over(user, rota):
        raise PermissionDenied("Only who belongs to the rota or its team may take it over.")
    held = on_call_of(Rota.objects.filter(pk=rota.pk), at=now)
    if not held:
        raise RotaRefused(
            "nobody", "Nobody holds this rota now; add an override with an end instead."
        )
    if held[0].user_id == user.pk:
        return None
    return Override.objects.create(
        rota=rota,
        user=user,
        starts_at=now,
        ends_at=held[0].ends_at,
        kind=OverrideKind.TAKE_OVER,
        reason=f"Taken over from {User.objects.get(pk=held[0].user_id)}",
        created_by=user,
        created_at=now,
    )


@transaction.atomic
def add_override(
    rota_id: int,
    *,
    user_id: int | None,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> Override:
    """Puts a person on the rota from `starts_at` until just before `ends_at`; the latest made wins.

    The same override again is the one that stands. Raises PermissionDenied (a manager of the team or
    an admin for anybody, who belongs to it for themselves), RotaRefused ("ends_before_it_starts",
    "past", "too_long", "inactive").
    """
    rota = Rota.objects.select_for_update(of=("self",)).get(pk=rota_id)
    person = person_of(actor)
    if not (actor == PORTAL or permissions.may_override(person, rota, user_id)):
        raise PermissionDenied("Only the team's manager may put somebody else on the rota.")
    if fault := fault_of(starts_at, ends_at, now=now):
        raise RotaRefused(*fault)
    if user_id and not User.objects.filter(pk=user_id, is_active=True).exists():
        raise RotaRefused("inactive", "This person is not active.")
    latest = (
        rota.overrides.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)
        .order_by("-created_at", "-id")
        .first()
    )
    if latest and (latest.user_id, latest.starts_at, latest.ends_at) == (
        user_id,
        starts_at,
        ends_at,
    ):
        return latest
    return Override.objects.create(
        rota=rota,
        user_id=user_id,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        created_by=person if isinstance(person, User) else None,
        created_at=now,
    )


@transaction.atomic
def remove_override(override_id: int, *, actor: Actor, now: datetime) -> None:
    """Takes an override back. One that runs ends now, so that what happened stays on record; one that
    is over stays as it is. Harmless when it is gone. Raises PermissionDenied."""
    override = (
        Override.objects.select_for_update(of=("self",))
        .select_related("rota")
        .filter(pk=override_id)
        .first()
    )
    if override is None:
        return
    if not (actor == PORTAL or permissions.may_remove(person_of(actor), override)):
        raise PermissionDenied(
            "Only the team's manager, or who made it for themselves, may take it back."
        )
    if override.starts_at >= now:
        override.delete()
    elif override.ends_at > now:
        override.ends_at = now
        override.save(update_fields=["ends_at"])


def _person(actor: Actor) -> User:
    person = person_of(actor)
    if not isinstance(person, User):
        raise RotaRefused("not_a_person", "Only a person can take a rota over.")
    return person
