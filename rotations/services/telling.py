"""Telling people of their shifts, and managers of what is amiss with a roster."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Max

from deadlines.enums import Reach
from deadlines.extension import Actor
from directory.models import User
from directory.queries import admins, managers_of
from notifications.enums import PageOutState
from notifications.models import PageOut
from notifications.services import PageRequest, page_people, supersede, tell
from rotations.enums import BreachKind
from rotations.models import Breach
from rotations.queries.messages import GAP, SUBJECT, finding_of, readers, told_key
from rotations.rules import texts
from rotations.rules.turns import Notice
from rotations.services.horizon import Moved, Stretch

WAKES_WITHIN = timedelta(hours=24)


def tell_moved(
    team_id: int, moved: Sequence[Moved], *, now: datetime, actor: Actor | None = None, said: str = ""
) -> None:  # fmt: skip
    """Each person whose shifts moved gets one mail, with what they were and what they are now."""
    if not moved:
        return
    reader = readers([team_id], now)
    zones = _zones([one.user_id for one in moved])
    if actor is not None and not said:
        said = f"{actor.label} has changed the roster of {reader(team_id, 'UTC', True).team}, and with it your shifts."
    tell(
        key=f"moved:{uuid.uuid4()}",
        subject_type=SUBJECT,
        subject_id=team_id,
        message=None,
        each={
            one.user_id: texts.moved(
                reader(team_id, zones[one.user_id], True), _spans(one.before), _spans(one.after), said
            )
            for one in moved
            if one.user_id in zones
        },
        now=now,
        label="Your shifts have changed",
        team_id=team_id,
    )  # fmt: skip


def tell_turns(team_id: int, unsaid: Mapping[int, Sequence[Notice]], *, now: datetime) -> None:
    """Each person hears at once what is to be said of their turns. The same again is not said twice."""
    if not unsaid:
        return
    reader, zones = readers([team_id], now), _zones(unsaid)
    for instant in sorted({max(one.at for one in own) for own in unsaid.values()}):
        own = {
            user_id: texts.turning(reader(team_id, zones[user_id], True), found)
            for user_id, found in unsaid.items()
            if user_id in zones and max(one.at for one in found) == instant
        }
        tell(
            key=f"turn:{instant.timestamp():.6f}",
            subject_type=SUBJECT,
            subject_id=team_id,
            message=None,
            each=own,
            now=now,
            label="Your turn",
            team_id=team_id,
        )


def tell_breaches(team_id: int, *, now: datetime) -> None:
    """Managers hear once of each breach that blocks and that nobody let stand: with the day's digest; and
    at any hour when within a day nobody is on call."""
    open_rows = Breach.objects.filter(
        team_id=team_id, gone_at=None, waived_at=None, blocking=True
    ).order_by("starts_at", "pk")
    untold = [row.pk for row in open_rows if row.told_at is None]
    wakes = [
        row
        for row in open_rows
        if row.woke_at is None
        and row.kind == BreachKind.GAP
        and row.starts_at <= now + WAKES_WITHIN
    ]
    if untold:
        Breach.objects.filter(pk__in=untold).update(told_at=now)
        tell(
            key=told_key(now),
            subject_type=SUBJECT,
            subject_id=team_id,
            message=None,
            user_ids=[person.pk for person in _answerable(team_id)],
            reach=Reach.DIGEST,
            now=now,
            label="The roster breaks the procedure",
            team_id=team_id,
        )
    for row in wakes:
        _wake(row, now=now)


def tell_gone(team_id: int, rows: Sequence[Breach], *, now: datetime) -> None:
    """What has come right is said in the next digest to who was told, and pages nobody any more."""
    woken = [row for row in rows if row.woke_at is not None]
    if woken:
        supersede(
            SUBJECT,
            team_id,
            step_keys=[f"{GAP}{row.pk}" for row in woken],
            now=now,
            reason="Somebody is on call again.",
        )
    keys = {told_key(row.told_at): row for row in rows if row.told_at is not None}
    heard = PageOut.objects.filter(
        subject_type=SUBJECT, subject_id=team_id, step_key__in=keys, sent_at__isnull=False
    )
    people: dict[int, set[str]] = {}
    for user_id, key in heard.values_list("user_id", "step_key") if keys else ():
        if user_id is not None:
            people.setdefault(user_id, set()).add(key)
    if not people:
        return
    reader, zones = readers([team_id], now), _zones(people)
    tell(
        key=f"gone:{now.timestamp():.6f}",
        subject_type=SUBJECT,
        subject_id=team_id,
        message=None,
        each={
            user_id: texts.gone(
                reader(team_id, zones[user_id], False),
                [finding_of(row) for row in rows if row.told_at and told_key(row.told_at) in known],
            )
            for user_id, known in people.items()
            if user_id in zones
        },
        reach=Reach.DIGEST,
        now=now,
        label="The roster was mended",
        team_id=team_id,
    )


def _wake(row: Breach, *, now: datetime) -> None:
    Breach.objects.filter(pk=row.pk).update(woke_at=now)
    # One that was let stand and has grown since wakes the same people again.
    paged = PageOut.objects.filter(
        subject_type=SUBJECT, subject_id=row.team_id, step_key=f"{GAP}{row.pk}"
    )
    last = paged.aggregate(last=Max("round"))["last"]
    again = 0 if last is None else last + 1
    for people in (_answerable(row.team_id), list(admins())):
        outs = page_people([_request(row, person, again) for person in people], now=now)
        if any(out.state != PageOutState.UNREACHABLE for out in outs):
            return


def _request(row: Breach, person: User, again: int) -> PageRequest:
    return PageRequest(
        user_id=person.pk,
        subject_type=SUBJECT,
        subject_id=row.team_id,
        step_key=f"{GAP}{row.pk}",
        round=again,
        step_label="Nobody is on call",
        clause=row.clause,
        team_id=row.team_id,
    )


def _answerable(team_id: int) -> list[User]:
    """The team's managers; the admins where it has none."""
    return list(managers_of(team_id)) or list(admins())


def _zones(user_ids: Collection[int]) -> dict[int, str]:
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "zone"))


def _spans(stretches: Sequence[Stretch]) -> list[texts.Span]:
    return [(one.rota_id, one.starts_at, one.ends_at) for one in stretches]
