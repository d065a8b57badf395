"""A stretch of a rota that a colleague is asked to take: asked, answered, approved, taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deadlines.extension import Actor
from directory.models import User
from directory.permissions import actor_of, may_edit_team, person_of
from rotations import permissions
from rotations.enums import OverrideKind, SwapState
from rotations.models import Override, Rota, Swap
from rotations.queries import shifts_of
from rotations.queries.team import rules_of
from rotations.rules.overrides import fault_of
from rotations.rules.swapping import Said
from rotations.services.changing import Outcome, lock_roster
from rotations.services.on_record import on_record
from rotations.services.overrides import end_overrides, refuse_own_backup
from rotations.services.refusal import RotaRefused
from rotations.services.swap_notices import (
    OPEN,
    begins_at,
    deciders_of,
    promise_answer,
    promise_nothing,
    read_swap,
    sentence_of,
    teams_of,
    tell_of,
)
from rotations.services.waiving import changing_all, moved_by


@dataclass(frozen=True, slots=True)
class StretchBack:
    """What the giver takes of the colleague in exchange."""

    rota_id: int
    starts_at: datetime
    ends_at: datetime


class _NoLongerTheirs(RotaRefused):
    """The roster has moved on since the request."""


@on_record
@transaction.atomic
def ask_swap(
    rota_id: int,
    *,
    giver_id: int,
    colleague_id: int,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    back: StretchBack | None = None,
    note: str = "",
    waiver_reason: str = "",
) -> Swap:
    """Asks the colleague to take the giver's stretch of the rota, in exchange for one of theirs if `back`.

    The giver asks, or a manager for them, whose `waiver_reason` lets stand what it breaks. The colleague is told,
    and again while they do not answer; when the shift begins unanswered the request lapses. The same request
    again is the one that waits. Raises PermissionDenied, RosterBroken when the roster would break (C11), and
    RotaRefused: "not_a_person", "oneself", "inactive", "not_of_the_rota", "begun", "ends_before_it_starts",
    "too_long", "too_far", "retired", "not_theirs" (each has to hold the whole stretch they give), "own_backup".
    """
    rota = Rota.objects.get(pk=rota_id)
    back_rota = Rota.objects.get(pk=back.rota_id) if back else None
    filer = _person(actor)
    asked_of = {rota.team_id, back_rota.team_id if back_rota else rota.team_id}
    if filer.pk != giver_id and not all(may_edit_team(filer, team_id) for team_id in asked_of):
        raise PermissionDenied("A swap is asked by who gives the shift, or by the teams' manager.")
    if not rota.active or (back_rota and not back_rota.active):
        raise RotaRefused("retired", "This rota is retired; nobody is paged by it.")
    swap = Swap(
        rota=rota,
        giver=User.objects.get(pk=giver_id),
        colleague=User.objects.get(pk=colleague_id),
        starts_at=starts_at,
        ends_at=ends_at,
        back_rota=back_rota,
        back_starts_at=back.starts_at if back else None,
        back_ends_at=back.ends_at if back else None,
        note=note,
        waiver_reason=waiver_reason.strip(),
        filed_by=filer,
        created_at=now,
    )
    _lock(swap)
    _refuse_fault(swap, now)
    if (same := _waiting_already(swap)) is not None:
        return same
    _judge(swap, actor, now=now, waiver=actor, waiver_reason=swap.waiver_reason)
    swap.save()
    promise_answer(swap, now=now)
    tell_of(swap, Said.ASKED, [swap.colleague, swap.giver], now=now, by=filer, words=note)
    return swap


@on_record
def accept_swap(swap_id: int, *, actor: Actor, now: datetime) -> Swap:
    """The colleague takes it, and nobody in their place; it is proved again, and the shifts move (C11).

    Where the team's rules say so it waits for a manager first, unless one asked for it. Other requests for the
    same stretch are withdrawn. Twice is once. Raises PermissionDenied, RosterBroken, RotaRefused ("settled",
    "begun", "own_backup", "inactive", "not_theirs": the roster has moved on; the request lapses and all are told).
    """
    try:
        return _accept(swap_id, actor, now)
    except _NoLongerTheirs:
        _lapse(swap_id, now)
        raise


@transaction.atomic
def _accept(swap_id: int, actor: Actor, now: datetime) -> Swap:
    swap = _locked(swap_id)
    person = _person(actor)
    if person.pk != swap.colleague_id:
        raise PermissionDenied("Only the colleague who was asked may accept.")
    if swap.state in (SwapState.ACCEPTED, SwapState.TAKEN):
        return swap
    _refuse_settled(swap)
    _refuse_begun(swap, now)
    swap.answered_at = now
    waiver, reason = _waiver_of_filer(swap)
    if not _needs_manager(swap, person):
        return _take(swap, actor, now=now, waiver=waiver, waiver_reason=reason)
    _judge(swap, actor, now=now, waiver=waiver, waiver_reason=reason)
    swap.state = SwapState.ACCEPTED
    swap.save(update_fields=["state", "answered_at"])
    tell_of(swap, Said.ACCEPTED, [swap.giver, swap.filed_by], now=now, by=person)
    tell_of(swap, Said.APPROVAL, deciders_of(swap), now=now, by=person)
    return swap


@on_record
def approve_swap(swap_id: int, *, actor: Actor, now: datetime, waiver_reason: str = "") -> Swap:
    """The manager lets an accepted swap hold; it is proved once more, and the shifts move.

    Twice is once. Raises PermissionDenied (the managers of its teams, admins), RosterBroken unless
    `waiver_reason` lets it stand, RotaRefused ("not_accepted" and what `accept_swap` has).
    """
    try:
        return _approve(swap_id, actor, now, waiver_reason)
    except _NoLongerTheirs:
        _lapse(swap_id, now)
        raise


@transaction.atomic
def _approve(swap_id: int, actor: Actor, now: datetime, waiver_reason: str) -> Swap:
    swap = _locked(swap_id)
    person = _person(actor)
    if not _manages(person, swap):
        raise PermissionDenied("Only the team's manager may approve a swap.")
    if swap.state == SwapState.TAKEN:
        return swap
    if swap.state == SwapState.ASKED:
        raise RotaRefused("not_accepted", f"{swap.colleague} has not answered yet.")
    _refuse_settled(swap)
    _refuse_begun(swap, now)
    swap.decided_by = person
    waiver, reason = _waiver_of_filer(swap)
    if waiver_reason.strip():
        waiver, reason = actor, waiver_reason.strip()
        swap.waiver_reason = reason
    return _take(swap, actor, now=now, waiver=waiver, waiver_reason=reason)


@on_record
@transaction.atomic
def decline_swap(swap_id: int, *, reason: str, actor: Actor, now: datetime) -> Swap:
    """The colleague does not take it, or the manager does not approve it; the giver is told why.

    Twice is once. Raises PermissionDenied, RotaRefused ("no_reason", "settled").
    """
    swap = _locked(swap_id)
    person = _person(actor)
    if person.pk != swap.colleague_id and not _manages(person, swap):
        raise PermissionDenied(
            "Only the colleague who was asked, or the team's manager, may decline."
        )
    words = reason.strip()
    if not words:
        raise RotaRefused("no_reason", "Say why, in a few words.")
    if swap.state != SwapState.DECLINED:
        _refuse_settled(swap)
        _end(swap, SwapState.DECLINED, person, now=now, answer=words)
        people = [swap.giver, swap.filed_by, swap.colleague]
        tell_of(swap, Said.DECLINED, people, now=now, by=person, words=words)
    return swap


@on_record
@transaction.atomic
def withdraw_swap(swap_id: int, *, actor: Actor, now: datetime) -> Swap:
    """The giver, who asked for them, or the manager takes the request back before it holds.

    Twice is once. Raises PermissionDenied, RotaRefused ("settled").
    """
    swap = _locked(swap_id)
    person = _person(actor)
    if person.pk not in (swap.giver_id, swap.filed_by_id) and not _manages(person, swap):
        raise PermissionDenied("Only who asked, or the team's manager, may withdraw it.")
    if swap.state != SwapState.WITHDRAWN:
        _refuse_settled(swap)
        _end(swap, SwapState.WITHDRAWN, person, now=now)
        tell_of(swap, Said.WITHDRAWN, [swap.colleague, swap.giver], now=now, by=person)
    return swap


@on_record
@transaction.atomic
def undo_swap(
    swap_id: int, *, actor: Actor, now: datetime, reason: str = "", waiver_reason: str = ""
) -> Swap:
    """Takes a swap that holds back, from now on: before it begins either side or the manager, then the manager.

    Proved like every change: a giver who is away by now cannot be handed the shift again. Twice is once. Raises
    PermissionDenied, RosterBroken unless the manager's `waiver_reason` lets it stand, RotaRefused ("not_taken",
    "over").
    """
    swap = _locked(swap_id)
    person = _person(actor)
    begun = begins_at(swap) <= now
    sides = () if begun else (swap.giver_id, swap.colleague_id)
    if person.pk not in sides and not _manages(person, swap):
        raise PermissionDenied(
            "It has begun; only the team's manager may still take it back."
            if begun
            else "Only the two of them, or the team's manager, may take a swap back."
        )
    if swap.state == SwapState.UNDONE:
        return swap
    if swap.state != SwapState.TAKEN:
        raise RotaRefused(
            "not_taken", f"The request is {swap.state}; there is nothing to take back."
        )
    if _reach(swap) <= now:
        raise RotaRefused("over", "It is over and stays as it was.")
    words = reason.strip()
    with changing_all(
        teams_of(swap), actor=actor, now=now, waiver_reason=waiver_reason, reach=_reach(swap),
        said=sentence_of(swap, Said.UNDONE, by=person, words=words),
    ) as outcomes:  # fmt: skip
        end_overrides(swap.overrides.values_list("pk", flat=True), now=now)
    _end(swap, SwapState.UNDONE, person, now=now, answer=words)
    people = _not_told([swap.giver, swap.colleague, swap.filed_by], outcomes)
    tell_of(swap, Said.UNDONE, people, now=now, by=person, words=words)
    return swap


def _take(swap: Swap, actor: Actor, *, now: datetime, waiver: Actor, waiver_reason: str) -> Swap:
    by = _person(actor)
    with changing_all(
        teams_of(swap), actor=actor, now=now, waiver=waiver, waiver_reason=waiver_reason,
        reach=_reach(swap), said=sentence_of(swap, Said.TAKEN, by=by),
    ) as outcomes:  # fmt: skip
        _write(swap, actor, now)
    swap.state, swap.settled_at = SwapState.TAKEN, now
    swap.save()
    promise_nothing(swap, now=now)
    people = _not_told([swap.giver, swap.filed_by, swap.colleague], outcomes)
    tell_of(swap, Said.TAKEN, people, now=now, by=by)
    _withdraw_rivals(swap, now=now)
    return swap


def _judge(swap: Swap, actor: Actor, *, now: datetime, waiver: Actor, waiver_reason: str) -> None:
    """Whether it could be taken now: made, proved, and made undone."""
    try:
        with transaction.atomic():
            with changing_all(
                teams_of(swap), actor=actor, now=now, waiver=waiver, waiver_reason=waiver_reason,
                reach=_reach(swap),
            ):  # fmt: skip
                _write(swap, actor, now)
            raise _Judged
    except _Judged:
        pass


class _Judged(Exception):
    """It could be taken: all that was written to find out is rolled back."""


def _reach(swap: Swap) -> datetime:
    """The end of all that it moves."""
    return max(swap.ends_at, swap.back_ends_at or swap.ends_at)


def _write(swap: Swap, actor: Actor, now: datetime) -> None:
    """The overrides that move the stretches, once each is held by who gives it."""
    for person in (swap.giver, swap.colleague):
        if not person.is_active:
            raise RotaRefused("inactive", f"{person} is not active any more.")
    _refuse_not_theirs(swap)
    stretches = [(swap.rota, swap.colleague, swap.giver, swap.starts_at, swap.ends_at)]
    if swap.back_rota and swap.back_starts_at and swap.back_ends_at:
        back = (swap.back_rota, swap.giver, swap.colleague, swap.back_starts_at, swap.back_ends_at)
        stretches.append(back)
    made = [
        Override.objects.create(
            rota=rota,
            user=to,
            kind=OverrideKind.SWAP,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=f"Swap: for {of}",
            swap=swap if swap.pk else None,
            created_by=_person(actor),
            created_at=now,
        )
        for rota, to, of, starts_at, ends_at in stretches
    ]
    refuse_own_backup(made, now=now)


def _refuse_not_theirs(swap: Swap) -> None:
    given = [(swap.rota, swap.giver, swap.starts_at, swap.ends_at)]
    if swap.back_rota and swap.back_starts_at and swap.back_ends_at:
        given.append((swap.back_rota, swap.colleague, swap.back_starts_at, swap.back_ends_at))
    for rota, person, starts_at, ends_at in given:
        covered = starts_at
        for held in shifts_of(Rota.objects.filter(pk=rota.pk), start=starts_at, end=ends_at):
            if held.user_id == person.pk and held.starts_at <= covered:
                covered = max(covered, held.ends_at)
        if covered < ends_at:
            raise _NoLongerTheirs(
                "not_theirs",
                f"{person} does not hold {rota} at {covered:%Y-%m-%d %H:%M} UTC; only one's own can be given.",
            )


def _refuse_fault(swap: Swap, now: datetime) -> None:
    if swap.giver_id == swap.colleague_id:
        raise RotaRefused("oneself", "A swap needs two people.")
    stretches = [(swap.rota, swap.colleague, swap.starts_at, swap.ends_at)]
    if swap.back_rota and swap.back_starts_at and swap.back_ends_at:
        stretches.append((swap.back_rota, swap.giver, swap.back_starts_at, swap.back_ends_at))
    for rota, taker, starts_at, ends_at in stretches:
        if fault := fault_of(starts_at, ends_at, now=now):
            raise RotaRefused(*fault)
        if starts_at <= now:
            raise RotaRefused("begun", "It has begun; take it over, or ask for what is to come.")
        if not taker.is_active:
            raise RotaRefused("inactive", f"{taker} is not active.")
        if not permissions.belongs(taker, rota):
            raise RotaRefused("not_of_the_rota", f"{taker} is not of {rota} or its team.")


def _refuse_settled(swap: Swap) -> None:
    if swap.state not in OPEN:
        raise RotaRefused("settled", f"The request is {swap.state} already.")


def _refuse_begun(swap: Swap, now: datetime) -> None:
    if begins_at(swap) <= now:
        raise RotaRefused("begun", "The shift has begun; it is too late to swap it.")


def _waiting_already(swap: Swap) -> Swap | None:
    return Swap.objects.filter(
        state__in=OPEN, rota=swap.rota, giver=swap.giver, colleague=swap.colleague,
        starts_at=swap.starts_at, ends_at=swap.ends_at, back_rota=swap.back_rota,
        back_starts_at=swap.back_starts_at, back_ends_at=swap.back_ends_at,
    ).first()  # fmt: skip


def _withdraw_rivals(taken: Swap, *, now: datetime) -> None:
    """Others who were asked for the same stretch need not answer any more."""
    rivals = Swap.objects.select_for_update(of=("self",)).filter(
        state__in=OPEN, rota=taken.rota, giver=taken.giver,
        starts_at__lt=taken.ends_at, ends_at__gt=taken.starts_at,
    )  # fmt: skip
    for rival in rivals.exclude(pk=taken.pk).order_by("pk"):
        words = f"{taken.colleague} has taken it"
        _end(rival, SwapState.WITHDRAWN, None, now=now, answer=words)
        swap = read_swap(rival.pk)
        tell_of(swap, Said.WITHDRAWN, [swap.colleague], now=now, words=words)


@transaction.atomic
def _lapse(swap_id: int, now: datetime) -> None:
    swap = _locked(swap_id)
    if swap.state in OPEN:
        _end(swap, SwapState.LAPSED, None, now=now, answer="The roster has changed since.")
        tell_of(swap, Said.OFF, [swap.giver, swap.colleague, swap.filed_by], now=now)


def _end(
    swap: Swap, state: SwapState, person: User | None, *, now: datetime, answer: str = ""
) -> None:
    swap.state, swap.settled_at, swap.decided_by = state, now, person
    swap.answered_at = swap.answered_at or (now if state == SwapState.DECLINED else None)
    swap.answer = answer[:300] or swap.answer
    swap.save(update_fields=["state", "settled_at", "decided_by", "answered_at", "answer"])
    promise_nothing(swap, now=now)


def _lock(swap: Swap) -> None:
    """The rosters first, then the swap: everybody in this order."""
    for team_id in teams_of(swap):
        lock_roster(team_id)


def _locked(swap_id: int) -> Swap:
    _lock(read_swap(swap_id))
    Swap.objects.select_for_update(no_key=True).get(pk=swap_id)
    return read_swap(swap_id)


def _not_told(people: Iterable[User], outcomes: Iterable[Outcome]) -> list[User]:
    """Whose shifts moved was told with before and after; the others have to hear of it."""
    moved = moved_by(outcomes)
    return [person for person in people if person.pk not in moved]


def _person(actor: Actor) -> User:
    person = person_of(actor)
    if not isinstance(person, User) or not person.is_active:
        raise RotaRefused("not_a_person", "Only people swap shifts.")
    return person


def _manages(person: User, swap: Swap) -> bool:
    return all(may_edit_team(person, team_id) for team_id in teams_of(swap))


def _needs_manager(swap: Swap, person: User) -> bool:
    return any(
        rules_of(team_id).swaps_need_manager
        and not _manages_one_of([swap.filed_by, person], team_id)
        for team_id in teams_of(swap)
    )


def _manages_one_of(people: Collection[User], team_id: int) -> bool:
    return any(may_edit_team(person, team_id) for person in people)


def _waiver_of_filer(swap: Swap) -> tuple[Actor, str]:
    """What the manager who asked lets stand, for as long as they are one."""
    still = _manages(swap.filed_by, swap)
    return actor_of(swap.filed_by), swap.waiver_reason if still else ""
