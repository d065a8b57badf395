"""Reads of the outbox: the page behind a link, the pages of a subject, what waits and what fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db.models import Count, Min, Prefetch, Q, QuerySet

from deadlines.standing import Kept
from notifications.enums import OPEN_PAGES, PageOutState, PageState, Purpose
from notifications.links import hash_token
from notifications.models import (
    Channel,
    ContactMethod,
    NotificationRule,
    Page,
    PageOut,
    PagingLimits,
)
from notifications.registry import CHANNELS

CALLED = (PageOutState.WAITING, PageOutState.SENT, PageOutState.ANSWERED)


def limits() -> PagingLimits:
    """The limits in force: the row, or the defaults without one. Kept and shared: for reading only."""
    return _limits(None)


@Kept
def _limits(_: None) -> PagingLimits:
    return PagingLimits.objects.first() or PagingLimits(pk=1)


def channel_rows() -> dict[str, Channel]:
    """The channels that are set up, by slug: those with a module that no row turns off."""
    rows = _channels(None)
    found = {
        slug: rows.get(slug) or Channel(slug=slug, name=facts.name)
        for slug, facts in CHANNELS.items()
    }
    return {slug: row for slug, row in found.items() if row.enabled}


@Kept
def _channels(_: None) -> Mapping[str, Channel]:
    return {row.slug: row for row in Channel.objects.all()}


def due_channels(due_by: datetime, *, full: Iterable[str] = ()) -> list[tuple[str, bool]]:
    """The channels that have something due, each with whether it was claimed before without a result.

    Looks at the oldest rows only, leaving out the channels that have no room now.
    """
    oldest = (
        Page.objects.filter(state__in=OPEN_PAGES, next_try_at__lte=due_by)
        .exclude(channel__in=list(full))
        .order_by("next_try_at", "id")
        .values_list("channel", "claims")[:500]
    )
    return sorted({(channel, claims > 0) for channel, claims in oldest})


def page_out_by_token(token: str, now: datetime) -> PageOut | None:
    """The page-out a phone link belongs to; None when it is unknown or expired. One indexed query."""
    return (
        PageOut.objects.select_related("user")
        .filter(token_hash=hash_token(token), purpose=Purpose.PAGE, token_expires_at__gt=now)
        .first()
    )


def page_outs_of(subject_type: str, subject_ids: Iterable[int]) -> QuerySet[PageOut]:
    """The calls about some subjects, oldest first, each with person and pages: three queries."""
    return (
        PageOut.objects.filter(
            subject_type=subject_type, subject_id__in=list(subject_ids), purpose=Purpose.PAGE
        )
        .select_related("user")
        .prefetch_related("pages")
        .order_by("created_at", "id")
    )


def pages_of(subject_type: str, subject_ids: Iterable[int]) -> QuerySet[Page]:
    """The single messages about some subjects, oldest first, with their page-out and person: one query."""
    return (
        Page.objects.filter(
            page_out__subject_type=subject_type,
            page_out__subject_id__in=list(subject_ids),
            page_out__purpose=Purpose.PAGE,
        )
        .select_related("page_out__user")
        .order_by("created_at", "id")
    )


def others_paged(page_out: PageOut) -> QuerySet[PageOut]:
    """Who else is called about the same subject and has not been let off."""
    return (
        PageOut.objects.filter(
            subject_type=page_out.subject_type,
            subject_id=page_out.subject_id,
            purpose=Purpose.PAGE,
            state__in=CALLED,
        )
        .exclude(pk=page_out.pk)
        .exclude(user=page_out.user)
        .select_related("user")
        .order_by("created_at", "id")
    )


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody who is called about a subject and has not been let off."""

    user_id: int
    name: str


def called_about(subject_type: str, subject_ids: Iterable[int]) -> dict[int, list[Called]]:
    """Who is called about each of some subjects, the first called first, each once: one query."""
    rows = (
        PageOut.objects.filter(
            subject_type=subject_type,
            subject_id__in=list(subject_ids),
            purpose=Purpose.PAGE,
            state__in=CALLED,
            user__isnull=False,
        )
        .order_by("created_at", "id")
        .values_list("subject_id", "user_id", "user__name", "user__email")
    )
    found: dict[int, dict[int, Called]] = {}
    for subject_id, user_id, name, email in rows:
        found.setdefault(subject_id, {}).setdefault(user_id, Called(user_id, name or email))
    return {subject_id: list(people.values()) for subject_id, people in found.items()}


def methods_of(user_ids: Iterable[int]) -> Mapping[int, Sequence[ContactMethod]]:
    """The usable methods of some people, in each person's order, with the person.

    Kept and shared: for reading only.
    """
    return _methods(frozenset(user_ids))


@Kept
def _methods(user_ids: frozenset[int]) -> Mapping[int, Sequence[ContactMethod]]:
    found: dict[int, list[ContactMethod]] = {user_id: [] for user_id in user_ids}
    for method in ContactMethod.objects.filter(
        user_id__in=user_ids, enabled=True, verified_at__isnull=False
    ).select_related("user"):
        found[method.user_id].append(method)
    return found


@Kept
def rules_of(user_ids: frozenset[int]) -> Mapping[tuple[int, str], Sequence[NotificationRule]]:
    """Their notification rules, by person and urgency. Kept and shared: for reading only."""
    rules: dict[tuple[int, str], list[NotificationRule]] = {}
    for rule in NotificationRule.objects.filter(user_id__in=user_ids):
        rules.setdefault((rule.user_id, rule.urgency), []).append(rule)
    return rules


@Kept
def active_among(user_ids: frozenset[int]) -> frozenset[int]:
    """Which of the people have not left."""
    people = get_user_model().objects.filter(pk__in=user_ids, is_active=True)
    return frozenset(people.values_list("pk", flat=True))


def kept_as_files(*, user_ids: Iterable[int] | None = None) -> QuerySet[Page]:
    """Messages kept as files, newest first, of some people or of everybody: what `/outbox/` lists.

    A bundled page is shown by the message that spoke for it.
    """
    found = Page.objects.filter(
        channel="file", state__in=[PageState.SENT, PageState.DELIVERED]
    ).exclude(provider_id="")
    if user_ids is not None:
        found = found.filter(page_out__user_id__in=list(user_ids))
    return found.select_related("page_out__user").order_by("-sent_at", "-id")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has not gone out though it should have."""

    overdue: int
    oldest_due_at: datetime | None
    quarantined: int
    failing: dict[str, int]


def backlog(now: datetime, *, grace: timedelta = timedelta(seconds=5)) -> Backlog:
    """Messages due longer than the grace, those in quarantine, and per channel those that keep failing."""
    waiting = Page.objects.filter(state__in=OPEN_PAGES)
    due = waiting.filter(next_try_at__lte=now - grace).aggregate(
        n=Count("id"), oldest=Min("next_try_at")
    )
    failing = waiting.filter(tries__gte=3).values_list("channel").annotate(n=Count("id"))
    return Backlog(
        overdue=due["n"],
        oldest_due_at=due["oldest"],
        quarantined=Page.objects.filter(state=PageState.QUARANTINED).count(),
        failing=dict(failing.values_list("channel", "n")),
    )


def with_attempts(pages: QuerySet[Page]) -> QuerySet[Page]:
    """The pages with all their attempts, in one more query."""
    return pages.prefetch_related(Prefetch("attempts"))


def open_of(subject_type: str, subject_id: int) -> Q:
    """The condition for messages about a subject that may still go out."""
    return Q(
        page_out__subject_type=subject_type, page_out__subject_id=subject_id, state__in=OPEN_PAGES
    )
