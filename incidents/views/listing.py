"""The list of incidents."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from directory.models import Service
from incidents.enums import Status
from incidents.models import Incident
from incidents.permissions import may_declare, visible_to
from incidents.queries.shown import nearest_clocks
from incidents.rules.lifecycle import OPEN
from procedures.queries import severities_in_force

PER_PAGE = 40
STATUSES = [("open", "Open"), ("all", "All")] + [
    (status.value, status.value.capitalize()) for status in Status
]


@require_safe
@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """Incidents the reader may see, newest first, with filters by status, severity, service and text."""
    wanted = {
        "status": request.GET.get("status", "open"),
        "severity": request.GET.get("severity", ""),
        "service": request.GET.get("service", ""),
        "q": request.GET.get("q", "").replace("\x00", "").strip()[:200],
    }
    number = _number(request.GET.get("page", ""))
    ids = _ids(_filtered(visible_to(request.user), wanted), (number - 1) * PER_PAGE)
    more = len(ids) > PER_PAGE
    named = Incident.objects.select_related("team", "lead_service", "owner")
    rows = list(named.filter(pk__in=ids[:PER_PAGE]).order_by("-opened_at", "-id"))
    clocks = nearest_clocks([row for row in rows if row.status in OPEN])
    return render(
        request,
        "incidents/list.html",
        {
            "rows": [(row, clocks.get(row.pk)) for row in rows],
            "wanted": wanted,
            "filtered": wanted != {"status": "open", "severity": "", "service": "", "q": ""},
            "statuses": STATUSES,
            "severities": [severity.code for severity in severities_in_force()],
            "services": Service.objects.order_by("name").values_list("slug", "name"),
            "number": number,
            "earlier": _link(wanted, number - 1) if number > 1 else "",
            "later": _link(wanted, number + 1) if more else "",
            "may_declare": may_declare(request.user),
        },
    )


def _ids(found: QuerySet[Incident], start: int) -> list[int]:
    """One page's ids and the next one's first. The whole rows of the pages before are never read."""
    ids = found.order_by("-opened_at", "-id").values_list("pk", flat=True)
    return list(ids[start : start + PER_PAGE + 1])


def _filtered(found: QuerySet[Incident], wanted: dict[str, str]) -> QuerySet[Incident]:
    if wanted["status"] == "open":
        found = found.filter(status__in=sorted(OPEN))
    elif wanted["status"] in list(Status):
        found = found.filter(status=wanted["status"])
    if wanted["severity"]:
        found = found.filter(severity=wanted["severity"][:16])
    if wanted["service"]:
        found = found.filter(pk__in=_of_service(wanted["service"][:80]).values("incident_id"))
    if wanted["q"]:
        found = found.filter(Q(title__icontains=wanted["q"]) | Q(ref__icontains=wanted["q"]))
    return found


def _of_service(slug: str) -> QuerySet[Any]:
    """By the service's id, of which the database knows how frequent it is: that decides its plan."""
    ids = list(Service.objects.filter(slug=slug).values_list("pk", flat=True))
    return Incident.services.through.objects.filter(service_id__in=ids)


def _number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 5 else 1


def _link(wanted: dict[str, str], number: int) -> str:
    return "?" + urlencode(
        {**{key: value for key, value in wanted.items() if value}, "page": number}
    )
