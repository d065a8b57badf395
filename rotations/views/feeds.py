"""The calendars that other programs read: a secret in the address is the authority, and no cookie is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from directory.queries import names_of
from rotations.feeds import Entry, calendar_text, described, mark_of, summary_of
from rotations.models import Feed, Shift
from rotations.queries.own import zone_of
from rotations.services.feeds import use_feed

BACK = timedelta(days=92)
MOST = 10_000


@require_safe
def my_feed(request: HttpRequest) -> HttpResponse:
    """One person's shifts, three months back and as far ahead as they are drawn."""
    return _answer(request, None)


@require_safe
def rota_feed(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody's shifts of a rota."""
    return _answer(request, slug)


def _answer(request: HttpRequest, slug: str | None) -> HttpResponse:
    now = datetime.now(UTC)
    key = request.GET.get("token", "")
    feed = use_feed(key, rota_slug=slug, now=now) if 0 < len(key) < 200 else None
    if feed is None:
        raise Http404
    name, entries = _read(feed, now)
    mark = mark_of(name, entries)
    response = get_conditional_response(request, etag=mark) or HttpResponse(
        calendar_text(name, entries, now=now),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'inline; filename="{slug or "shifts"}.ics"'},
    )
    response["ETag"] = mark
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _read(feed: Feed, now: datetime) -> tuple[str, list[Entry]]:
    own = feed.rota is None
    shifts = list(
        (feed.user.shifts if feed.rota is None else feed.rota.shifts)
        .filter(ends_at__gt=now - BACK)
        .select_related("rota__team", "override")
        .order_by("starts_at", "pk")[:MOST]
    )
    names = names_of(shift.user_id for shift in shifts)
    name = "On call" if feed.rota is None else f"{feed.rota.team.name}: {feed.rota.name}"
    return name, [
        Entry(
            uid=str(shift.uid),
            sequence=shift.sequence,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            summary=summary_of(shift.rota.name, shift.rota.team.name, names, shift.user_id, own),
            description=described(
                shift.starts_at,
                shift.ends_at,
                why=shift.why,
                reason=_reason(shift),
                zone=zone_of(feed.user),
            ),
            url=f"{settings.BASE_URL}{reverse('rotations:rota', args=[shift.rota.slug])}",
            level=shift.level.capitalize(),
        )
        for shift in shifts
    ]


def _reason(shift: Shift) -> str:
    return shift.override.reason if shift.override is not None else ""
