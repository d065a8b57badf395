"""Taking the pager now."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deadlines.extension import Actor
from directory.models import User
from directory.permissions import person_of
from rotations import permissions
from rotations.enums import Level, OverrideKind
from rotations.events import pager_taken
from rotations.models import Override, Rota
from rotations.queries import facts_of, on_call_of, overrides_of
from rotations.queries.team import team_facts
from rotations.rules import resolver
from rotations.rules.overrides import LONGEST_OVERRIDE
from rotations.rules.standing_in import order_after, ready_among, stand_ins
from rotations.services.changing import changing
from rotations.services.refusal import RotaRefused

WITHOUT_A_BOUNDARY = timedelta(days=1)


@transaction.atomic
def take_over(rota_id: int, *, actor: Actor, now: datetime) -> Override | None:
    """Puts the actor on call from now until the holder's stretch ends, as an override on record (C22).

    Nothing in the roster refuses it; what it breaks is kept as a breach. In the place of an actor who was the
    secondary the next in order who is ready stands in, neither the one relieved nor one who is away; without
    one the secondary is vacant, on record, and the Engineering Manager is the backup (X13). A rota that nobody
    holds is taken until somebody's shift begins. `pager_taken` is announced: open pages follow.

    Without effect (None) when the actor holds the rota already. Raises PermissionDenied for who does not
    belong to the rota or its team, RotaRefused when the actor is no person ("not_a_person"), the rota is
    retired ("retired") or is the backup of what the actor holds ("own_backup").
    """
    rota = Rota.objects.select_related("team").get(pk=rota_id)
    user = person_of(actor)
    if not isinstance(user, User):
        raise RotaRefused("not_a_person", "Only a person can take a rota over.")
    if not permissions.may_take_over(user, rota):
        raise PermissionDenied("Only who belongs to the rota or its team may take it over.")
    if not rota.active:
        raise RotaRefused("retired", "This rota is retired; nobody is paged by it.")
    with changing(rota.team_id, now=now, actor=actor, must=True) as outcome:
        outcome.said = f"{user} has taken {rota} over."
        taken_from = _holder(rota, now)
        if taken_from == user.pk:
            return None
        was_second = _held_as_second(rota, user.pk, now)
        override = Override.objects.create(
            rota=rota,
            user=user,
            starts_at=now,
            ends_at=_until(rota, now),
            kind=OverrideKind.TAKE_OVER,
            reason=_reason(taken_from),
            created_by=user,
            created_at=now,
        )
        if _holder(rota, now) != user.pk:
            raise RotaRefused(
                "own_backup", "You hold the level above now. Nobody is their own backup."
            )
        for second, until in was_second:
            _fill(second, user, taken_from, start=now, end=min(until, override.ends_at))
    pager_taken.announce(
        rota_id=rota.pk,
        team_id=rota.team_id,
        level=rota.level,
        from_user_id=taken_from,
        to_user_id=user.pk,
        now=now.isoformat(),
    )
    return override


def _holder(rota: Rota, now: datetime) -> int | None:
    held = on_call_of(Rota.objects.filter(pk=rota.pk), at=now)
    return held[0].user_id if held else None


def _reason(taken_from: int | None) -> str:
    if taken_from is None:
        return "Taken over: nobody held it"
    return f"Taken over from {User.objects.get(pk=taken_from)}"


def _until(rota: Rota, now: datetime) -> datetime:
    """When the holder's stretch ends; where nobody holds the rota, when the next shift begins."""
    furthest = now + LONGEST_OVERRIDE
    facts = facts_of([rota.team_id])[rota.pk]
    overrides = overrides_of([rota.team_id], start=now, end=furthest)[rota.team_id]
    held = resolver.person_on_call(facts, overrides, at=now)
    if held is not None:
        return min(held.ends_at, furthest)
    following = next(resolver.holdings(facts, overrides, start=now, end=furthest), None)
    ends = [
        following.starts_at if following else None,
        next(resolver.boundaries(facts, start=now + timedelta.resolution, end=furthest), None),
    ]
    return min((at for at in ends if at is not None), default=now + WITHOUT_A_BOUNDARY)


def _held_as_second(rota: Rota, user_id: int, now: datetime) -> list[tuple[Rota, datetime]]:
    """The secondary rotas of the team that the person holds, and until when."""
    if rota.level != Level.PRIMARY:
        return []
    seconds = Rota.objects.filter(team_id=rota.team_id, level=Level.SECONDARY, active=True)
    rotas = {second.pk: second for second in seconds}
    return [
        (rotas[held.rota_id], held.ends_at)
        for held in on_call_of(seconds, at=now)
        if held.user_id == user_id
    ]


def _fill(
    second: Rota, user: User, relieved: int | None, *, start: datetime, end: datetime
) -> None:
    """Who of the secondary's order stands in, or nobody, as overrides of the same take-over."""
    team = team_facts(second.team_id, start=start, end=end)
    facts = next(one for one in team.rotas if one.id == second.pk)
    primaries = Rota.objects.filter(team_id=second.team_id, level=Level.PRIMARY, active=True)
    taken = {user.pk, relieved, *(held.user_id for held in on_call_of(primaries, at=start))}
    order = [one for one in order_after(facts, user.pk, at=start) if one not in taken]
    for one in stand_ins(ready_among(team, order), team.time_off, start=start, end=end):
        Override.objects.create(
            rota=second,
            user_id=one.user_id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            kind=OverrideKind.TAKE_OVER,
            reason=f"{user} took over as primary" + ("" if one.user_id else "; nobody is ready"),
            created_by=user,
            created_at=start,
        )
