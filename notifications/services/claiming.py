"""Taking due messages for one sender: no two senders get the same, and a dead one's come back."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from notifications.enums import Lane, PageState
from notifications.models import Pace, Page, PagingLimits
from notifications.queries import limits

MOST_IN_A_BUNDLE = 500

CLAIM = """
WITH due AS (
    SELECT id FROM notifications_page
    WHERE state IN ('pending', 'held', 'sending') AND next_try_at <= %(due_by)s
      AND (%(channels)s::text[] IS NULL OR channel = ANY(%(channels)s))
      AND (%(suspects)s AND claims > 0 OR NOT %(suspects)s AND claims = 0)
      AND (%(page_id)s::bigint IS NULL OR id = %(page_id)s)
    ORDER BY next_try_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE notifications_page AS page
SET state = CASE WHEN page.claims >= %(claims)s THEN 'quarantined' ELSE 'sending' END,
    claims = page.claims + 1,
    leased_by = %(lease)s,
    lease_until = %(lease_until)s,
    next_try_at = %(lease_until)s
FROM due WHERE page.id = due.id
RETURNING page.id
"""

CLAIM_SIBLINGS = """
WITH due AS (
    SELECT page.id FROM notifications_page AS page
    JOIN unnest(%(channels)s::text[], %(addresses)s::text[], %(lanes)s::text[])
      AS free (channel, address, lane)
      ON page.channel = free.channel AND page.address = free.address AND page.lane = free.lane
    WHERE page.state IN ('pending', 'held') AND page.next_try_at <= %(now)s AND page.claims = 0
    ORDER BY page.id DESC
    LIMIT %(limit)s
    FOR UPDATE OF page SKIP LOCKED
)
UPDATE notifications_page AS page
SET state = 'sending', claims = 1, leased_by = %(lease)s, lease_until = %(lease_until)s,
    next_try_at = %(lease_until)s
FROM due WHERE page.id = due.id
RETURNING page.id
"""

KEEP_PACE = """
INSERT INTO notifications_pace AS pace (channel, address, lane, quiet_until, streak)
SELECT channel, address, lane, %(now)s + make_interval(secs => %(seconds)s), 0
FROM unnest(%(channels)s::text[], %(addresses)s::text[], %(lanes)s::text[])
  AS wanted (channel, address, lane)
ORDER BY channel, address, lane
ON CONFLICT (channel, address, lane) DO UPDATE SET
    streak = CASE WHEN pace.quiet_until >= %(now)s - make_interval(secs => %(seconds)s * 2)
                  THEN LEAST(pace.streak + 1, 16) ELSE 0 END,
    quiet_until = %(now)s + make_interval(secs => LEAST(%(cap)s, %(seconds)s *
        CASE WHEN pace.quiet_until >= %(now)s - make_interval(secs => %(seconds)s * 2)
             THEN 2 ^ LEAST(pace.streak + 1, 16) ELSE 1 END))
WHERE pace.quiet_until <= %(now)s
RETURNING channel, address, lane
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes out as one message: pages of one address and lane, newest first, under one lease."""

    channel: str
    address: str
    lane: str
    lease: str
    page_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought: parcels to send, and pages that were put into quarantine by it."""

    parcels: tuple[Parcel, ...]
    quarantined: tuple[int, ...] = ()


def claim(
    now: datetime,
    limit: int,
    worker: str,
    *,
    channels: Collection[str] | None = None,
    suspects: bool = False,
    page_id: int | None = None,
    grace: timedelta = timedelta(),
) -> list[Page]:
    """Leases due messages to a sender: one UPDATE over rows nobody else holds (SKIP LOCKED).

    The claim is counted in the claim's own transaction; a row claimed too often without a result
    comes back "quarantined", every other one "sending". `suspects` takes rows that were claimed
    before and brought no result: one at a time, so that a message that kills its sender takes no
    other down with it. `grace` leaves alone what fell due only just now.
    """
    lease = f"{worker[:80]}/{uuid.uuid4().hex[:12]}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "due_by": now - grace,
                "channels": None if channels is None else list(channels),
                "suspects": suspects,
                "page_id": page_id,
                "limit": limit,
                "claims": settings.PAGE_CLAIMS_BEFORE_QUARANTINE,
                "lease": lease,
                "lease_until": lease_end(now),
            },
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Page.objects.filter(pk__in=ids).order_by("-created_at", "-id")) if ids else []


