"""The phone page of one page-out: no sign-in, no cookie, no script needed. GET changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from incidents.enums import Status, UpdateKind
from incidents.models import Incident
from incidents.permissions import sees
from incidents.queries.facts import policy_of_incident
from incidents.queries.phone import FORETOLD, PhoneFacts, phone_facts
from incidents.queries.shown import next_called, owed_of, running, what_next
from incidents.services.errors import VerbRefused
from incidents.services.phone import answer_from_phone
from notifications.enums import Reply
from notifications.models import PageOut
from notifications.queries import page_out_by_token

TAPS = {
    "Looking into it.": UpdateKind.STATUS,
    "Found the cause.": UpdateKind.FINDINGS,
    "A fix is on its way.": UpdateKind.STATUS,
    "Recovering, watching it.": UpdateKind.STATUS,
}
"""Only what was found is a finding (C40): that somebody looks settles no first update."""


@csrf_exempt  # the secret in the address is the authority: no cookie is read, none is needed
@require_http_methods(["GET", "HEAD", "POST"])
def phone(request: HttpRequest, token: str) -> HttpResponse:
    """What it is and what is owed by when; each button a POST to this very address."""
    now = datetime.now(UTC)
    page_out = page_out_by_token(token, now)
    if page_out is None or page_out.user is None or not page_out.user.is_active:
        return _closed(render(request, "incidents/phone_invalid.html", {"now": now}, status=404))
    facts = phone_facts(page_out, now)
    if facts is not None and not sees(page_out.user, facts.incident):
        return _closed(render(request, "incidents/phone_invalid.html", {"now": now}, status=404))
    problem, typed = "", ""
    if request.method == "POST":
        typed = request.POST.get("text", "")
        kind = TAPS.get(typed) or request.POST.get("kind") or UpdateKind.STATUS
        problem = _press(page_out, request.POST.get("press", ""), typed, kind, now)
        if not problem:
            return _closed(redirect("phone", token=token))
    context = {"page_out": page_out, "token": token, "now": now, "problem": problem, "typed": typed}
    context |= _incident_parts(page_out, facts, now) if facts else {}
    return _closed(render(request, "incidents/phone.html", context, status=409 if problem else 200))


def _press(page_out: PageOut, press: str, text: str, kind: str, now: datetime) -> str:
    """Carries out a button; what went wrong in words, or nothing."""
    if press not in list(Reply):
        return "That button is not known. Nothing was changed."
    try:
        answer_from_phone(page_out, Reply(press), now=now, text=text, kind=kind)
    except VerbRefused as refusal:
        return refusal.message
    except Incident.DoesNotExist:
        return "You are no longer one of those who answer this. Nothing was changed."
    return ""


def _incident_parts(page_out: PageOut, facts: PhoneFacts, now: datetime) -> dict[str, Any]:
    incident = facts.incident
    policy = policy_of_incident(incident)
    owed = owed_of(incident)
    return {
        "incident": incident,
        "facts": facts,
        "zone": ZoneInfo(page_out.user.zone if page_out.user else "UTC"),
        "severity_row": policy.severity(incident.severity),
        "clocks": running(owed)[:2],
        "next": what_next(incident, owed),
        "warn_from": facts.coming.at - FORETOLD if facts.coming else None,
        "helper": next_called(incident) if incident.active else "",
        "taps": list(TAPS),
        "findings_owed": incident.first_update_at is None,
        "over": incident.status in (Status.RESOLVED, Status.CLOSED),
        "mine": incident.owner_id == page_out.user_id,
        "procedure_slug": policy.slug,
    }


def _closed(response: HttpResponse) -> HttpResponse:
    """The address is a secret: it is not passed on, not indexed, not kept."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response["Cache-Control"] = "no-store"
    return response
