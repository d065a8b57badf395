"""Somebody else, or nobody, holds a rota for a while: put on, for a whole plan of days at once, and taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deadlines.extension import PORTAL, Actor
from directory.models import User
from directory.permissions import may_edit_team, person_of
from rotations import permissions
from rotations.enums import OverrideKind
from rotations.models import Override, Rota
from rotations.queries import facts_of, overrides_of
from rotations.rules import resolver
from rotations.rules.overrides import fault_of
from rotations.services.refusal import RotaRefused
from rotations.services.waiving import changing_all


@dataclass(frozen=True, slots=True)
class OverrideWanted:
    """A person, or nobody (None), on a rota from `starts_at` until just before `ends_at`."""

    rota_id: int
    user_id: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str = ""


def add_override(
    rota_id: int,
    *,
    user_id: int | None,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    reason: str = "",
    waiver_reason: str = "",
) -> Override:
    """Puts a person, or nobody, on the rota from `starts_at` until just before `ends_at`; the latest made wins.

    `add_overrides` with one; it raises what that does.
    """
    wanted = OverrideWanted(rota_id, user_id, starts_at, ends_at, reason)
    return add_overrides([wanted], actor=actor, now=now, waiver_reason=waiver_reason)[0]


@transaction.atomic
def add_overrides(
    wanted: Sequence[OverrideWanted], *, actor: Actor, now: datetime, waiver_reason: str = ""
) -> list[Override]:
    """Makes all of them or none, such as the plan of the holidays: proved together, people told once (C11).

    One that stands already is left as it is. Raises PermissionDenied (a manager of the team or an admin
    for anybody, who belongs to it for themselves), RotaRefused ("ends_before_it_starts", "past", "too_long",
    "too_far", "inactive", "retired", "no_reason" for a vacancy without one, "own_backup" for who holds a rota above
    meanwhile), and RosterBroken with the breaches, unless a manager lets them stand with `waiver_reason`.
    """
    rotas = Rota.objects.in_bulk({one.rota_id for one in wanted})
    for one in wanted:
        if one.rota_id not in rotas:
            raise Rota.DoesNotExist(f"no rota {one.rota_id}")
        _check(one, rotas[one.rota_id], actor=actor, now=now)
    person = person_of(actor)
    teams = {rota.team_id for rota in rotas.values()}
    reach = max((one.ends_at for one in wanted), default=now)
    with changing_all(teams, actor=actor, now=now, waiver_reason=waiver_reason, reach=reach):
        made = [
            _standing(one)
            or Override.objects.create(
                rota=rotas[one.rota_id],
                user_id=one.user_id,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                reason=one.reason,
                created_by=person if isinstance(person, User) else None,
                created_at=now,
            )
            for one in wanted
        ]
        refuse_own_backup(made, now=now)
    return made


def _check(wanted: OverrideWanted, rota: Rota, *, actor: Actor, now: datetime) -> None:
    person = person_of(actor)
    if not (actor == PORTAL or permissions.may_override(person, rota, wanted.user_id)):
        raise PermissionDenied("Only the team's manager may put somebody else on the rota.")
    if not rota.active:
        raise RotaRefused("retired", "This rota is retired; nobody is paged by it.")
    if fault := fault_of(wanted.starts_at, wanted.ends_at, now=now):
        raise RotaRefused(*fault)
    if wanted.user_id is None:
        if not wanted.reason.strip():
            raise RotaRefused("no_reason", "Say why nobody holds the rota then.")
    elif not User.objects.filter(pk=wanted.user_id, is_active=True).exists():
        raise RotaRefused("inactive", "This person is not active.")


def _standing(wanted: OverrideWanted) -> Override | None:
    """The same override, if it is the latest over its stretch."""
    latest = (
        Override.objects.filter(
            rota_id=wanted.rota_id, starts_at__lt=wanted.ends_at, ends_at__gt=wanted.starts_at
        )
        .order_by("-created_at", "-id")
        .first()
    )
    same = (wanted.user_id, wanted.starts_at, wanted.ends_at)
    if latest and (latest.user_id, latest.starts_at, latest.ends_at) == same:
        return latest
    return None


def refuse_own_backup(made: Iterable[Override], *, now: datetime) -> None:
    """Who holds a rota above is passed over here, so that the override would say what is not so (C11).

    Each is looked at without those made after it, which may well put somebody else in its place.
    """
    for override in made:
        if override.user_id is None:
            continue
        start, team_id = max(override.starts_at, now), override.rota.team_id
        if start >= override.ends_at:
            continue
        earlier = [
            one
            for one in overrides_of([team_id], start=start, end=override.ends_at)[team_id]
            if one.rota_id != override.rota_id or one.id <= override.pk
        ]
        facts = facts_of([team_id])[override.rota_id]
        covered = start
        for one in resolver.holdings(facts, earlier, start=start, end=override.ends_at):
            if one.user_id == override.user_id and one.starts_at <= covered:
                covered = max(covered, one.ends_at)
        if covered < override.ends_at:
            raise RotaRefused(
                "own_backup",
                f"{User.objects.get(pk=override.user_id)} holds the level above at"
                f" {covered:%Y-%m-%d %H:%M} UTC. Nobody is their own backup.",
            )


@transaction.atomic
def remove_override(
    override_id: int, *, actor: Actor, now: datetime, waiver_reason: str = ""
) -> None:
    """Takes an override back. One that runs ends now, so that what happened stays on record; one that
    is over stays as it is. Harmless when it is gone. A take-over goes with who stood in for it.

    Raises PermissionDenied, RotaRefused ("swap": a swap is taken back as such), and RosterBroken with the
    breaches, unless a manager lets them stand with `waiver_reason`.
    """
    found = Override.objects.select_related("rota").filter(pk=override_id).first()
    if found is None:
        return
    if not (actor == PORTAL or permissions.may_remove(person_of(actor), found)):
        raise PermissionDenied(
            "Only the team's manager, or who made it for themselves, may take it back."
        )
    if found.ends_at <= now:
        return
    if found.kind == OverrideKind.SWAP and found.swap_id is not None:
        raise RotaRefused("swap", "This is a swap: take the swap back instead.")
    with changing_all(
        [found.rota.team_id], actor=actor, now=now, waiver_reason=waiver_reason, reach=found.ends_at
    ):
        end_overrides([found.pk, *_made_with(found)], now=now)


def _made_with(override: Override) -> list[int]:
    """Who became secondary by the same take-over."""
    if override.kind != OverrideKind.TAKE_OVER or override.user_id != override.created_by_id:
        return []
    return list(
        Override.objects.filter(
            kind=OverrideKind.TAKE_OVER,
            created_by_id=override.created_by_id,
            created_at=override.created_at,
            rota__team_id=override.rota.team_id,
        )
        .exclude(pk=override.pk)
        .values_list("pk", flat=True)
    )


def end_overrides(override_ids: Iterable[int], *, now: datetime) -> None:
    """Those to come go, those that run end now, those that are over stay. The caller holds the roster."""
    chosen = Override.objects.select_for_update(of=("self",)).filter(pk__in=list(override_ids))
    for override in chosen.order_by("pk"):
        if override.starts_at >= now:
            override.delete()
        elif override.ends_at > now:
            override.ends_at = now
            override.save(update_fields=["ends_at"])


def manages_all(actor: Actor, team_ids: Iterable[int]) -> bool:
    """Whether the actor may change each of the teams' rosters: the portal, admins, the teams' managers."""
    person = person_of(actor)
    return actor == PORTAL or all(may_edit_team(person, one) for one in team_ids)