def take(
    now: datetime,
    limit: int,
    worker: str,
    *,
    channels: Collection[str] | None = None,
    suspects: bool = False,
    page_id: int | None = None,
    grace: timedelta = timedelta(),
    in_force: PagingLimits | None = None,
) -> Claimed:
    """Claims due messages and makes parcels of them.

    The first message to an address goes at once; what falls due for it in the following seconds
    waits until they are over and goes as one, in a storm with longer and longer waits. One
    transaction: claims, the addresses' pace, and what is put back.
    """
    in_force = in_force or limits()
    with transaction.atomic():
        pages = claim(
            now, limit, worker, channels=channels, suspects=suspects, page_id=page_id, grace=grace
        )
        quarantined = tuple(page.pk for page in pages if page.state == PageState.QUARANTINED)
        sending = [page for page in pages if page.state == PageState.SENDING]
        alone = [page for page in sending if not _paced(page, in_force)]
        parcels = [_parcel([page]) for page in alone]
        groups: dict[tuple[str, str, str], list[Page]] = defaultdict(list)
        for page in sending:
            if _paced(page, in_force):
                groups[page.channel, page.address, page.lane].append(page)
        if groups:
            parcels += _keep_pace(groups, now, in_force)
    return Claimed(tuple(parcels), quarantined)


def keep_leases(parcels: Sequence[Parcel], *, until: datetime, now: datetime) -> list[Parcel]:
    """Makes leases that are still ours last at least until then; returns the parcels that are ours."""
    kept = []
    for parcel in parcels:
        ours = Page.objects.filter(
            pk__in=parcel.page_ids,
            state=PageState.SENDING,
            leased_by=parcel.lease,
            lease_until__gt=now,
        )
        ours.filter(lease_until__lt=until).update(lease_until=until, next_try_at=until)
        if ours.exists():
            kept.append(parcel)
    return kept


def forget_pace(parcel: Parcel, now: datetime) -> None:
    """What was not delivered does not count: the address may be tried again at any time."""
    if parcel.lane == Lane.DIRECT:
        return
    Pace.objects.filter(
        channel=parcel.channel, address=parcel.address, lane=parcel.lane, quiet_until__gt=now
    ).update(quiet_until=now)


def _keep_pace(
    groups: dict[tuple[str, str, str], list[Page]], now: datetime, in_force: PagingLimits
) -> list[Parcel]:
    places = sorted(groups)
    any_page = groups[places[0]][0]
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP_PACE,
            {
                "now": now,
                "seconds": in_force.bundle_seconds,
                "cap": max(in_force.bundle_cap_seconds, in_force.bundle_seconds),
                **_columns(places),
            },
        )
        free = sorted((row[0], row[1], row[2]) for row in cursor.fetchall())
        cursor.execute(
            CLAIM_SIBLINGS,
            {
                "now": now,
                "limit": MOST_IN_A_BUNDLE,
                "lease": any_page.leased_by,
                "lease_until": any_page.lease_until,
                **_columns(free),
            },
        )
        siblings = [row[0] for row in cursor.fetchall()]
    for page in Page.objects.filter(pk__in=siblings) if siblings else ():
        groups[page.channel, page.address, page.lane].append(page)
    for place in places:
        if place not in free:
            _put_back(place, groups[place], now)
    return [_parcel(groups[place]) for place in free]


def _columns(places: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    return {
        "channels": [place[0] for place in places],
        "addresses": [place[1] for place in places],
        "lanes": [place[2] for place in places],
    }


def _put_back(place: tuple[str, str, str], pages: list[Page], now: datetime) -> None:
    """The address is left in peace a little longer: they go together then. This was no claim."""
    quiet_until = (
        Pace.objects.filter(channel=place[0], address=place[1], lane=place[2])
        .values_list("quiet_until", flat=True)
        .first()
    )
    Page.objects.filter(pk__in=[page.pk for page in pages]).update(
        state=PageState.PENDING,
        next_try_at=quiet_until or now,
        claims=0,
        leased_by="",
        lease_until=None,
    )


def _paced(page: Page, in_force: PagingLimits) -> bool:
    """Suspects and direct messages go alone, and nothing is bundled when the limit says so."""
    return bool(in_force.bundle_seconds) and page.lane != Lane.DIRECT and page.claims == 1


def _parcel(pages: list[Page]) -> Parcel:
    pages = sorted(pages, key=lambda page: (page.created_at, page.pk), reverse=True)
    first = pages[0]
    return Parcel(
        first.channel,
        first.address,
        first.lane,
        first.leased_by,
        tuple(page.pk for page in pages),
    )


def lease_end(now: datetime) -> datetime:
    """Until when a lease lasts that is given now."""
    return now + timedelta(seconds=settings.PAGE_LEASE_SECONDS)
