"""The front page of the admin: the operations dashboard; and the small things of the admin's look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static

from alerts.queries import editable_integrations
from directory.models import User
from notifications.queries import backlog
from portal.health import problems_lately
from portal.home import burning, on_call, overdue
from portal.menu import menu
from procedures.models import Procedure, ProcedureVersion
from procedures.queries import draft_changes, newest_version

MOST_DRAFTS = 3
MOST_INTEGRATIONS = 12


def mark(request: HttpRequest) -> str:
    """The portal's mark, as the admin's icon."""
    return static("watchbill.svg")


def admin_styles(request: HttpRequest) -> str:
    """The few rules our own parts of the admin need beside unfold's."""
    return static("css/admin.css")


def environment(request: HttpRequest) -> list[str] | None:
    """A badge in the admin's header while the people are sample people."""
    return ["Demo", "info"] if settings.DEMO else None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The operations dashboard: what is open, who is on call, what is late, how the outbox and the draft stand."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the admin has signed them in
    now = datetime.now(UTC)
    incidents = burning(user)
    context.update(
        {
            "now": now,
            "zone": ZoneInfo(user.zone),
            "title": "Operations",
            "burning": incidents[:12],
            "more_burning": max(len(incidents) - 12, 0),
            "on_call": on_call(user, now).teams,
            "overdue": overdue(user, now),
            "problems": problems_lately(now),
            "outbox": backlog(now),
            "drafts": drafts(),
            "integrations": list(editable_integrations(user).order_by("name")[:MOST_INTEGRATIONS]),
            "verbs": menu(request),
        }
    )
    return context


def drafts() -> list[tuple[Procedure, ProcedureVersion | None, int]]:
    """The first procedures, each with its version in force and how many lines its draft would change."""
    found = []
    for procedure in Procedure.objects.order_by("name")[:MOST_DRAFTS]:
        lines, _ = draft_changes(procedure)
        found.append((procedure, newest_version(procedure), len(lines)))
    return found
