"""Swaps: a stretch is chosen, a colleague asked, and answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from deadlines.extension import Actor
from directory.models import User
from directory.permissions import actor_of, may_edit_team
from directory.queries import names_of
from rotations import services
from rotations.forms import SwapForm
from rotations.models import Rota
from rotations.permissions import may_take_over, visible_rotas, visible_swaps
from rotations.queries import suggestions
from rotations.queries.calendar import Held
from rotations.queries.own import people_for, zone_of
from rotations.queries.swaps import to_come
from rotations.services.swaps import StretchBack
from rotations.views.changes import reader_of, rota_of, shown_form
from rotations.views.picture import span_in_words

AHEAD = timedelta(weeks=13)
MOST = 60
STRETCH = re.compile(r"(\d{1,12})-(\d{1,11})-(\d{1,11})")


@require_safe
@login_required
def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """First the stretch: the reader's own to come; a manager gives anybody's."""
    reader, rota, now = reader_of(request), rota_of(request, slug), datetime.now(UTC)
    manager = _may_ask(reader, rota)
    found = [
        one
        for one in to_come([rota], now=now, until=now + AHEAD)
        if manager or one.user_id == reader.pk
    ]
    names, zone = names_of(one.user_id for one in found), zone_of(reader)
    shown = [
        (_key(one), names.get(one.user_id, ""), span_in_words(one.starts_at, one.ends_at, zone))
        for one in found[:MOST]
    ]
    return render(
        request,
        "rotations/swap_choose.html",
        {"rota": rota, "stretches": shown, "manager": manager},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def ask(request: HttpRequest, slug: str, stretch: str) -> HttpResponse:
    """Then the colleague: who is free and has carried least first, each with the reason."""
    reader, rota, now = reader_of(request), rota_of(request, slug), datetime.now(UTC)
    manager, zone = _may_ask(reader, rota), zone_of(reader)
    given = _chosen(stretch, to_come([rota], now=now, until=now + AHEAD))
    if given is None or not (manager or given.user_id == reader.pk):
        raise Http404
    rotas = visible_rotas(reader).filter(team=rota.team_id, active=True).select_related("team")
    backs = [
        one
        for one in to_come(list(rotas.distinct()), now=now, until=now + AHEAD)
        if one.user_id != given.user_id
    ]

    def make(typed: dict[str, Any]) -> str:
        back = _chosen(typed["back"], backs)
        swap = services.ask_swap(
            rota.pk,
            giver_id=given.user_id,
            colleague_id=int(typed["colleague"]),
            starts_at=typed["starts_at"] or given.starts_at,
            ends_at=typed["ends_at"] or given.ends_at,
            back=StretchBack(back.rota_id, back.starts_at, back.ends_at) if back else None,
            note=typed["note"],
            waiver_reason=typed.get("waiver_reason", ""),
            actor=actor_of(reader),
            now=now,
        )
        return f"{swap.colleague} is asked, and told. Until they accept, nothing changes."

    return shown_form(
        request,
        lambda data: SwapForm(
            data,
            colleagues=_colleagues(rota, given, now),
            backs=_grouped(backs, zone),
            manager=manager,
        ),
        make,
        back=("shifts:mine",),
        context={
            "rota": rota,
            "giver": str(User.objects.get(pk=given.user_id)),
            "own": given.user_id == reader.pk,
            "span": span_in_words(given.starts_at, given.ends_at, zone),
        },
        template="rotations/swap_ask.html",
    )


Call = Callable[[int, dict[str, Any], Actor, datetime], Any]
VERBS: dict[str, tuple[Call, str]] = {
    "accept": (
        lambda pk, typed, actor, now: services.accept_swap(pk, actor=actor, now=now),
        "Accepted.",
    ),
    "decline": (
        lambda pk, typed, actor, now: services.decline_swap(
            pk, reason=typed.get("reason", ""), actor=actor, now=now
        ),
        "Declined; who asked is told why.",
    ),
    "withdraw": (
        lambda pk, typed, actor, now: services.withdraw_swap(pk, actor=actor, now=now),
        "Withdrawn.",
    ),
    "approve": (
        lambda pk, typed, actor, now: services.approve_swap(
            pk, waiver_reason=typed.get("waiver_reason", ""), actor=actor, now=now
        ),
        "Approved: the shifts have moved.",
    ),
    "undo": (
        lambda pk, typed, actor, now: services.undo_swap(
            pk, reason=typed.get("reason", ""), actor=actor, now=now
        ),
        "Taken back: both have their own shifts again.",
    ),
}
"""By the last part of the address: the service called, and what is said when it went well."""


@require_POST
@login_required
def answer(request: HttpRequest, swap_id: int, verb: str) -> HttpResponse:
    """Does one thing to a swap and shows My shifts again, with the reason when it was refused."""
    if verb not in VERBS:
        raise Http404
    reader = reader_of(request)
    swap = get_object_or_404(visible_swaps(reader).distinct(), pk=swap_id)
    call, said = VERBS[verb]
    typed = {key: value[:300] for key, value in request.POST.items() if isinstance(value, str)}
    try:
        call(swap.pk, typed, actor_of(reader), datetime.now(UTC))
    except services.RotaRefused as refusal:
        messages.error(request, f"Not done: {refusal.message}")
    else:
        messages.success(request, said)
    return redirect("shifts:mine")


def _may_ask(reader: User, rota: Rota) -> bool:
    """Whether the reader gives anybody's stretch. Refuses who belongs nowhere near the rota."""
    manager = may_edit_team(reader, rota.team_id)
    if not rota.active or not (manager or may_take_over(reader, rota)):
        raise PermissionDenied("Only who belongs to the rota or its team may ask for a swap.")
    return manager


def _colleagues(rota: Rota, given: Held, now: datetime) -> list[tuple[str, str]]:
    """Each person with why they come into question, or not; those nothing is known of last."""
    found = suggestions(rota, starts_at=given.starts_at, ends_at=given.ends_at, now=now)
    names = dict.fromkeys(one.user_id for one in found)
    people = {person.pk: person for person in people_for(rota).exclude(pk=given.user_id)}
    known = [
        (str(one.user_id), f"{people[one.user_id]} {one.said}")
        for one in found
        if one.user_id in people
    ]
    others = [
        (str(pk), f"{person} is in no order of the team")
        for pk, person in people.items()
        if pk not in names
    ]
    return known + others


def _grouped(backs: list[Held], zone: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    names = names_of(one.user_id for one in backs)
    by_name = sorted(backs, key=lambda one: (names.get(one.user_id, ""), one.user_id))
    return [
        (
            names.get(user_id, ""),
            [(_key(one), span_in_words(one.starts_at, one.ends_at, zone)) for one in own],
        )
        for user_id, own in groupby(by_name, key=lambda one: one.user_id)
    ]


def _key(held: Held) -> str:
    """A stretch in an address: its rota, its beginning and its end in seconds."""
    start, end = int(held.starts_at.timestamp()), int(held.ends_at.timestamp())
    return f"{held.rota_id}-{start}-{end}"


def _chosen(key: str, among: list[Held]) -> Held | None:
    return next((one for one in among if STRETCH.fullmatch(key) and _key(one) == key), None)
