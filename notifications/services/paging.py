"""Calling people: rows only, in the caller's transaction, with the subject locked by the caller."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from deadlines.rows import insert_all, insert_missing
from deadlines.standing import one_look
from notifications import nudge
from notifications.enums import (
    OPEN_PAGE_OUTS,
    OPEN_PAGES,
    Lane,
    PageOutState,
    PageState,
    Purpose,
    Reply,
    Urgency,
)
from notifications.events import page_answered
from notifications.links import derive_token, hash_token, new_salt
from notifications.models import ContactMethod, Page, PageOut, PagingLimits
from notifications.queries import active_among, channel_rows, limits, methods_of, rules_of
from notifications.rules.routing import MethodFacts, RuleFacts, Way, ways


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Call this person about this subject, for this step of the path.

    `held_until` keeps the messages back until then, visibly. `allowed_kinds` limits the kinds of
    contact methods ("pager", "phone"). A `collapsed` request is recorded and sends nothing: it fell
    due while the portal was down and a later step speaks for it.
    """

    user_id: int
    subject_type: str
    subject_id: int
    step_key: str
    step_label: str
    clause: str
    round: int = 0
    urgency: Urgency = Urgency.HIGH
    severity: str = ""
    team_id: int | None = None
    held_until: datetime | None = None
    allowed_kinds: Collection[str] | None = None
    collapsed: bool = False


def page_people(requests: Sequence[PageRequest], *, now: datetime) -> list[PageOut]:
    """Puts pages into the outbox, all with the same creation time; they are sent after the commit.

    Returns one page-out per request, in the requests' order; said twice, the second call finds the
    first one's rows and adds nothing. A person without any way to be reached, or no longer active,
    comes back "unreachable": the caller goes on to the next person. Two requests for the same
    person, subject, step and round are one.

    Honours C14, C57, C64 (held), C78 (one dispatch time), X1 (a method not set up is stood in for).
    """
    if not requests:
        return []
    with one_look():
        in_force = limits()
        reach = _Reach({request.user_id for request in requests})
    new = {_place(request): _page_out(request, reach, in_force, now) for request in requests}
    inserted = {row.key for row in insert_missing(list(new.values()), known_by="key")}
    found = {place: row for place, row in new.items() if row.key in inserted}
    pages = [
        page
        for request in {_place(request): request for request in requests}.values()
        if _place(request) in found
        for page in _pages(found[_place(request)], reach.ways_of(request), now)
    ]
    if pages:
        insert_all(pages, known_by="delivery_key")
        nudge.after_commit()
    if len(found) < len(new):
        found |= _said_before(requests)
    return [found[_place(request)] for request in requests]


def _said_before(requests: Sequence[PageRequest]) -> dict[Place, PageOut]:
    rows = PageOut.objects.filter(
        subject_type__in={request.subject_type for request in requests},
        subject_id__in={request.subject_id for request in requests},
        step_key__in={request.step_key for request in requests},
        user_id__in={request.user_id for request in requests},
        address="",
    ).select_related("user")
    return {
        (row.subject_type, row.subject_id, row.step_key, row.round, row.user_id): row
        for row in rows
    }


def supersede(
    subject_type: str,
    subject_id: int,
    *,
    now: datetime,
    reason: str,
    step_keys: Iterable[str] | None = None,
    user_ids: Iterable[int] | None = None,
) -> int:
    """From this commit on nothing more goes out about the subject; returns how many calls it ended.

    A message that is being handed over at this very moment may still arrive, and is recorded; one
    that waits, is held or would be tried again does not. Notes and digests are not touched.
    """
    chosen = PageOut.objects.filter(
        subject_type=subject_type,
        subject_id=subject_id,
        purpose=Purpose.PAGE,
        state__in=OPEN_PAGE_OUTS,
    )
    if step_keys is not None:
        chosen = chosen.filter(step_key__in=list(step_keys))
    if user_ids is not None:
        chosen = chosen.filter(user_id__in=list(user_ids))
    with transaction.atomic():
        ids = list(
            chosen.order_by("id").select_for_update(no_key=True).values_list("id", flat=True)
        )
        PageOut.objects.filter(pk__in=ids).update(
            state=PageOutState.SUPERSEDED, reason=reason[:300]
        )
        _end_waiting(ids, reason)
    return len(ids)


def release_held(now: datetime) -> int:
    """Held messages whose time has come wait to be sent like any other; returns how many."""
    with transaction.atomic():
        ids = list(
            PageOut.objects.filter(
                state=PageOutState.HELD,
                pages__state=PageState.HELD,
                pages__next_try_at__lte=now,
            )
            .order_by("id")
            .select_for_update(skip_locked=True, no_key=True, of=("self",))
            .values_list("id", flat=True)
        )
        if not ids:
            return 0
        PageOut.objects.filter(pk__in=ids).update(state=PageOutState.WAITING)
        released = Page.objects.filter(page_out_id__in=ids, state=PageState.HELD).update(
            state=PageState.PENDING
        )
        nudge.after_commit()
    return released


