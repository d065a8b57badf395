"""All rotas, and one of them: who holds it when, what the proof says, how its turns go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from directory.models import Team, User
from directory.permissions import may_edit_team, visible_teams
from directory.queries import names_of
from rotations.enums import Why
from rotations.models import Breach, Override, Rota
from rotations.permissions import may_remove, may_take_over, visible_rotas
from rotations.queries.calendar import Line, lines_of
from rotations.queries.own import zone_of
from rotations.queries.shown import plans_shown
from rotations.views.picture import (
    SAID,
    Entry,
    Picture,
    Teller,
    span_in_words,
    week_by_week,
    weeks_together,
)
from rotations.views.window import Window, window_of

ROTAS_ON_A_PAGE = 50
STRETCHES_ON_A_PAGE = 260
STRETCHES_OF_ONE = 170
FOLLOWING = timedelta(weeks=9)
MOST_FOLLOWING = 4
MOST_OVERRIDES = 50


@require_safe
@login_required
def rotas(request: HttpRequest) -> HttpResponse:
    """Every active rota the reader may see, team by team: four weeks as bars. A screenful of teams at a time."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    now = datetime.now(UTC)
    window = window_of(request.GET, zone=zone_of(request.user), now=now)
    shown, more = _teams_from(request.user, request.GET.get("after", "")[:200])
    lines = lines_of(shown, start=window.starts_at, end=window.ends_at, now=now)
    teller = _teller(lines, request.user, window.zone, now)
    blocks, last = _blocks(lines, teller, window, now)
    if last is not None and last.pk != shown[-1].team_id:
        more = True
    breaches = _open_breaches(request.user, [block.team.pk for block in blocks], now)
    _with_breaches(blocks, breaches, window.zone)
    return render(
        request,
        "rotations/list.html",
        {
            "blocks": blocks,
            "window": window,
            "after": request.GET.get("after", "")[:200],
            "query": window.query,
            "next": last.slug if more and last is not None else "",
            "most": STRETCHES_OF_ONE,
            "now": now,
            **_links(window),
        },
    )


@require_safe
@login_required
def rota(request: HttpRequest, slug: str) -> HttpResponse:
    """One rota with its team's others: week by week, the verdict, the plan in words, and what one may do."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    found = get_object_or_404(visible_rotas(request.user).select_related("team"), slug=slug)
    return render(request, "rotations/rota.html", context_of(request, found))


def context_of(request: HttpRequest, found: Rota) -> dict[str, Any]:
    """What the page of a rota shows."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    now = datetime.now(UTC)
    window = window_of(request.GET, zone=zone_of(request.user), now=now)
    seen = visible_rotas(request.user).filter(team=found.team_id)
    rows = list(seen.filter(Q(active=True) | Q(pk=found.pk)).select_related("team").distinct())
    lines = lines_of(rows, start=window.starts_at, end=window.ends_at, now=now)
    teller = _teller(lines, request.user, window.zone, now)
    entries = [
        (line.rota, teller.entries(line, window.starts_at, window.ends_at)) for line in lines
    ]
    cut = _cut(entries)
    breaches = _open_breaches(request.user, [found.team_id], now)
    upcoming = _upcoming(found, request.user, window.zone, now)
    return {
        "rota": found,
        "team": found.team,
        "window": window,
        "entries": entries,
        "cut": cut,
        "pictures": week_by_week(entries, window, now),
        "breaches": [one for one in breaches if one.blocking],
        "to_know": [one for one in breaches if not one.blocking],
        "blocking": sum(one.blocking and one.waived_at is None for one in breaches),
        "plans": plans_shown(found, now=now),
        "upcoming": upcoming,
        "planned": any(one.name for one in upcoming),
        "overrides": _standing_overrides(found, request.user, now),
        "may": _may(found, request.user),
        "most": STRETCHES_OF_ONE,
        "now": now,
        **_links(window),
    }


@dataclass(slots=True)
class Block:
    """A team's part of the page of all rotas."""

    team: Team
    picture: Picture
    entries: list[tuple[Rota, list[Entry]]]
    cut: bool
    first: Breach | None = None
    first_span: str = ""
    breaches: int = 0


