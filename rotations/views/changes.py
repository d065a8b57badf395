"""Every button of the rotas' pages: one POST, one service; refused, the page says why and keeps what was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from directory.models import User
from directory.permissions import actor_of, may_edit_team
from directory.queries import names_of
from rotations import services
from rotations.forms import DaysForm, OverrideForm, TimeOffForm
from rotations.models import Override, Rota, TimeOff
from rotations.permissions import may_remove, may_take_over, people_edited_by, visible_rotas
from rotations.queries import on_call_of
from rotations.queries.own import people_for, zone_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def take_over(request: HttpRequest, slug: str) -> HttpResponse:
    """Pressed, the pager is the reader's at once (C22). Opened by itself: whose it is, until when, who is told."""
    reader, rota, now = reader_of(request), rota_of(request, slug), datetime.now(UTC)
    if not rota.active or not may_take_over(reader, rota):
        raise PermissionDenied("Only who belongs to the rota or its team may take it over.")
    problem = ""
    if request.method == "POST":
        try:
            override = services.take_over(rota.pk, actor=actor_of(reader), now=now)
        except services.RotaRefused as refusal:
            problem = refusal.message
        else:
            messages.success(
                request,
                "You are on call now. It can be taken back under “Changes to the turns”."
                if override
                else "You are on call already.",
            )
            return redirect("rotations:rota", slug=slug)
    held = on_call_of(Rota.objects.filter(pk=rota.pk), at=now)
    context = {
        "rota": rota,
        "held": held[0] if held else None,
        "holder": names_of([held[0].user_id]).get(held[0].user_id, "") if held else "",
        "mine": bool(held and held[0].user_id == reader.pk),
        "problem": problem,
        "now": now,
    }
    return render(request, "rotations/take_over.html", context, status=409 if problem else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def override(request: HttpRequest, slug: str) -> HttpResponse:
    """Somebody else, or nobody, on the rota for a while: for managers; oneself for who belongs to it."""
    reader, rota, now = reader_of(request), rota_of(request, slug), datetime.now(UTC)
    manager = may_edit_team(reader, rota.team_id)
    if not rota.active or not (manager or may_take_over(reader, rota)):
        raise PermissionDenied("Only who belongs to the rota or its team may be put on it.")

    def make(typed: dict[str, Any]) -> str:
        services.add_override(
            rota.pk,
            user_id=typed["user"] if manager else reader.pk,
            starts_at=typed["starts_at"],
            ends_at=typed["ends_at"],
            reason=typed["reason"],
            waiver_reason=typed.get("waiver_reason", ""),
            actor=actor_of(reader),
            now=now,
        )
        return "The override stands. Whose shifts changed are told."

    return shown_form(
        request,
        lambda data: OverrideForm(data, people=people_for(rota), manager=manager),
        make,
        back=("rotations:rota", slug),
        context={
            "rota": rota,
            "title": "Put somebody on this rota for a while" if manager else "Take a part of this rota",
            "said": "It goes above the turns and every earlier override, and the roster is proved before it stands."
            + ("" if manager else " It puts you on call."),
            "press": "Make the override",
        },
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def days(request: HttpRequest, slug: str) -> HttpResponse:
    """Several overrides in one stroke, such as a holiday plan: all or none, proved once, people told once."""
    reader, rota, now = reader_of(request), rota_of(request, slug), datetime.now(UTC)
    if not rota.active or not may_edit_team(reader, rota.team_id):
        raise PermissionDenied("Only the team's manager plans several days at once.")

    def make(typed: dict[str, Any]) -> str:
        made = services.add_overrides(
            [
                services.OverrideWanted(
                    rota.pk, int(who) if who else None, starts_at, ends_at, typed["reason"]
                )
                for who, starts_at, ends_at in typed["wanted"]
            ],
            waiver_reason=typed["waiver_reason"],
            actor=actor_of(reader),
            now=now,
        )
        return f"{len(made)} override{'s stand' if len(made) > 1 else ' stands'}. Whose shifts changed are told."

    return shown_form(
        request,
        lambda data: DaysForm(data, people=people_for(rota)),
        make,
        back=("rotations:rota", slug),
        context={
            "rota": rota,
            "title": "Plan several days",
            "said": "For a holiday season and the like: all of it stands or none of it, the roster is proved once,"
            " and each person is told once. Where rows overlap the later one counts.",
            "press": "Make the overrides",
            "in_rows": True,
        },
    )  # fmt: skip


@require_POST
@login_required
def remove_override(request: HttpRequest, slug: str, override_id: int) -> HttpResponse:
    """Takes an override back; one that runs ends now."""
    reader, rota = reader_of(request), rota_of(request, slug)
    found = get_object_or_404(Override.objects.select_related("rota"), pk=override_id, rota=rota)
    if not may_remove(reader, found):
        raise PermissionDenied
    try:
        services.remove_override(found.pk, actor=actor_of(reader), now=datetime.now(UTC))
    except services.RotaRefused as refusal:
        messages.error(request, f"Not done: {refusal.message}")
    else:
        messages.success(request, "Taken back. Whose shifts changed are told.")
    return redirect("rotations:rota", slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def time_off(request: HttpRequest) -> HttpResponse:
    """When the reader, or one of a manager's people, is away. Refused with the shifts to hand over first."""
    reader, now = reader_of(request), datetime.now(UTC)
    people = people_edited_by(reader)
    manager = people.exclude(pk=reader.pk).exists()

    def make(typed: dict[str, Any]) -> str:
        who = typed["user"] if manager else reader
        services.add_time_off(
            who.pk, starts_at=typed["starts_at"], ends_at=typed["ends_at"], reason=typed["reason"],
            waiver_reason=typed.get("waiver_reason", ""), actor=actor_of(reader), now=now,
        )  # fmt: skip
        return "Written down. No rota puts this person on call meanwhile unnoticed."

    everybody = User.objects.filter(is_active=True).filter(pk__in=[reader.pk])
    everybody |= User.objects.filter(is_active=True, pk__in=people.values("pk"))
    return shown_form(
        request,
        lambda data: TimeOffForm(
            data, people=everybody.order_by("name", "pk"), manager=manager, initial={"user": reader.pk}
        ),
        make,
        back=("shifts:mine",),
        context={
            "title": "Time off",
            "said": "Nobody is put on call while away: shifts in it are handed over first.",
            "press": "Write it down",
        },
    )  # fmt: skip


@require_POST
@login_required
def remove_time_off(request: HttpRequest, time_off_id: int) -> HttpResponse:
    """Takes time off back; what runs ends now."""
    reader = reader_of(request)
    found = get_object_or_404(TimeOff.objects.filter(user=reader), pk=time_off_id)
    try:
        services.remove_time_off(found.pk, actor=actor_of(reader), now=datetime.now(UTC))
    except services.RotaRefused as refusal:
        messages.error(request, f"Not done: {refusal.message}")
    else:
        messages.success(request, "Taken back.")
    return redirect("shifts:mine")


def shown_form(
    request: HttpRequest,
    form_of: Callable[[Any], forms.Form],
    make: Callable[[dict[str, Any]], str],
    *,
    back: tuple[str, ...],
    context: dict[str, Any],
    template: str = "rotations/change.html",
) -> HttpResponse:
    """Shows the form, or does what it asks and goes back; refused, shows it again with the breaches."""
    breaches: tuple[Any, ...] = ()
    with timezone.override(zone_of(reader_of(request))):
        form = form_of(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                done = make(form.cleaned_data)
            except services.RotaRefused as refusal:
                form.add_error(None, refusal.message)
                breaches = getattr(refusal, "breaches", ())
            else:
                messages.success(request, done)
                return redirect(back[0], *back[1:])
        bad = request.method == "POST"
        return render(
            request,
            template,
            {"form": form, "breaches": breaches, "back": back, **context},
            status=409 if bad else 200,
        )


def reader_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    return request.user


def rota_of(request: HttpRequest, slug: str) -> Rota:
    return get_object_or_404(visible_rotas(request.user).select_related("team"), slug=slug)
