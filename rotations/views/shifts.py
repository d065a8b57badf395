"""My shifts: what is to come, what was asked, when I am away, and the calendars that read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from directory.models import User
from directory.permissions import actor_of
from rotations.models import Feed, Override, Rota, TimeOff
from rotations.permissions import visible_rotas
from rotations.queries.calendar import Line, lines_of
from rotations.queries.fairness import facts_of_held
from rotations.queries.own import rotas_of, zone_of
from rotations.queries.swaps import swaps_shown
from rotations.rules.fairness import Load, Times, loads
from rotations.services.feeds import make_feed, revoke_feed
from rotations.views.picture import Entry, Teller

AHEAD = timedelta(weeks=26)
CARRIED = timedelta(weeks=13)
MOST = 60


@require_safe
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What the reader holds in the half year to come, and everything about it that they may change."""
    return render(request, "rotations/mine.html", context_of(request))


def context_of(request: HttpRequest) -> dict[str, Any]:
    """What the page shows."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    now = datetime.now(UTC)
    lines = _own_lines(request.user, now)
    shifts = _to_come(lines, request.user, now)
    return {
        "shifts": shifts[:MOST],
        "more": len(shifts) > MOST,
        "carried": _carried(lines, request.user, now),
        "weeks": CARRIED // timedelta(weeks=1),
        "feeds": list(
            Feed.objects.filter(user=request.user, revoked_at=None).select_related("rota__team")
        ),
        "swaps": swaps_shown(request.user, now=now),
        "time_off": list(
            TimeOff.objects.filter(user=request.user, ends_at__gt=now).order_by("starts_at", "pk")
        ),
        "now": now,
    }


def _own_lines(user: User, now: datetime) -> list[Line]:
    """What the person held and will hold, rota by rota."""
    rotas = list(rotas_of(user, since=now - CARRIED).select_related("team"))
    return [
        Line(line.rota, tuple(one for one in line.held if one.user_id == user.pk), ())
        for line in lines_of(rotas, start=now - CARRIED, end=now + AHEAD, now=now)
    ]


def _to_come(lines: Sequence[Line], user: User, now: datetime) -> list[tuple[Rota, Entry]]:
    """The person's stretches from now on, by their start."""
    teller = _teller(lines, user, now)
    found = [(line.rota, one) for line in lines for one in teller.entries(line, now, now + AHEAD)]
    return sorted(found, key=lambda one: (one[1].starts_at, one[0].pk))


def _carried(lines: Sequence[Line], user: User, now: datetime) -> Load:
    """What the person carried lately on all rotas, in their own zone; holidays differ by team and are left out."""
    shifts = [fact for line in lines for fact in facts_of_held(line.held, line.rota.level)]
    times = Times(zone=zone_of(user).key)
    return loads(shifts, (), times, start=now - CARRIED, end=now).get(user.pk, Load())


@require_POST
@login_required
def new_feed(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Makes the address under which a calendar reads one's shifts, or a rota's; shown this once."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    rota = None if slug is None else get_object_or_404(visible_rotas(request.user), slug=slug)
    feed, key = make_feed(
        rota_id=rota.pk if rota else None, actor=actor_of(request.user), now=datetime.now(UTC)
    )
    path = reverse("rotations:feed", args=[slug]) if slug else reverse("shifts:feed")
    return render(
        request,
        "rotations/feed.html",
        {"feed": feed, "rota": rota, "address": f"{settings.BASE_URL}{path}?token={key}"},
    )


@require_POST
@login_required
def revoke(request: HttpRequest, feed_id: int) -> HttpResponse:
    """Ends one of the reader's feeds."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    feed = get_object_or_404(Feed.objects.filter(user=request.user), pk=feed_id)
    revoke_feed(feed.pk, actor=actor_of(request.user), now=datetime.now(UTC))
    messages.success(request, "Revoked: calendars that read this address get nothing any more.")
    return redirect("shifts:mine")


def _teller(lines: Iterable[Line], user: User, now: datetime) -> Teller:
    overrides = {one.override_id for line in lines for one in line.held if one.override_id}
    return Teller(
        names={user.pk: str(user)},
        overrides=Override.objects.select_related("created_by").in_bulk(overrides),
        reader_id=user.pk,
        zone=zone_of(user),
        now=now,
    )
