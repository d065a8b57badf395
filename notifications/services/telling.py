"""Messages that inform and want no answer: reminders, stakeholders, digests. Through the same outbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deadlines.enums import Reach
from directory.models import Team, User
from directory.queries import calendar_of
from directory.rules.calendar import BusinessCalendar, next_opening
from notifications import nudge
from notifications.enums import Lane, MethodKind, PageOutState, PageState, Purpose, Urgency
from notifications.links import derive_token, hash_token, new_salt
from notifications.models import ContactMethod, Page, PageOut
from notifications.queries import channel_rows, limits, methods_of
from notifications.rules.message import Message, message_to_json


def tell(
    *,
    key: str,
    subject_type: str,
    subject_id: int,
    message: Message | None,
    now: datetime,
    user_ids: Iterable[int] = (),
    addresses: Iterable[str] = (),
    reach: Reach = Reach.NOW,
    clause: str = "",
    label: str = "",
    team_id: int | None = None,
    each: Mapping[int, Message] | None = None,
) -> list[PageOut]:
    """Sends a message once per person and `key`: at once, or with the day's digest.

    `message` is said as it is, and to a person in `each` what stands there instead; None lets the
    subject's provider build it when it is sent (it finds `key` in `page_out.step_key`). With
    Reach.DIGEST it waits for the next opening of the team's business hours (`team_id`, else the
    person's first team, else weekdays at 9:00 in the person's zone) and goes with everything else
    that waits for that person. A person is told by mail where that is possible, else by their first
    method; the sign-in address stands in for none. `addresses` are outsiders' mail addresses.
    Reach.WAKE is refused with ValueError: that is `page_people`.
    Returns the new rows; said twice with one key, the second call returns nothing.
    """
    if reach == Reach.WAKE:
        raise ValueError("what wakes people is a page")
    own = each or {}
    people = {
        person.pk: person
        for person in User.objects.filter(pk__in={*user_ids, *own}, is_active=True)
    }
    outsiders = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    in_force = limits()
    purpose = Purpose.DIGEST if reach == Reach.DIGEST else Purpose.NOTE
    due = _due_times(list(people.values()), team_id, now) if reach == Reach.DIGEST else {}
    rows = [
        _row(
            key=key,
            subject_type=subject_type,
            subject_id=subject_id,
            user_id=user_id,
            address=address,
            purpose=purpose,
            clause=clause,
            label=label,
            team_id=team_id,
            message=_json_of(own.get(user_id or 0, message)),
            now=now,
            link_days=in_force.link_days,
        )
        for user_id, address in [
            *((user_id, "") for user_id in people),
            *((None, address) for address in outsiders),
        ]
    ]
    PageOut.objects.bulk_create(rows, ignore_conflicts=True)
    new = list(PageOut.objects.filter(key__in=[row.key for row in rows]).select_related("user"))
    methods = methods_of(people)
    channels = channel_rows()
    Page.objects.bulk_create(
        [
            _page(
                row,
                *_way(row, methods.get(row.user_id or 0, []), set(channels)),
                due.get(row.user_id, now),
                now,
            )
            for row in new
        ]
    )
    if new:
        nudge.after_commit()
    return new


def _json_of(message: Message | None) -> dict[str, Any]:
    return message_to_json(message) if message else {}


def _way(
    row: PageOut, methods: Sequence[ContactMethod], channels: set[str]
) -> tuple[int | None, str, str]:
    usable = [method for method in methods if method.channel in channels]
    by_mail = [method for method in usable if method.kind == MethodKind.MAIL]
    for method in [*by_mail, *(m for m in usable if m.channel == "mail"), *usable]:
        return method.pk, method.channel, method.address
    return None, "mail", row.user.email if row.user else row.address


def _row(
    *,
    key: str,
    subject_type: str,
    subject_id: int,
    user_id: int | None,
    address: str,
    purpose: Purpose,
    clause: str,
    label: str,
    team_id: int | None,
    message: dict[str, object],
    now: datetime,
    link_days: int,
) -> PageOut:
    public, salt = uuid.uuid4(), new_salt()
    return PageOut(
        key=public,
        purpose=purpose,
        subject_type=subject_type,
        subject_id=subject_id,
        user_id=user_id,
        address=address,
        team_id=team_id,
        step_key=key,
        step_label=label[:200],
        clause=clause,
        urgency=Urgency.LOW,
        state=PageOutState.WAITING,
        message=message,
        created_at=now,
        token_salt=salt,
        token_hash=hash_token(derive_token(public, salt)),
        token_expires_at=now + timedelta(days=link_days),
    )


def _page(
    row: PageOut, method_id: int | None, channel: str, address: str, due_at: datetime, now: datetime
) -> Page:
    return Page(
        page_out=row,
        method_id=method_id,
        channel=channel,
        address=address,
        lane=Lane.DIGEST if row.purpose == Purpose.DIGEST else Lane.NOTE,
        state=PageState.PENDING,
        not_before=due_at,
        next_try_at=due_at,
        delivery_key=f"{row.key}.0",
        created_at=now,
    )


def _due_times(
    people: list[User], team_id: int | None, now: datetime
) -> dict[int | None, datetime]:
    """The next beginning of business hours for each person: one digest a day."""
    calendars = _calendars(people, team_id)
    return {person.pk: _next_morning(calendars[person.pk], now) for person in people}


def _calendars(people: list[User], team_id: int | None) -> dict[int, BusinessCalendar]:
    if team_id is not None and (team := Team.objects.filter(pk=team_id).first()):
        calendar = calendar_of(team)
        return {person.pk: calendar for person in people}
    first: dict[int, BusinessCalendar] = {}
    teams = (
        Team.objects.filter(memberships__user__in=people)
        .order_by("memberships__user_id", "id")
        .values_list("memberships__user_id", "pk")
    )
    by_id = {team.pk: team for team in Team.objects.filter(pk__in={pk for _, pk in teams})}
    for user_id, pk in teams:
        first.setdefault(user_id, calendar_of(by_id[pk]))
    return {
        person.pk: first.get(person.pk) or BusinessCalendar(zone=person.zone) for person in people
    }


def _next_morning(calendar: BusinessCalendar, now: datetime) -> datetime:
    """The first opening after now; while the office is open, that of the next business day."""
    opening = next_opening(calendar, now)
    if opening > now:
        return opening
    zone = ZoneInfo(calendar.zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return next_opening(calendar, datetime.combine(tomorrow, time(), zone).astimezone(UTC))
