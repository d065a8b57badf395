"""Who holds each rota now and in the weeks to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from directory.permissions import visible_teams
from directory.queries import names_of
from rotations.models import Rota
from rotations.queries import shifts_of

AHEAD = timedelta(weeks=5)


@require_safe
@login_required
def rotas(request: HttpRequest) -> HttpResponse:
    """Each active rota of the teams the reader may see: its holder, and who follows for five weeks."""
    now = datetime.now(UTC)
    seen = Rota.objects.filter(active=True, team__in=visible_teams(request.user)).select_related(
        "team"
    )
    rows = list(seen.order_by("team__name", "level", "name"))
    shifts = shifts_of(seen, start=now, end=now + AHEAD)
    names = names_of(shift.user_id for shift in shifts)
    listed = []
    for rota in rows:
        own = [
            {
                "name": names[shift.user_id],
                "starts_at": shift.starts_at,
                "ends_at": shift.ends_at,
                "override": shift.why != "rota",
                "now": shift.starts_at <= now < shift.ends_at,
                "mine": shift.user_id == request.user.pk,
            }
            for shift in shifts
            if shift.rota_id == rota.pk
        ]
        listed.append({"rota": rota, "shifts": own, "held": any(shift["now"] for shift in own)})
    return render(request, "rotations/list.html", {"listed": listed, "now": now})
