"""Taking due messages for one sender: no two senders get the same, and a dead one's come back."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
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
    SELECT id FROM notifications_page
    WHERE state IN ('pending', 'held') AND next_try_at <= %(now)s AND claims = 0
      AND channel = %(channel)s AND address = %(address)s AND lane = %(lane)s
    ORDER BY id DESC
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
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
                "lease_until": _lease_end(now),
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
) -> Claimed:
    """Claims due messages and makes parcels of them.

    The first message to an address goes at once; what falls due for it in the following seconds
    waits until they are over and goes as one, in a storm with longer and longer waits. One
    transaction: claims, the addresses' pace, and what is put back.
    """
    in_force = limits()
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


def forget_pace(parcel: Parcel, now: datetime) -> None:
    """What was not delivered does not count: the address may be tried again at any time."""
    Pace.objects.filter(
        channel=parcel.channel, address=parcel.address, lane=parcel.lane, quiet_until__gt=now
    ).update(quiet_until=now)


def _keep_pace(
    groups: dict[tuple[str, str, str], list[Page]], now: datetime, in_force: PagingLimits
) -> list[Parcel]:
    places = sorted(groups)
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP_PACE,
            {
                "now": now,
                "seconds": in_force.bundle_seconds,
                "cap": max(in_force.bundle_cap_seconds, in_force.bundle_seconds),
                "channels": [place[0] for place in places],
                "addresses": [place[1] for place in places],
                "lanes": [place[2] for place in places],
            },
        )
        free = {(row[0], row[1], row[2]) for row in cursor.fetchall()}
        parcels = []
        for place in places:
            pages = groups[place]
            if place not in free:
                _put_back(place, pages, now)
                continue
            cursor.execute(
                CLAIM_SIBLINGS,
                {
                    "now": now,
                    "channel": place[0],
                    "address": place[1],
                    "lane": place[2],
                    "limit": MOST_IN_A_BUNDLE,
                    "lease": pages[0].leased_by,
                    "lease_until": pages[0].lease_until,
                },
            )
            siblings = [row[0] for row in cursor.fetchall()]
            if siblings:
                pages = list(
                    Page.objects.filter(pk__in=[*siblings, *(page.pk for page in pages)]).order_by(
                        "-created_at", "-id"
                    )
                )
            parcels.append(_parcel(pages))
    return parcels


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
    first = pages[0]
    return Parcel(
        first.channel,
        first.address,
        first.lane,
        first.leased_by,
        tuple(page.pk for page in pages),
    )


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.PAGE_LEASE_SECONDS)
