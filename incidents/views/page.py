"""An incident's page, and the few parts of it that follow what happens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from directory.models import User
from directory.permissions import Somebody
from incidents.enums import RoleName, Status, UpdateKind
from incidents.models import Incident
from incidents.panels import panels
from incidents.permissions import Verb, visible_to, what_may
from incidents.queries.facts import alert_count, policy_of_incident
from incidents.queries.shown import (
    TIMELINE_SHOWN,
    coming,
    next_called,
    owed_of,
    pages_of,
    running,
    timeline_of,
    version_of,
    what_next,
)

QUICK = ("Looking into it.", "Found the cause.", "A fix is on its way.", "Recovering, watching it.")


def found(ref: str, user: Somebody) -> Incident:
    """The incident as the person may see it; hidden and missing answer alike."""
    incident = (
        visible_to(user)
        .select_related("team__procedure", "lead_service", "owner", "acknowledged_by")
        .filter(ref=ref)
        .first()
    )
    if incident is None:
        raise Http404
    return incident


@require_safe
@login_required
def page(request: HttpRequest, ref: str) -> HttpResponse:
    """The whole page. `?before=` shows the earlier stretch of a long timeline."""
    return render(request, "incidents/page.html", context_of(request, found(ref, request.user)))


def context_of(
    request: HttpRequest,
    incident: Incident,
    *,
    problem: str = "",
    reasons: Any = (),
    tried: str = "",
    typed: Any = None,
) -> dict[str, Any]:
    """What the page shows; after a refused verb also why, and what was typed."""
    now = datetime.now(UTC)
    entries = timeline_of(incident, before=_number(request.GET.get("before", "")))
    may = what_may(request.user, incident)
    context = parts_of(incident, may, now)
    context.update(
        {
            "services": list(incident.services.order_by("name")),
            "roles": list(incident.roles.select_related("user")),
            "entries": entries,
            "earlier": entries[-1].number if entries and entries[-1].number > 1 else None,
            "shown": TIMELINE_SHOWN,
            "pages": pages_of(incident),
            "alerts": alert_count(incident),
            "panels": panels("incident.panel", incident, request.user, now=now),
            "version": version_of(incident),
            "quick": QUICK,
            "problem": problem,
            "reasons": reasons,
            "tried": tried,
            "tried_more": tried in ("severity", "escalate", "roles", "false-positive"),
            "typed": typed or {},
            "procedure_slug": incident.team.procedure.slug,
        }
    )
    return context


def parts_of(incident: Incident, may: frozenset[Verb], now: datetime) -> dict[str, Any]:
    """What both the whole page and its live parts need."""
    policy = policy_of_incident(incident)
    owed = owed_of(incident)
    first_owed = any(item.deadline.kind.endswith("first_update") for item in running(owed))
    return {
        "incident": incident,
        "now": now,
        "severity_row": policy.severity(incident.severity),
        "severities": policy.severities,
        "owed": owed,
        "running": running(owed),
        "coming": coming(owed)[:4],
        "next": what_next(incident, owed),
        "may": {verb.value: True for verb in may},
        "helper": next_called(incident) if incident.active else "",
        "update_kinds": [
            (UpdateKind.FINDINGS.value, "Findings", first_owed),
            (UpdateKind.STATUS.value, "Status", not first_owed),
            ("note", "Note for the record", False),
        ],
        "role_names": [role.value for role in RoleName],
        "undoable": incident.status in (Status.MITIGATED, Status.RESOLVED),
        "people": User.objects.filter(is_active=True)
        .order_by("name")
        .values_list("id", "email", "name"),
    }


@require_safe
@login_required
def live(request: HttpRequest, ref: str) -> HttpResponse:
    """What changed since the version the page shows: 204 when nothing did.

    The timeline gets only the entries it does not have yet; the composer is never touched.
    """
    incident = found(ref, request.user)
    version = version_of(incident)
    if request.GET.get("version") == version:
        return HttpResponse(status=204)
    now = datetime.now(UTC)
    context = parts_of(incident, what_may(request.user, incident), now)
    context.update(
        {
            "entries": timeline_of(incident, after=_number(request.GET.get("entry", "")) or 0),
            "pages": pages_of(incident),
            "version": version,
            "live": True,
            "procedure_slug": incident.team.procedure.slug,
        }
    )
    return render(request, "incidents/live.html", context)


def _number(text: str) -> int | None:
    """An entry's number as it stands in an address; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
