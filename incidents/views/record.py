"""The incident's record as a PDF, for those who audit."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from incidents.models import TimelineEntry
from incidents.queries.facts import policy_of_incident
from incidents.queries.shown import owed_of, pages_of
from incidents.views.page import found
from procedures.paper import PaperFailed, to_pdf

MOST_ENTRIES = 2000


@require_safe
@login_required
def record_pdf(request: HttpRequest, ref: str) -> HttpResponse:
    """Facts, promises with their clauses, pages and the whole timeline, in UTC."""
    incident = found(ref, request.user)
    html = render_to_string(
        "incidents/record.html",
        {
            "incident": incident,
            "severity_row": policy_of_incident(incident).severity(incident.severity),
            "services": list(incident.services.order_by("name")),
            "roles": list(incident.roles.select_related("user")),
            "owed": owed_of(incident),
            "pages": list(reversed(pages_of(incident, limit=500))),
            "entries": list(
                TimelineEntry.objects.filter(incident=incident).order_by("number")[:MOST_ENTRIES]
            ),
            "now": datetime.now(UTC),
            "zone": ZoneInfo("UTC"),
            "reader": request.user,
        },
    )
    try:
        pdf = to_pdf(html)
    except PaperFailed as failure:
        return render(
            request,
            "incidents/record_failed.html",
            {"incident": incident, "failure": str(failure)},
            status=503,
        )
    return HttpResponse(
        pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{incident.ref}.pdf"'},
    )