def answer_page(page_out_id: int, answer: Reply, *, now: datetime) -> PageOut:
    """Records what a person said and announces `page_answered`; the caller has locked the subject.

    The same answer given again changes nothing and announces nothing. An acknowledgment keeps its
    first instant, whatever is said later. What is still waiting for this person is not sent.
    Honours C39 (the stop event).
    """
    with transaction.atomic():
        page_out = (
            PageOut.objects.select_for_update(of=("self",))
            .select_related("user")
            .get(pk=page_out_id)
        )
        if page_out.answer == answer:
            return page_out
        page_out.answer = answer
        page_out.answered_at = now
        page_out.state = PageOutState.ANSWERED
        if answer == Reply.ACKNOWLEDGED and page_out.acknowledged_at is None:
            page_out.acknowledged_at = now
        page_out.save(update_fields=["answer", "answered_at", "state", "acknowledged_at"])
        _end_waiting([page_out.pk], f"answered: {answer}")
        page_answered.announce(
            page_out_id=page_out.pk,
            subject_type=page_out.subject_type,
            subject_id=page_out.subject_id,
            user_id=page_out.user_id,
            answer=str(answer),
            now=now.isoformat(),
        )
    return page_out


def mark_opened(page_out_id: int, *, now: datetime) -> None:
    """Remembers when a link was first followed. A mail scanner may have done that: it proves nothing."""
    PageOut.objects.filter(pk=page_out_id, opened_at__isnull=True).update(opened_at=now)


def retry_page(page_id: int, *, now: datetime) -> bool:
    """A quarantined or failed message gets another go at once; False when it is neither any more."""
    with transaction.atomic():
        page_out = (
            PageOut.objects.select_for_update(no_key=True)
            .filter(pages=page_id, state__in=[*OPEN_PAGE_OUTS, PageOutState.UNREACHABLE])
            .first()
        )
        if page_out is None:
            return False
        changed = Page.objects.filter(
            pk=page_id, state__in=[PageState.QUARANTINED, PageState.FAILED]
        ).update(state=PageState.PENDING, claims=0, tries=0, next_try_at=now)
        if changed and page_out.state == PageOutState.UNREACHABLE:
            page_out.state, page_out.reason = PageOutState.WAITING, ""
            page_out.save(update_fields=["state", "reason"])
        nudge.after_commit()
    return bool(changed)


def _end_waiting(page_out_ids: Collection[int], reason: str) -> None:
    """Messages not handed over yet are not sent; one in flight is looked at again when it comes back."""
    ids = list(
        Page.objects.filter(page_out_id__in=page_out_ids, state__in=OPEN_PAGES)
        .exclude(state=PageState.SENDING)
        .order_by("id")
        .select_for_update()
        .values_list("id", flat=True)
    )
    Page.objects.filter(pk__in=ids).update(state=PageState.SUPERSEDED, error=reason[:500])


Place = tuple[str, int, str, int, int | None]


def _place(request: PageRequest) -> Place:
    return (
        request.subject_type,
        request.subject_id,
        request.step_key,
        request.round,
        request.user_id,
    )


class _Reach:
    """The ways to reach some people."""

    def __init__(self, user_ids: Collection[int]) -> None:
        ids = frozenset(user_ids)
        self.channels = channel_rows()
        self.methods = methods_of(ids)
        self.rules = rules_of(ids)
        self.active = active_among(ids)

    def ways_of(self, request: PageRequest) -> list[Way]:
        methods = self.methods[request.user_id]
        if request.collapsed or request.user_id not in self.active:
            return []
        return ways(
            [_facts(method) for method in methods],
            [
                RuleFacts(rule.method_id, rule.after_seconds)
                for rule in self.rules.get((request.user_id, request.urgency), ())
            ],
            channels=self.channels,
            allowed_kinds=request.allowed_kinds,
            sign_in_address=methods[0].user.email if methods else "",
        )

    def why_not(self, request: PageRequest) -> str:
        if request.user_id not in self.active:
            return "The person is no longer active."
        return "The person has no verified contact method."


def _facts(method: ContactMethod) -> MethodFacts:
    return MethodFacts(method.pk, method.kind, method.channel, method.address)


def _page_out(
    request: PageRequest, reach: _Reach, in_force: PagingLimits, now: datetime
) -> PageOut:
    held = request.held_until if request.held_until and request.held_until > now else None
    state, reason = PageOutState.HELD if held else PageOutState.WAITING, ""
    if request.collapsed:
        state, reason = PageOutState.COLLAPSED, "A later step speaks for it: the portal was down."
    elif not reach.ways_of(request):
        state, reason = PageOutState.UNREACHABLE, reach.why_not(request)
    key, salt = uuid.uuid4(), new_salt()
    return PageOut(
        key=key,
        purpose=Purpose.PAGE,
        subject_type=request.subject_type,
        subject_id=request.subject_id,
        user_id=request.user_id,
        team_id=request.team_id,
        step_key=request.step_key,
        step_label=request.step_label[:200],
        clause=request.clause,
        round=request.round,
        urgency=request.urgency,
        severity=request.severity,
        allowed_kinds=None if request.allowed_kinds is None else sorted(request.allowed_kinds),
        state=state,
        reason=reason,
        created_at=now,
        held_until=held,
        token_salt=salt,
        token_hash=hash_token(derive_token(key, salt)),
        token_expires_at=(held or now) + timedelta(days=in_force.link_days),
    )


def _pages(page_out: PageOut, found: list[Way], now: datetime) -> list[Page]:
    start = page_out.held_until or now
    lane = Lane.HIGH if page_out.urgency == Urgency.HIGH else Lane.LOW
    return [
        Page(
            page_out=page_out,
            method_id=way.method_id,
            channel=way.channel,
            instead_of=way.instead_of,
            address=way.address,
            lane=lane,
            position=position,
            state=PageState.HELD if page_out.held_until else PageState.PENDING,
            not_before=start + timedelta(seconds=way.after_seconds),
            next_try_at=start + timedelta(seconds=way.after_seconds),
            delivery_key=f"{page_out.key}.{position}",
            created_at=now,
        )
        for position, way in enumerate(found)
    ]
