"""Home: what is burning, who has the pager, what I owe, whether the portal itself is well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from deadlines.enums import Nature, State
from deadlines.models import Deadline
from directory.models import Team, User
from directory.permissions import visible_teams
from directory.queries import names_of
from incidents.models import ActionItem, Incident
from incidents.panels import panels
from incidents.permissions import SUBJECT, may_declare, visible_to
from incidents.queries.facts import policy_of_incident
from incidents.queries.shown import Owed, in_words, nearest_clocks
from incidents.rules.lifecycle import OPEN
from notifications.enums import PageOutState
from notifications.models import PageOut
from portal.health import problems_lately
from rotations.enums import PlanState
from rotations.models import Override, Rota
from rotations.permissions import places_of
from rotations.queries import OnCall, shifts_of

MOST = 50
MOST_TEAMS = 12
AHEAD = timedelta(days=29)
LEVELS = {"primary": 0, "secondary": 1, "tertiary": 2, "shadow": 3}


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """One page, a fixed number of queries."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    now = datetime.now(UTC)
    open_incidents = burning(request.user)
    pager = on_call(request.user, now)
    return render(
        request,
        "portal/home.html",
        {
            "now": now,
            "burning": open_incidents[:MOST],
            "more": len(open_incidents) > MOST,
            "on_call": pager.teams,
            "more_teams": pager.more,
            "my_shifts": pager.mine[:5],
            "owed": owed_by(request.user),
            "items": list(
                ActionItem.objects.filter(owner=request.user, done_at__isnull=True)
                .filter(incident__in=visible_to(request.user))
                .select_related("incident")
                .order_by("due_on", "id")[:20]
            ),
            "held": held(request.user, now),
            "problems": problems_lately(now),
            "panels": panels("home.panel", request.user, now=now),
            "may_declare": may_declare(request.user),
        },
    )


def burning(user: User) -> list[tuple[Incident, Owed | None]]:
    """The open incidents a person may see, the worst first, each with its nearest clock."""
    rows = list(
        visible_to(user)
        .filter(status__in=sorted(OPEN))
        .select_related("team", "lead_service", "owner")
        .order_by("severity", "-opened_at", "-id")[: MOST + 1]
    )
    clocks = nearest_clocks(rows)
    return [(row, clocks.get(row.pk)) for row in rows]


@dataclass(frozen=True, slots=True)
class Place:
    """One rota: who holds it now and until when, who follows."""

    rota: Rota
    name: str
    until: datetime | None
    override: bool
    following: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """Who has the pager in some teams, how many more teams there are, and the person's own shifts."""

    teams: list[tuple[Team, list[Place]]]
    more: int
    mine: list[OnCall]


def on_call(user: User, now: datetime) -> Pager:
    """Who is on call now and next: the person's own teams first, then others, a screenful at most; and
    the person's own shifts to come."""
    active = Rota.objects.filter(active=True)
    seen = Team.objects.filter(pk__in=active.filter(team__in=visible_teams(user)).values("team"))
    own = Exists(user.memberships.filter(team=OuterRef("pk")))
    shown = list(seen.order_by(own.desc(), "name", "pk")[:MOST_TEAMS])
    places = places_of(user)
    stood_in = Override.objects.filter(user=user, ends_at__gt=now).values("rota")
    rotas = active.filter(
        Q(team__in=shown)
        | Q(pk__in=places)
        | Q(plans__derived_from__in=places, plans__state=PlanState.PUBLISHED)
        | Q(pk__in=stood_in)
    ).distinct()
    shifts = shifts_of(rotas, start=now, end=now + AHEAD)
    names = names_of(shift.user_id for shift in shifts)
    by_rota: dict[int, list[OnCall]] = {}
    for shift in shifts:
        by_rota.setdefault(shift.rota_id, []).append(shift)
    of_team: dict[int, list[Place]] = {team.pk: [] for team in shown}
    for rota in sorted(
        rotas.filter(team__in=shown), key=lambda rota: (LEVELS.get(rota.level, 9), rota.name)
    ):
        of_team[rota.team_id].append(_place(rota, by_rota.get(rota.pk, []), names, user, now))
    return Pager(
        teams=[(team, of_team[team.pk]) for team in shown],
        more=seen.count() - len(shown),
        mine=[shift for shift in shifts if shift.user_id == user.pk],
    )


def _place(
    rota: Rota, shifts: Iterable[OnCall], names: Mapping[int, str], user: User, now: datetime
) -> Place:
    held = next((shift for shift in shifts if shift.starts_at <= now < shift.ends_at), None)
    later = next((shift for shift in shifts if shift.starts_at > now), None)
    return Place(
        rota=rota,
        name=names[held.user_id] if held else "",
        until=held.ends_at if held else None,
        override=bool(held and held.why != "rota"),
        following=names[later.user_id] if later else "",
        mine=bool(held and held.user_id == user.pk),
    )


def owed_by(user: User) -> list[tuple[Incident, Owed]]:
    """The open duties on incidents this person has."""
    mine = {
        incident.pk: incident
        for incident in visible_to(user)
        .filter(owner=user, status__in=sorted(OPEN))
        .select_related("owner")
    }
    rows = Deadline.objects.filter(
        subject_type=SUBJECT,
        subject_id__in=list(mine),
        nature=Nature.DUTY,
        state__in=[State.PENDING, State.MISSED],
        fulfilled_at__isnull=True,
    ).order_by("due_at", "id")[:20]
    return [
        (
            mine[row.subject_id],
            in_words(row, mine[row.subject_id], policy_of_incident(mine[row.subject_id])),
        )
        for row in rows
    ]


def held(user: User, now: datetime) -> list[tuple[Incident, PageOut]]:
    """Pages that wait for business hours, never hidden (C64)."""
    waiting = list(
        PageOut.objects.filter(
            subject_type=SUBJECT, state=PageOutState.HELD, held_until__gt=now,
            subject_id__in=visible_to(user).filter(status__in=sorted(OPEN)).values("pk"),
        )
        .select_related("user")
        .order_by("held_until", "id")[:20]
    )  # fmt: skip
    incidents = Incident.objects.in_bulk([out.subject_id for out in waiting])
    return [(incidents[out.subject_id], out) for out in waiting]


def overdue(user: User, now: datetime) -> list[tuple[Incident, Owed]]:
    """The duties of open incidents that are past due and still undone, the oldest first."""
    seen = visible_to(user).filter(status__in=sorted(OPEN)).select_related("owner")
    incidents = {incident.pk: incident for incident in seen}
    rows = Deadline.objects.filter(
        subject_type=SUBJECT,
        subject_id__in=list(incidents),
        nature=Nature.DUTY,
        state__in=[State.PENDING, State.MISSED],
        fulfilled_at__isnull=True,
        due_at__lte=now,
    ).order_by("due_at", "id")[:20]
    return [
        (
            incidents[row.subject_id],
            in_words(row, incidents[row.subject_id], policy_of_incident(incidents[row.subject_id])),
        )
        for row in rows
    ]