def _teams_from(user: User, after: str) -> tuple[list[Rota], bool]:
    """The rotas of the next teams by name, whole teams, a page's worth; and whether there are more."""
    seen = visible_rotas(user).filter(active=True).select_related("team").distinct()
    team = Team.objects.filter(slug=after).first() if after else None
    if team is not None:
        seen = seen.filter(Q(team__name__gt=team.name) | Q(team__name=team.name, team__gt=team.pk))
    rows = list(seen.order_by("team__name", "team_id", "pk")[: ROTAS_ON_A_PAGE + 1])
    if len(rows) <= ROTAS_ON_A_PAGE:
        return rows, False
    cut = [row for row in rows if row.team_id != rows[-1].team_id]
    return cut or rows, True


def _teller(lines: Iterable[Line], user: User, zone: ZoneInfo, now: datetime) -> Teller:
    held = [one for line in lines for one in line.held]
    return Teller(
        names=names_of(one.user_id for one in held),
        overrides=Override.objects.select_related("created_by").in_bulk(
            {one.override_id for one in held if one.override_id}
        ),
        reader_id=user.pk,
        zone=zone,
        now=now,
    )


def _blocks(
    lines: Sequence[Line], teller: Teller, window: Window, now: datetime
) -> tuple[list[Block], Team | None]:
    """The teams until the page is full, and the last of them."""
    blocks: list[Block] = []
    left = STRETCHES_ON_A_PAGE
    for _, group in groupby(lines, key=lambda line: line.rota.team_id):
        own = list(group)
        entries = [
            (line.rota, teller.entries(line, window.starts_at, window.ends_at)) for line in own
        ]
        cut = _cut(entries)
        left -= sum(len(one) for _, one in entries)
        if blocks and left < 0:
            break
        picture = weeks_together(entries, window, now)
        blocks.append(Block(own[0].rota.team, picture, entries, cut))
    return blocks, blocks[-1].team if blocks else None


def _cut(entries: Sequence[tuple[Rota, list[Entry]]]) -> bool:
    """Leaves only the first stretches of a rota of many short ones, and says whether it did."""
    long = [own for _, own in entries if len(own) > STRETCHES_OF_ONE]
    for own in long:
        del own[STRETCHES_OF_ONE:]
    return bool(long)


def _open_breaches(user: User, team_ids: Sequence[int], now: datetime) -> list[Breach]:
    """What the proof finds and has not ended, of the teams the reader sees: what blocks and is not waived first."""
    of_teams: QuerySet[Breach] = Breach.objects.filter(team__in=visible_teams(user))
    rows = of_teams.filter(team__in=team_ids, gone_at=None, ends_at__gt=now)
    found = list(rows.select_related("waived_by").order_by("starts_at", "pk")[:500])
    return sorted(found, key=lambda one: (not one.blocking, one.waived_at is not None))


def _with_breaches(blocks: Iterable[Block], breaches: Sequence[Breach], zone: ZoneInfo) -> None:
    """Each team's first breach, and how many more there are: the rotas' own pages say them all."""
    for block in blocks:
        own = [
            one
            for one in breaches
            if one.team_id == block.team.pk and one.blocking and one.waived_at is None
        ]
        if own:
            block.first, block.breaches = own[0], len(own)
            block.first_span = span_in_words(own[0].starts_at, own[0].ends_at, zone)


def _upcoming(found: Rota, reader: User, zone: ZoneInfo, now: datetime) -> list[Entry]:
    """Who holds the rota now and who follows, gaps included, as far as a few stretches go."""
    just_before = now - timedelta(seconds=1)  # whoever holds it is on record since when
    [line] = lines_of([found], start=just_before, end=now + FOLLOWING, now=now)
    teller = _teller([line], reader, zone, now)
    return teller.entries(line, now, now + FOLLOWING)[:MOST_FOLLOWING]


def _standing_overrides(found: Rota, reader: User, now: datetime) -> list[dict[str, Any]]:
    """The overrides that run or are to come, each with whether the reader may take it back."""
    rows = Override.objects.filter(rota=found, ends_at__gt=now).select_related("user", "rota")
    return [
        {"override": row, "said": SAID[Why(row.kind)], "may_remove": may_remove(reader, row)}
        for row in rows.order_by("starts_at", "pk")[:MOST_OVERRIDES]
    ]


def _may(found: Rota, reader: User) -> dict[str, bool]:
    edits = may_edit_team(reader, found.team_id)
    belongs = found.active and may_take_over(reader, found)
    return {
        "edit": edits,
        "take_over": belongs,
        "override": belongs,
        "swap": belongs,
    }


def _links(window: Window) -> dict[str, str]:
    return {"earlier": window.link(-1), "later": window.link(1), "these": window.link()}
