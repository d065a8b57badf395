"""What came of an attempt: recorded under the lease, with the next try, the next method, or the end.

Locks are taken in one order everywhere: the subject, then page-outs, then pages.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from deadlines.registry import subject_named
from notifications.channels import Answer
from notifications.enums import (
    OPEN_PAGE_OUTS,
    OPEN_PAGES,
    REACHED,
    Outcome,
    PageOutState,
    PageState,
    Purpose,
)
from notifications.events import page_exhausted, page_sent
from notifications.models import Attempt, Page, PageOut, PagingLimits
from notifications.queries import channel_rows, limits, methods_of
from notifications.rules.retry import RetryPlan, rare_retry, wait_before_next
from notifications.rules.routing import MethodFacts, ways
from notifications.services.claiming import Parcel, forget_pace, lease_end

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Landed:
    """One attempt that is over: the parcel, what the channel said, over which channel it really went,
    which attempt of which page that ends, and what was amiss with its message."""

    parcel: Parcel
    answer: Answer
    via: str
    attempts: Mapping[int, int]
    note: str = ""


# It waits for nobody: a page that somebody else has locked is being claimed, or was ours for too long.
BEGIN = """
WITH ours AS (
    SELECT page.id
    FROM unnest(%(ids)s::bigint[], %(leases)s::text[]) AS wanted (id, lease)
    JOIN notifications_page AS page
      ON page.id = wanted.id AND page.state = 'sending' AND page.leased_by = wanted.lease
    JOIN notifications_pageout AS page_out
      ON page_out.id = page.page_out_id AND page_out.state = ANY(%(open)s)
    FOR NO KEY UPDATE OF page SKIP LOCKED
), kept AS (
    UPDATE notifications_page AS page
    SET lease_until = %(lease_until)s, next_try_at = %(lease_until)s
    FROM ours WHERE page.id = ours.id
    RETURNING page.id
)
INSERT INTO notifications_attempt (page_id, started_at, outcome, answer)
SELECT id, %(now)s, 'begun', '' FROM kept
RETURNING page_id, id
"""

FINISH = """
UPDATE notifications_attempt AS attempt
SET finished_at = GREATEST(%(now)s, attempt.started_at), outcome = ended.outcome,
    answer = ended.answer
FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[], %(answers)s::text[])
  AS ended (id, outcome, answer)
