"""Declaring an incident: the criteria as hints, and whom it wakes before anybody is woken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from directory.models import Service, User
from directory.permissions import actor_of
from incidents.forms import DeclareForm
from incidents.permissions import may_declare
from incidents.queries.foreseen import lines_of, woken_at_once
from incidents.queries.preview import Preview, preview
from incidents.rules.severity import severity_of
from incidents.services import DeclareFacts, VerbRefused, declare
from procedures.models import ProcedureVersion
from procedures.queries import severities_in_force
from procedures.rules.policy import Severity


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def declaring(request: HttpRequest) -> HttpResponse:
    """The form. `look` says whom it would wake and declares nothing; `declare` declares."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    if not may_declare(request.user):
        raise PermissionDenied
    now = datetime.now(UTC)
    severities = severities_in_force()
    with timezone.override(ZoneInfo(request.user.zone)):
        form = DeclareForm(
            request.POST if request.method == "POST" else None,
            severities=tuple(severities),
            initial={"service": request.GET.get("service", "")},
        )
        valid = request.method == "POST" and form.is_valid()
    looking = request.method == "POST" and request.POST.get("press") == "look"
    readings = readings_of(request, severities)
    if valid and not looking:
        try:
            incident = declare(facts_of_form(form, readings), actor=actor_of(request.user), now=now)
        except VerbRefused as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(
                request, f"{incident.ref} is declared. Its clocks run.", extra_tags="declare"
            )
            return redirect(incident)
    context: dict[str, Any] = {
        "form": form,
        "severities": severities,
        "readings": readings,
        "looking": looking,
        "now": now,
        "services": Service.objects.filter(active=True).select_related("team").order_by("name"),
        "chosen": request.POST.getlist("services"),
    }
    seen = whom_it_wakes(form, readings, severities, now) if request.method == "POST" else None
    if seen is not None:
        context |= {"seen": seen, "lines": lines_of(seen)[:8], "woken": woken_at_once(seen)}
    context["judged"] = severity_of(severities, readings)
    if request.headers.get("HX-Request") and looking:
        return render(request, "incidents/parts/wakes.html", context)
    bad = request.method == "POST" and bool(form.errors) and not looking
    return render(request, "incidents/declare.html", context, status=409 if bad else 200)


def readings_of(request: HttpRequest, severities: list[Severity]) -> dict[str, float | bool]:
    """The ticked criteria and the numbers typed beside those that have one."""
    readings: dict[str, float | bool] = {}
    ticked = set(request.POST.getlist("criteria"))
    for severity in severities:
        for criterion in severity.criteria:
            if criterion.key in ticked:
                readings[criterion.key] = True
    return readings


def facts_of_form(form: DeclareForm, readings: dict[str, float | bool]) -> DeclareFacts:
    typed = form.cleaned_data
    lead = typed["service"]
    others = [service.pk for service in typed["services"] if service.pk != lead.pk]
    return DeclareFacts(
        title=typed["title"],
        severity=typed["severity"],
        services=[lead.pk, *others],
        kind=typed["kind"],
        started_at=typed["started_at"],
        user_facing=typed["user_facing"],
        criteria=readings,
        drill=typed["drill"],
        summary=typed["summary"],
    )


def whom_it_wakes(
    form: DeclareForm, readings: dict[str, float | bool], severities: list[Severity], now: datetime
) -> Preview | None:
    """The forecast for what is filled in so far; None while the service or the severity is missing."""
    typed = getattr(form, "cleaned_data", {})
    judged = severity_of(severities, readings)
    said = next((one for one in severities if one.code == typed.get("severity")), None)
    ranked = [one for one in (said, judged[0] if judged else None) if one is not None]
    if not ranked or not typed.get("service") or not typed.get("kind"):
        return None
    worst = min(ranked, key=lambda one: one.rank)
    services = [
        typed["service"],
        *[one for one in typed.get("services") or [] if one != typed["service"]],
    ]
    try:
        return preview(
            severity=worst.code,
            kind=typed["kind"],
            team=services[0].team,
            services=services,
            at=now,
        )
    except (LookupError, ProcedureVersion.DoesNotExist):
        return None
