"""Time off: added, changed, taken back; judged by the proof of every team the person is on call for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from deadlines.extension import PORTAL, Actor
from directory.models import User
from directory.permissions import person_of
from notifications.rules.message import Link, Message
from notifications.services import tell
from rotations import permissions
from rotations.enums import BreachKind
from rotations.models import Rota, TimeOff
from rotations.queries import OnCall, shifts_of
from rotations.rules.overrides import too_far
from rotations.services.refusal import RosterBroken, RotaRefused
from rotations.services.waiving import changing_all

MOST_NAMED = 5


class HandOverFirst(RosterBroken):
    """The person is on call then; `shifts` are those to hand over first."""

    def __init__(self, broken: RosterBroken, shifts: list[OnCall], zone: str) -> None:
        super().__init__(broken.breaches)
        self.code = "hand_over_first"
        self.shifts = tuple(shifts)
        named = [_named(shift, zone) for shift in shifts[:MOST_NAMED]]
        more = len(shifts) - MOST_NAMED
        rest = f"; and {more} more" if more > 0 else ""
        self.message = f"Hand over first: {'; '.join(named)}{rest}."
        self.args = (self.message,)


def _named(shift: OnCall, zone: str) -> str:
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (shift.starts_at, shift.ends_at))
    return f"{shift.rota_slug}, {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {end.tzname()}"


@transaction.atomic
def add_time_off(
    user_id: int,
    *,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    reason: str = "",
    waiver_reason: str = "",
) -> TimeOff:
    """The person is away from `starts_at` until just before `ends_at`. The same again is the one that stands.

    Raises PermissionDenied (oneself, a manager of one of the person's teams, an admin), RotaRefused
    ("ends_before_it_starts", "past", "too_far", "inactive"), and HandOverFirst with the shifts that stand in the
    way, unless the manager of the team whose roster breaks lets it stand with `waiver_reason`.
    """
    person = _allowed(user_id, actor)
    _refuse_fault(starts_at, ends_at, now)
    if not person.is_active:
        raise RotaRefused("inactive", "This person is not active.")
    same = TimeOff.objects.filter(user=person, starts_at=starts_at, ends_at=ends_at).first()
    if same is not None:
        return same
    with _judged(person, starts_at, ends_at, actor, now, waiver_reason):
        by = person_of(actor)
        made = TimeOff.objects.create(
            user=person,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            waiver_reason=waiver_reason,
            created_by=by if isinstance(by, User) else None,
            created_at=now,
        )
    _tell(made, "planned", actor, now=now)
    return made


@transaction.atomic
def change_time_off(
    time_off_id: int,
    *,
    actor: Actor,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str | None = None,
    waiver_reason: str = "",
) -> TimeOff:
    """Moves it, or says another reason; what is not given stays. What has begun keeps its beginning.

    Raises what `add_time_off` does, RotaRefused ("over", "begun") besides, and `TimeOff.DoesNotExist`.
    """
    row = TimeOff.objects.select_for_update(of=("self",)).select_related("user").get(pk=time_off_id)
    _allowed(row.user_id, actor)
    start, end = starts_at or row.starts_at, ends_at or row.ends_at
    if row.ends_at <= now:
        raise RotaRefused("over", "It is over and stays as it was.")
    if row.starts_at <= now and start != row.starts_at:
        raise RotaRefused("begun", "It has begun; only its end can still change.")
    _refuse_fault(start, end, now)
    with _judged(row.user, start, end, actor, now, waiver_reason):
        row.starts_at, row.ends_at = start, end
        if reason is not None:
            row.reason = reason
        if waiver_reason:
            row.waiver_reason = waiver_reason
        row.save(update_fields=["starts_at", "ends_at", "reason", "waiver_reason"])
    _tell(row, "changed", actor, now=now)
    return row


@transaction.atomic
def remove_time_off(time_off_id: int, *, actor: Actor, now: datetime) -> None:
    """Takes it back. What runs ends now, what is over stays; harmless when it is gone. Raises PermissionDenied."""
    row = (
        TimeOff.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(pk=time_off_id)
        .first()
    )
    if row is None:
        return
    _allowed(row.user_id, actor)
    if row.ends_at <= now:
        return
    with _judged(row.user, row.starts_at, row.ends_at, actor, now, ""):
        if row.starts_at >= now:
            _tell(row, "taken back", actor, now=now)
            row.delete()
        else:
            row.ends_at = now
            row.save(update_fields=["ends_at"])
            _tell(row, "ended", actor, now=now)


def _tell(row: TimeOff, what: str, actor: Actor, *, now: datetime) -> None:
    """Who did not do it themselves hears what a manager did to their time off."""
    by = person_of(actor)
    if isinstance(by, User) and by.pk == row.user_id:
        return
    zone = ZoneInfo(row.user.zone)
    start, end = (at.astimezone(zone) for at in (row.starts_at, row.ends_at))
    span = f"{start:%a %-d %b %Y %H:%M} to {end:%a %-d %b %Y %H:%M} {end.tzname()}"
    mine = Link("My shifts", f"{settings.BASE_URL}/shifts/")
    tell(
        key=f"time-off:{row.pk}:{now.timestamp():.6f}",
        subject_type="time_off",
        subject_id=row.pk,
        message=Message(
            subject=f"Your time off was {what}",
            text=f"{actor.label} has {what} your time off: {span}.\n\n{mine.label}: {mine.url}",
            links=(mine,),
        ),
        user_ids=[row.user_id],
        now=now,
        label="Time off",
    )


def _allowed(user_id: int, actor: Actor) -> User:
    if not (actor == PORTAL or permissions.may_plan_time_off(person_of(actor), user_id)):
        raise PermissionDenied("Time off is one's own, or a manager's of one's team.")
    return User.objects.get(pk=user_id)


def _refuse_fault(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if starts_at >= ends_at:
        raise RotaRefused("ends_before_it_starts", "Time off must end after it starts.")
    if ends_at <= now:
        raise RotaRefused("past", "Time off that is over would change the past.")
    if fault := too_far(ends_at):
        raise RotaRefused(*fault)


@contextmanager
def _judged(
    person: User,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    waiver_reason: str,
) -> Iterator[None]:
    teams = permissions.teams_on_call_for(person.pk, now=now)
    try:
        with changing_all(teams, actor=actor, now=now, waiver_reason=waiver_reason, reach=ends_at):
            yield
    except RosterBroken as broken:
        if all(one.kind != BreachKind.TIME_OFF for one in broken.breaches):
            raise
        rotas = Rota.objects.filter(team__in=teams, active=True)
        shifts = shifts_of(rotas, start=max(starts_at, now), end=ends_at)
        own = [shift for shift in shifts if shift.user_id == person.pk]
        raise HandOverFirst(broken, own, person.zone) from broken
