"""Every button of an incident's page: one POST, one service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from deadlines.extension import Actor
from directory.models import User
from directory.permissions import actor_of
from incidents import services
from incidents.models import Incident
from incidents.permissions import Verb, what_may
from incidents.queries.facts import policy_of_incident, staff_for
from incidents.services.errors import Forbidden, GatesUnmet, VerbRefused
from incidents.views.page import context_of, found

Call = Callable[[int, QueryDict, Actor, datetime], Any]


def _update(incident_id: int, typed: QueryDict, actor: Actor, now: datetime) -> Any:
    text, kind = typed.get("text", ""), typed.get("kind", "status")
    if kind == "note":
        return services.add_note(incident_id, text=text, actor=actor, now=now)
    return services.post_update(incident_id, text=text, kind=kind, actor=actor, now=now)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


VERBS: dict[str, tuple[Call, str]] = {
    "acknowledge": (
        lambda pk, typed, actor, now: services.acknowledge(pk, actor=actor, now=now),
        "You have it. The paging has stopped; the clock of the resolution goes on.",
    ),
    "update": (_update, "Posted."),
    "need-help": (
        lambda pk, typed, actor, now: services.need_help(pk, actor=actor, now=now),
        "Help is called.",
    ),
    "cannot-take": (
        lambda pk, typed, actor, now: services.cannot_take(pk, actor=actor, now=now),
        "Understood. The next one is paged; you are not paged again.",
    ),
    "escalate": (
        lambda pk, typed, actor, now: services.escalate(
            pk, to=typed.get("to") or None, reason=typed.get("reason", ""), actor=actor, now=now
        ),
        "Escalated.",
    ),
    "all-hands": (
        lambda pk, typed, actor, now: services.all_hands(pk, actor=actor, now=now),
        "The whole team is paged.",
    ),
    "mitigate": (
        lambda pk, typed, actor, now: services.mitigate(
            pk, note=typed.get("note", ""), waive=typed.get("waive", ""), actor=actor, now=now
        ),
        "Mitigated. The clock of the resolution stands still; updates are owed until it is resolved.",
    ),
    "relapse": (
        lambda pk, typed, actor, now: services.relapse(
            pk, note=typed.get("note", ""), actor=actor, now=now
        ),
        "It is back. The clocks go on with the time already used.",
    ),
    "resolve": (
        lambda pk, typed, actor, now: services.resolve(
            pk, note=typed.get("note", ""), waive=typed.get("waive", ""), actor=actor, now=now
        ),
        "Resolved.",
    ),
    "reopen": (
        lambda pk, typed, actor, now: services.reopen(
            pk, reason=typed.get("reason", ""), actor=actor, now=now
        ),
        "Reopened.",
    ),
    "undo": (
        lambda pk, typed, actor, now: services.undo(
            pk, note=typed.get("note", ""), actor=actor, now=now
        ),
        "Taken back.",
    ),
    "close": (
        lambda pk, typed, actor, now: services.close(
            pk, note=typed.get("note", ""), waive=typed.get("waive", ""), actor=actor, now=now
        ),
        "Closed.",
    ),
    "severity": (
        lambda pk, typed, actor, now: services.set_severity(
            pk,
            severity=typed.get("severity", ""),
            reason=typed.get("reason", ""),
            actor=actor,
            now=now,
        ),
        "The severity is changed and what is still owed is planned anew.",
    ),
    "major": (
        lambda pk, typed, actor, now: services.mark_major(
            pk, reason=typed.get("reason", ""), actor=actor, now=now
        ),
        "Written down.",
    ),
    "false-positive": (
        lambda pk, typed, actor, now: services.mark_false_positive(
            pk, reason=typed.get("reason", ""), actor=actor, now=now
        ),
        "Marked as a false positive.",
    ),
    "roles": (
        lambda pk, typed, actor, now: services.assign_role(
            pk,
            role=typed.get("role", ""),
            user_id=_number(typed.get("user", "")),
            actor=actor,
            now=now,
        ),
        "The role is assigned.",
    ),
}
"""By the last part of the address: the service called, and what is said when it went well."""


@require_POST
@login_required
def verb(request: HttpRequest, ref: str, verb: str) -> HttpResponse:
    """Does one thing and shows the page again; refused, the page says why and keeps what was typed."""
    if verb not in VERBS:
        raise Http404
    incident = found(ref, request.user)
    call, said = VERBS[verb]
    return _done(request, incident, verb, call, said)


def _done(
    request: HttpRequest, incident: Incident, verb: str, call: Call, said: str
) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    try:
        call(incident.pk, request.POST, actor_of(request.user), datetime.now(UTC))
    except Incident.DoesNotExist:
        raise Http404 from None
    except VerbRefused as refusal:
        status = 403 if isinstance(refusal, Forbidden) else 409
        reasons = refusal.reasons if isinstance(refusal, GatesUnmet) else ()
        context = context_of(
            request, found(incident.ref, request.user),
            problem=refusal.message, reasons=reasons, tried=verb, typed=request.POST,
        )  # fmt: skip
        return render(request, "incidents/page.html", context, status=status)
    messages.success(
        request, said, extra_tags=f"incident-{incident.ref}" if verb == "update" else ""
    )
    return redirect("incidents:page", ref=incident.ref)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def breach(request: HttpRequest, ref: str) -> HttpResponse:
    """The second look before a breach is confirmed: whom it wakes, and the reference typed by hand (C82)."""
    incident = found(ref, request.user)
    if Verb.CONFIRM_BREACH not in what_may(request.user, incident):
        raise Http404
    problem = ""
    if request.method == "POST":
        if request.POST.get("typed", "").strip().upper() == incident.ref and request.POST.get(
            "sure"
        ):
            return _done(
                request, incident, "breach",
                lambda pk, typed, actor, now: services.confirm_breach(
                    pk, note=typed.get("note", ""), actor=actor, now=now
                ),
                "The breach is confirmed and signed. The steps that wait for it are paged.",
            )  # fmt: skip
        problem = "Not confirmed: tick the box and type the reference as it stands above."
    context = {
        "incident": incident,
        "woken": woken_by_flag(incident, "breach_confirmed", datetime.now(UTC)),
        "problem": problem,
        "note": request.POST.get("note", ""),
    }
    return render(request, "incidents/breach.html", context, status=409 if problem else 200)


def woken_by_flag(incident: Incident, flag: str, now: datetime) -> list[tuple[str, list[str], str]]:
    """The steps that wait for a decision: label, the people's names now, the clause."""
    policy = policy_of_incident(incident)
    staff = staff_for(incident.team_id, [], lead_service_id=incident.lead_service_id)(now)
    steps = []
    for path in policy.paths_for(incident.kind, incident.severity):
        for step in path.steps:
            if any(trigger.kind == "flag" and trigger.flag == flag for trigger in step.triggers):
                ids = [
                    user_id
                    for target in step.targets
                    if target.kind == "role"
                    for user_id in staff.roster.role(target.name)
                ]
                names = [staff.roster.people[one].name for one in ids if one in staff.roster.people]
                steps.append((step.label, names, step.clause))
    return steps