WHERE attempt.id = ended.id
"""


def record_begun(parcels: Sequence[Parcel], *, now: datetime) -> list[dict[int, int]]:
    """Writes that these are about to be handed over, one attempt for each page, in one statement that
    gives each a whole lease: nobody else can claim what is being sent.

    A sender that dies from here on leaves attempts that never ended. Returns each parcel's attempts
    by page; a page that somebody else has taken over or that was answered a moment ago has none.
    """
    ids = [page_id for parcel in parcels for page_id in parcel.page_ids]
    leases = [parcel.lease for parcel in parcels for _ in parcel.page_ids]
    with connection.cursor() as cursor:
        cursor.execute(
            BEGIN,
            {
                "now": now,
                "lease_until": lease_end(now),
                "ids": ids,
                "leases": leases,
                "open": [str(state) for state in OPEN_PAGE_OUTS],
            },
        )
        begun = dict(cursor.fetchall())
    return [
        {page_id: begun[page_id] for page_id in parcel.page_ids if page_id in begun}
        for parcel in parcels
    ]


def forget_begun(attempt_ids: Collection[int]) -> None:
    """Nothing was handed over after all: these were no attempts."""
    if attempt_ids:
        Attempt.objects.filter(pk__in=attempt_ids, outcome=Outcome.BEGUN).delete()


def record_answers(
    landed: Sequence[Landed], *, now: datetime, in_force: PagingLimits | None = None
) -> list[int]:
    """Records what came of some attempts and decides what follows, in one transaction.

    Taken: sent (or delivered); the pages the message also spoke for are "bundled". Transient: tried
    again later, after some tries with the next method beside it, until it is given up. Permanent:
    the person's next method, and when none is left the person is "unreachable". A page whose lease
    somebody else has taken over only gets its attempt ended. Returns the ids of the recorded pages.
    """
    in_force = in_force or limits()
    ids = [page_id for one in landed for page_id in one.parcel.page_ids]
    with transaction.atomic():
        outs = _locked_page_outs(ids)
        pages = {
            page.pk: page
            for page in Page.objects.select_for_update(no_key=True)
            .filter(pk__in=ids, state=PageState.SENDING)
            .order_by("id")
        }
        ended: list[tuple[int, str, str]] = []
        taken: list[tuple[Landed, Page]] = []
        not_taken: list[tuple[Landed, Page]] = []
        for one in landed:
            reached = one.answer.outcome in (Outcome.ACCEPTED, Outcome.DELIVERED)
            for page_id in one.parcel.page_ids:
                page = pages.get(page_id)
                mine = page is not None and page.leased_by == one.parcel.lease
                if page_id in one.attempts:
                    ended.append(_ended(one, page_id, mine=mine))
                if page is not None and mine:
                    (taken if reached else not_taken).append((one, page))
        _finish(ended, now)
        _record_taken(taken, outs, now)
        _record_not_taken(not_taken, outs, in_force, now)
    return sorted(page.pk for _, page in [*taken, *not_taken])


def _ended(one: Landed, page_id: int, *, mine: bool) -> tuple[int, str, str]:
    text = one.answer.text if mine else f"{one.answer.text} (the lease was lost)"
    return one.attempts[page_id], str(one.answer.outcome), text[:500]


def _finish(ended: list[tuple[int, str, str]], now: datetime) -> None:
    if not ended:
        return
    ids, outcomes, answers = zip(*ended, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            FINISH,
            {"now": now, "ids": list(ids), "outcomes": list(outcomes), "answers": list(answers)},
        )


def record_superseded(parcel: Parcel, page_ids: Sequence[int], reason: str) -> None:
    """Pages that need not be said any more when it came to sending them."""
    with transaction.atomic():
        outs = _locked_page_outs(page_ids)
        Page.objects.filter(
            pk__in=page_ids, state=PageState.SENDING, leased_by=parcel.lease
        ).update(
            state=PageState.SUPERSEDED, leased_by="", lease_until=None, claims=0, error=reason[:500]
        )
        still = [out.pk for out in outs.values() if out.state in OPEN_PAGE_OUTS and not out.sent_at]
        PageOut.objects.filter(pk__in=still).exclude(
            pages__state__in=[*OPEN_PAGES, *REACHED]
        ).update(state=PageOutState.SUPERSEDED, reason=reason[:300])


def record_left(parcel: Parcel, page_ids: Sequence[int], reason: str, *, now: datetime) -> None:
    """Pages of people who were deactivated: no way of theirs is tried any more. Who was reached over none
    is unreachable, so that the next one is called."""
    with transaction.atomic():
        outs = _locked_page_outs(page_ids)
        mine = set(
            Page.objects.select_for_update(no_key=True)
            .filter(pk__in=page_ids, state=PageState.SENDING, leased_by=parcel.lease)
            .order_by("id")
            .values_list("page_out_id", flat=True)
        )
        for out in (outs[pk] for pk in sorted(mine)):
            if out.state not in OPEN_PAGE_OUTS:
                continue
            out.pages.filter(state__in=OPEN_PAGES).update(
                state=PageState.FAILED, leased_by="", lease_until=None, claims=0, error=reason[:500]
            )
            if not out.pages.filter(state__in=REACHED).exists():
                _give_up(out, now, reason[:300])


def record_quarantine(page_id: int, *, now: datetime) -> None:
    """A message that killed or lost its senders again and again: set aside, and its person reached
    another way, once. `retry_page` gives it another go."""
    in_force = limits()
    with transaction.atomic():
        outs = _locked_page_outs([page_id])
        page = Page.objects.select_for_update(no_key=True).get(pk=page_id)
        if page.state != PageState.QUARANTINED or not page.leased_by:
            return
        page.error = f"claimed {page.claims} times without a result"
        page.leased_by = ""
        page.lease_until = None
        page.save(update_fields=["error", "leased_by", "lease_until"])
        logger.error("page %s is in quarantine: %s", page_id, page.error)
        _move_on(outs[page.page_out_id], in_force, now, page.error)


def finish_quarantines(*, now: datetime) -> None:
    """The same for those whose claim put them aside and whose sender then died: they still bear its lease."""
    left = Page.objects.filter(state=PageState.QUARANTINED).exclude(leased_by="")
    for page_id in list(left.order_by("id").values_list("id", flat=True)):
        record_quarantine(page_id, now=now)


def announce_pending(
    *, now: datetime, page_ids: Sequence[int] | None = None, batch: int = 200
) -> int:
    """Announces what was recorded and not told yet, each with its subject locked first; returns how
    many. What somebody else's lock is in the way of is left for the next call."""
    untold = Page.objects.filter(sent_at__isnull=False, told_at__isnull=True)
    if page_ids is not None:
        untold = untold.filter(pk__in=page_ids)
    told = 0
    for page_id in list(untold.order_by("id").values_list("id", flat=True)[:batch]):
        told += _announce_sent(page_id, now)
    exhausted = PageOut.objects.filter(
        exhausted_at__isnull=False, exhaustion_told_at__isnull=True
    ).order_by("id")
    for page_out_id in list(exhausted.values_list("id", flat=True)[:batch]):
        told += _announce_exhausted(page_out_id, now)
    return told


