"""Who carries how much of a rota, and the hours for payroll."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from directory.permissions import may_edit_team
from directory.queries import names_of
from rotations.models import Rota
from rotations.permissions import visible_rotas
from rotations.queries.fairness import Period, balance_of, days_of_work
from rotations.rules.cells import harmless
from rotations.rules.fairness import Balance, Load
from rotations.views.window import day_of

USUAL = timedelta(weeks=13)
LONGEST = timedelta(days=400)
COLUMNS = (
    "day", "rota", "level", "person", "email", "hours", "night_hours", "weekend_hours",
    "holiday_hours", "holiday",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One person's line: the figures in hours, and the bar's width in per cent of the widest."""

    name: str
    balance: Balance
    mine: bool
    width: str
    fair_x: str

    @property
    def load(self) -> Load:
        return self.balance.load

    @property
    def over(self) -> str:
        """What is over the fair share, with its sign."""
        hours = self.balance.over / timedelta(hours=1)
        return f"{hours:+.0f}" if abs(hours) >= 0.5 else "0"


@require_safe
@login_required
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Hours, nights, weekends, holidays and pages of each person in a period, beside the fair share."""
    rota, now = _rota(request, slug), datetime.now(UTC)
    period = period_of(request, rota, now)
    found = balance_of(rota, period, now=now)
    names = names_of(one.user_id for one in found)
    widest = max((max(one.weighed, one.fair) for one in found), default=timedelta()) or timedelta(1)
    rows = [
        Row(
            name=names.get(one.user_id, "Somebody"),
            balance=one,
            mine=one.user_id == request.user.pk,
            width=f"{one.weighed / widest * 100:.1f}%",
            fair_x=f"{one.fair / widest * 100:.1f}%",
        )
        for one in found
    ]
    today = now.astimezone(period.zone).date()
    first_of_month = today.replace(day=1)
    before = first_of_month - timedelta(days=1)
    return render(
        request,
        "rotations/fairness.html",
        {
            "rota": rota,
            "period": period,
            "rows": rows,
            "choices": [
                ("Last 4 weeks", today - timedelta(days=28), today),
                ("Last 13 weeks", today - timedelta(days=91), today),
                ("Last month", before.replace(day=1), before),
                ("Next 13 weeks", today, today + timedelta(days=91)),
            ],
            "may_export": may_edit_team(request.user, rota.team_id),
            "now": now,
        },
    )


@require_safe
@login_required
def hours(request: HttpRequest, slug: str) -> HttpResponse:
    """Each person's hours on each local day, as CSV for payroll: for the team's manager and admins."""
    rota, now = _rota(request, slug), datetime.now(UTC)
    if not may_edit_team(request.user, rota.team_id):
        raise PermissionDenied("Only the team's manager or an admin may read the hours.")
    period = period_of(request, rota, now)
    name = f"hours-{rota.slug}-{period.first}-{period.last}.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    table = csv.writer(response)
    table.writerow(COLUMNS)
    for one in days_of_work(rota, period, now=now):
        load = one.load
        figures = (load.on_call, load.nights, load.weekends, load.holidays)
        texts = (rota.slug, rota.level, str(one.user), one.user.email)
        table.writerow(
            [
                one.day.isoformat(),
                *(harmless(text) for text in texts),
                *(f"{figure / timedelta(hours=1):.2f}" for figure in figures),
                harmless(one.holiday),
            ]
        )
    return response


def period_of(request: HttpRequest, rota: Rota, now: datetime) -> Period:
    """The days asked for by `first` and `last`; the thirteen weeks until today where that says nothing sensible."""
    zone = ZoneInfo(rota.team.zone)
    today = now.astimezone(zone).date()
    last = day_of(request.GET.get("last", "")) or today
    first = day_of(request.GET.get("first", "")) or last - USUAL
    if first > last:
        first, last = last, first
    return Period(max(first, last - LONGEST), last, zone)


def _rota(request: HttpRequest, slug: str) -> Rota:
    return get_object_or_404(visible_rotas(request.user).select_related("team"), slug=slug)
