"""“Send test alert”: one page that shows how far the test has come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from alerts import services
from alerts.enums import IntegrationKind
from alerts.models import Integration, TestRun
from alerts.queries import address_of, editable_integrations
from alerts.rules import samples
from directory.models import User
from incidents.models import Incident
from notifications.models import Page, PageOut

POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the page: what happens, when it did, and the rest of the sentence."""

    title: str
    at: datetime | None
    detail: str = ""
    href: str = ""
    bad: bool = False


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def test_alert(request: HttpRequest, integration_id: int) -> HttpResponse:
    """GET says what a test does; POST starts one and sends the alert. Pages nobody but who presses."""
    integration = _integration(request, integration_id)
    user = cast(User, request.user)
    if request.method == "POST":
        now = timezone.now()
        run = services.start_test(integration, user=user, now=now)
        if "wait" not in request.POST:
            services.send_test(run, now=now)
        return redirect("test-run", integration.pk, run.pk)
    return render(
        request,
        "alerts/test.html",
        {
            "integration": integration,
            "methods": user.contact_methods.filter(enabled=True, verified_at__isnull=False),
            "last_runs": integration.test_runs.filter(user=user)[:5],
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def test_run(request: HttpRequest, integration_id: int, run_id: int) -> HttpResponse:
    """How far the test has come; asked again every two seconds until it is acknowledged.

    POST sends the alert (again) from here, for a run that waits for one from the monitoring host.
    """
    integration = _integration(request, integration_id)
    run = get_object_or_404(
        TestRun.objects.select_related(
            "alert__incident", "user", "integration__default_service__team"
        ),
        pk=run_id,
        integration=integration,
    )
    if request.method == "POST":
        if run.user_id != request.user.pk:
            raise PermissionDenied("It would page somebody else: begin a test of your own.")
        services.send_test(run, now=timezone.now())
        return redirect("test-run", integration.pk, run.pk)
    steps = steps_of(run)
    context = {
        "integration": integration,
        "run": run,
        "steps": steps,
        "done": all(step.at for step in steps),
        "curl": curl_line(integration, run),
        "poll_seconds": POLL_SECONDS,
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "alerts/test_steps.html" if part else "alerts/test_run.html", context)


def steps_of(run: TestRun) -> list[Step]:
    """Sent, arrived, incident opened, you were paged (sent, delivered), acknowledged; each with its instant."""
    alert = run.alert
    incident = alert.incident if alert else None
    told = f"told {alert.count} times" if alert and alert.count > 1 else ""
    return [
        Step("The test began", run.created_at, f"for {run.user}"),
        Step("The alert arrived", alert.first_seen_at if alert else None, told),
        Step(
            "It opened an incident, as a drill",
            incident.opened_at if incident else None,
            incident.ref if incident else "",
            incident.get_absolute_url() if incident else "",
        ),
        *_paging(run, incident),
        _acknowledged(incident),
    ]


def _paging(run: TestRun, incident: Incident | None) -> list[Step]:
    if incident is None:
        return [Step("You were paged", None), Step("It was delivered", None)]
    page_outs = PageOut.objects.filter(
        subject_type="incident", subject_id=incident.pk, user=run.user
    )
    pages = list(Page.objects.filter(page_out__in=page_outs).order_by("id"))
    ways = ", ".join(f"{page.channel} to {page.address}" for page in pages)
    faults = "; ".join(page.error for page in pages if page.error)
    sent = min((page.sent_at for page in pages if page.sent_at), default=None)
    delivered = min((page.delivered_at for page in pages if page.delivered_at), default=None)
    silent = not run.user.contact_methods.filter(enabled=True, verified_at__isnull=False).exists()
    nobody = "You have no contact method that is verified: nothing could be sent." if silent else ""
    return [
        Step(
            "You were paged",
            sent,
            faults if faults and not sent else ways or nobody,
            reverse("notifications:message", args=[pages[0].pk]) if pages else "",
            bad=bool(faults and not sent),
        ),
        Step("It was delivered", delivered, "" if delivered else _receipt(sent)),
    ]


def _receipt(sent: datetime | None) -> str:
    return "The channel took it; it has not told us more yet." if sent else ""


def _acknowledged(incident: Incident | None) -> Step:
    at = incident.acknowledged_at if incident else None
    who = str(incident.acknowledged_by) if incident and incident.acknowledged_by else ""
    hint = "" if at else "Open the message, follow its link and press Acknowledge."
    return Step("You acknowledged", at, who or hint)


def curl_line(integration: Integration, run: TestRun) -> str:
    """The same alert, to be sent from the monitoring host. The key is not kept here: KEY stands for it."""
    kind = IntegrationKind(integration.kind)
    address = address_of(integration)
    if kind == IntegrationKind.HEARTBEAT:
        return f"curl -fsS {address}"
    body = json.dumps(samples.body(kind, token=run.token, key="KEY", at=run.created_at))
    return f"curl -fsS -H 'Content-Type: application/json' -d '{body}' {address}"


def _integration(request: HttpRequest, integration_id: int) -> Integration:
    integrations = editable_integrations(cast(User, request.user))
    return get_object_or_404(
        integrations.select_related("team", "default_service__team"), pk=integration_id
    )