def _locked_page_outs(page_ids: Sequence[int]) -> dict[int, PageOut]:
    wanted = Page.objects.filter(pk__in=page_ids).values("page_out_id")
    rows = PageOut.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("id")
    return {row.pk: row for row in rows}


KEPT = (Purpose.PAGE, Purpose.NOTE, Purpose.DIGEST)

RECORD_TAKEN = """
UPDATE notifications_page AS page
SET state = taken.state, sent_at = %(now)s, tries = page.tries + 1, claims = 0, leased_by = '',
    lease_until = NULL, answer = taken.answer, error = taken.error, provider_id = taken.provider_id,
    delivered_at = CASE WHEN taken.delivered THEN %(now)s ELSE page.delivered_at END,
    bundle_id = taken.bundle_id,
    told_at = CASE WHEN taken.told THEN %(now)s ELSE page.told_at END,
    instead_of = CASE WHEN taken.via <> page.channel AND page.instead_of = ''
                 THEN page.channel ELSE page.instead_of END,
    channel = taken.via
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(answers)s::text[], %(errors)s::text[],
            %(providers)s::text[], %(delivered)s::boolean[], %(bundles)s::bigint[],
            %(told)s::boolean[], %(vias)s::text[])
  AS taken (id, state, answer, error, provider_id, delivered, bundle_id, told, via)
WHERE page.id = taken.id
"""


def _record_taken(
    taken: list[tuple[Landed, Page]], outs: dict[int, PageOut], now: datetime
) -> None:
    if not taken:
        return
    leads = [one.parcel.page_ids[0] for one, _ in taken]
    delivered = [one.answer.outcome == Outcome.DELIVERED for one, _ in taken]
    states = [
        PageState.BUNDLED
        if page.pk != lead
        else (PageState.DELIVERED if receipt else PageState.SENT)
        for (_, page), lead, receipt in zip(taken, leads, delivered, strict=True)
    ]
    silent = not page_sent.heard
    with connection.cursor() as cursor:
        cursor.execute(
            RECORD_TAKEN,
            {
                "now": now,
                "ids": [page.pk for _, page in taken],
                "states": [str(state) for state in states],
                "answers": [one.answer.text[:500] for one, _ in taken],
                "errors": [one.note[:500] for one, _ in taken],
                "providers": [one.answer.provider_id[:200] for one, _ in taken],
                "delivered": delivered,
                "bundles": [
                    None if page.pk == lead else lead
                    for (_, page), lead in zip(taken, leads, strict=True)
                ],
                "told": [
                    silent or outs[page.page_out_id].purpose != Purpose.PAGE for _, page in taken
                ],
                "vias": [one.via for one, _ in taken],
            },
        )
    reached = [page.page_out_id for _, page in taken]
    PageOut.objects.filter(pk__in=reached, sent_at__isnull=True).update(sent_at=now)
    PageOut.objects.filter(
        pk__in=reached,
        state__in=[PageOutState.WAITING, PageOutState.HELD, PageOutState.UNREACHABLE],
    ).update(state=PageOutState.SENT, reason="")


