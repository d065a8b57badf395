"""What would happen if …: the forecast of the same rules that run incidents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from directory.models import Service, User
from directory.permissions import visible_teams
from incidents.forms import PreviewForm
from incidents.queries.foreseen import Line, folded, lines_of
from incidents.queries.preview import Preview
from incidents.queries.preview import preview as foresee
from procedures.models import ProcedureVersion
from procedures.queries import severities_in_force

WIDTH, LEFT, ROW = 960, 24, 26


@require_safe
@login_required
def preview(request: HttpRequest) -> HttpResponse:
    """The form and, once severity and service are chosen, who is paged when, how, under which clause."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    now = datetime.now(UTC)
    zone = ZoneInfo(request.user.zone)
    severities = severities_in_force()
    asked = bool(request.GET.get("severity") or request.GET.get("service"))
    context: dict[str, Any] = {"now": now, "severities": severities, "asked": asked}
    with timezone.override(zone):
        form = PreviewForm(request.GET if asked else None, severities=tuple(severities))
        form.fields["service"].queryset = Service.objects.filter(  # type: ignore[attr-defined]
            active=True, team__in=visible_teams(request.user)
        ).select_related("team__procedure")
        valid = asked and form.is_valid()
    context["form"] = form
    if valid:
        context |= _answer(form, now, zone)
    return render(request, "incidents/preview.html", context)


def _answer(form: PreviewForm, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    chosen = form.cleaned_data
    if not chosen["severity"]:
        form.add_error("severity", "Choose a severity.")
        return {}
    at = chosen["at"] or now
    try:
        seen = foresee(
            severity=chosen["severity"], kind=chosen["kind"], team=chosen["service"].team,
            services=[chosen["service"]], at=at,
        )  # fmt: skip
    except (LookupError, ProcedureVersion.DoesNotExist):
        form.add_error(
            "severity", "The team of this service has no published procedure with this severity."
        )
        return {}
    lines = lines_of(seen)
    shown, repeats = folded(lines)
    return {
        "seen": seen,
        "lines": shown,
        "repeats": repeats,
        "at": at,
        "picture": picture(seen, lines, zone),
        "procedure_slug": seen.team.procedure.slug,
    }


def picture(seen: Preview, lines: list[Line], zone: ZoneInfo) -> dict[str, Any]:
    """The forecast as marks on one bar of time: positions in the units of the drawing."""
    length = max((seen.until - seen.at).total_seconds(), 1)
    marks = []
    for line in lines:
        share = min((line.goes_out_at - seen.at).total_seconds() / length, 1)
        marks.append(
            {"x": round(LEFT + share * (WIDTH - 2 * LEFT), 1), "line": line, "y": _height(line)}
        )
    return {
        "marks": marks,
        "width": WIDTH,
        "left": LEFT,
        "right": WIDTH - LEFT,
        "height": 90,
        "first": f"{seen.at.astimezone(zone):%H:%M}",
        "last": f"{seen.until.astimezone(zone):%a %d %b %H:%M}",
    }


def _height(line: Line) -> int:
    return {"page": 30, "hole": 30, "duty": 52, "act": 52}[line.sort]