def _record_not_taken(
    not_taken: list[tuple[Landed, Page]],
    outs: dict[int, PageOut],
    in_force: PagingLimits,
    now: datetime,
) -> None:
    plan = RetryPlan(in_force.retry_seconds, in_force.retry_cap_seconds, in_force.max_tries)
    move_on, beside, patient = [], [], []
    chances: dict[str, float] = {}
    for one, page in not_taken:
        out, answer = outs[page.page_out_id], one.answer
        page.tries += 1
        page.claims = 0
        page.leased_by = ""
        page.lease_until = None
        page.answer = page.error = answer.text[:500]
        # one parcel's pages come back together, as one bundle
        chance = chances.setdefault(f"{one.parcel.lease} {one.parcel.page_ids[0]}", random.random())  # noqa: S311 - spreads retries, guards nothing
        wait = _wait(plan, out, page, answer, chance)
        if wait is not None and page.tries >= plan.max_tries:
            patient.append((out, answer.text))
        if out.state not in OPEN_PAGE_OUTS:
            page.state = PageState.SUPERSEDED
        elif wait is None:
            page.state = PageState.FAILED
            move_on.append((out, answer.text))
        else:
            page.state = PageState.PENDING
            page.next_try_at = now + wait
            if page.tries == in_force.next_method_after:
                beside.append(out)
    Page.objects.bulk_update(
        [page for _, page in not_taken],
        ["state", "next_try_at", "tries", "claims", "leased_by", "lease_until", "answer", "error"],
    )
    for parcel in {one.parcel for one, _ in not_taken}:
        forget_pace(parcel, now)
    for out, why in move_on:
        logger.error("page-out %s: a message was given up: %s", out.pk, why)
        _move_on(out, in_force, now, why)
    for out, why in patient:
        _say_nobody_is_reached(out, in_force, now, why)
    for out in beside:
        _start_next_method(out, now)


def _wait(
    plan: RetryPlan, out: PageOut, page: Page, answer: Answer, chance: float
) -> timedelta | None:
    """How long a failed message waits; None when it is given up, as no page that may still go out is."""
    if answer.outcome != Outcome.TRANSIENT:
        return None
    wait = wait_before_next(plan, page.tries, chance=chance, wish=answer.retry_after)
    if wait is None and out.purpose in KEPT:
        return rare_retry(plan, chance=chance)
    return wait


def _say_nobody_is_reached(out: PageOut, in_force: PagingLimits, now: datetime, why: str) -> None:
    """Every way was tried often enough and none worked: others are called, once. It stays open, and
    goes out when the way is free again: a long outage of the mail server must not swallow a page."""
    if out.state not in OPEN_PAGE_OUTS or out.exhausted_at or _start_next_method(out, now):
        return
    hopeful = Q(state__in=REACHED) | Q(state__in=OPEN_PAGES, tries__lt=in_force.max_tries)
    if out.pages.filter(hopeful).exists():
        return
    out.reason = f"No way has worked yet. The last: {why}"[:300]
    out.exhausted_at = now
    if out.purpose != Purpose.PAGE:
        out.exhaustion_told_at = now
    out.save(update_fields=["reason", "exhausted_at", "exhaustion_told_at"])
    logger.error("page-out %s reaches nobody so far: %s", out.pk, why)


def _move_on(out: PageOut, in_force: PagingLimits, now: datetime, why: str) -> None:
    """One way failed: the next one starts now; when none is left and none worked, that is said."""
    if out.state not in OPEN_PAGE_OUTS or _start_next_method(out, now):
        return
    if out.pages.filter(state__in=[*OPEN_PAGES, *REACHED]).exists():
        return
    _give_up(out, now, f"Every way failed. The last: {why}"[:300])


def _give_up(out: PageOut, now: datetime, reason: str) -> None:
    out.state = PageOutState.UNREACHABLE
    out.reason = reason
    out.exhausted_at = now
    if out.purpose != Purpose.PAGE:
        out.exhaustion_told_at = now
    out.save(update_fields=["state", "reason", "exhausted_at", "exhaustion_told_at"])
    logger.error("page-out %s reaches nobody: %s", out.pk, reason)


def _start_next_method(out: PageOut, now: datetime) -> bool:
    """Brings the next planned message forward, or adds one over a method not used yet."""
    waiting = (
        out.pages.filter(
            state=PageState.PENDING, tries=0, next_try_at__gt=now, sent_at__isnull=True
        )
        .order_by("next_try_at", "position")
        .first()
    )
    if waiting is not None:
        waiting.next_try_at = now
        waiting.save(update_fields=["next_try_at"])
        return True
    if out.purpose not in (Purpose.PAGE, Purpose.NOTE, Purpose.DIGEST) or out.user_id is None:
        return False
    used = list(out.pages.values_list("channel", "instead_of", "address", "lane", "position"))
    known = {(instead or channel, address) for channel, instead, address, _, _ in used} | {
        (channel, address) for channel, _, address, _, _ in used
    }
    methods = methods_of([out.user_id])[out.user_id]
    for way in ways(
        [MethodFacts(m.pk, m.kind, m.channel, m.address) for m in methods],
        [],
        channels=channel_rows(),
        allowed_kinds=out.allowed_kinds,
        sign_in_address=methods[0].user.email if methods else "",
    ):
        if (way.channel, way.address) not in known:
            position = max(row[4] for row in used) + 1
            Page.objects.create(
                page_out=out,
                method_id=way.method_id,
                channel=way.channel,
                instead_of=way.instead_of,
                address=way.address,
                lane=used[0][3],
                position=position,
                state=PageState.PENDING,
                not_before=now,
                next_try_at=now,
                delivery_key=f"{out.key}.{position}",
                created_at=now,
            )
            return True
    return False


def _subject_locked(subject_type: str, subject_id: int) -> bool:
    try:
        subject = subject_named(subject_type)
    except LookupError:
        return True
    return subject.lock(subject_id)


def _announce_sent(page_id: int, now: datetime) -> bool:
    with transaction.atomic():
        page = Page.objects.select_related("page_out").filter(pk=page_id).first()
        if page is None or not _subject_locked(
            page.page_out.subject_type, page.page_out.subject_id
        ):
            return False
        if not Page.objects.filter(pk=page_id, told_at__isnull=True).update(told_at=now):
            return False
        out = page.page_out
        page_sent.announce(
            page_id=page.pk,
            page_out_id=out.pk,
            subject_type=out.subject_type,
            subject_id=out.subject_id,
            user_id=out.user_id,
            channel=page.channel,
            instead_of=page.instead_of,
            address=page.address,
            bundled=page.state == PageState.BUNDLED,
            step_key=out.step_key,
            step_label=out.step_label,
            clause=out.clause,
            round=out.round,
            at=page.sent_at.isoformat() if page.sent_at else now.isoformat(),
            now=now.isoformat(),
        )
    return True


def _announce_exhausted(page_out_id: int, now: datetime) -> bool:
    with transaction.atomic():
        out = PageOut.objects.filter(pk=page_out_id).first()
        if out is None or not _subject_locked(out.subject_type, out.subject_id):
            return False
        untold = Q(exhaustion_told_at__isnull=True, exhausted_at__isnull=False)
        if not PageOut.objects.filter(untold, pk=page_out_id).update(exhaustion_told_at=now):
            return False
        page_exhausted.announce(
            page_out_id=out.pk,
            subject_type=out.subject_type,
            subject_id=out.subject_id,
            user_id=out.user_id,
            step_key=out.step_key,
            step_label=out.step_label,
            clause=out.clause,
            round=out.round,
            severity=out.severity,
            reason=out.reason,
            now=now.isoformat(),
        )
    return True
