"""Who held a rota: before now as the shifts have it on record, from now on as the rules say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from rotations.models import Rota, Shift
from rotations.queries.oncall import OnCall, on_call_of, shifts_of


def held_at(rotas: QuerySet[Rota], *, at: datetime, now: datetime) -> list[OnCall]:
    """Who held, holds or will hold each of the rotas at the instant, by team, level and rota.

    Before now the record answers, for rotas that are retired by now as well; where it does not reach back
    that far, the rules do as they stand. A rota nobody holds is left out. Six queries at most.
    """
    if at >= now:
        return on_call_of(rotas.filter(active=True), at=at)
    recorded = _on_record(rotas, at)
    found = _recorded(Shift.objects.filter(rota__in=recorded, starts_at__lte=at, ends_at__gt=at))
    found += on_call_of(rotas.filter(active=True).exclude(pk__in=recorded), at=at)
    return sorted(found, key=lambda one: (one.team_id, one.level, one.rota_id))


def held_between(
    rotas: QuerySet[Rota], *, start: datetime, end: datetime, now: datetime
) -> list[OnCall]:
    """Every stretch in which somebody held or will hold one of the rotas between the instants, by its start.

    As `held_at` has it at each instant. A stretch that reaches over the range is given whole.
    """
    if start >= now:
        return _by_start(shifts_of(rotas.filter(active=True), start=start, end=end))
    until = min(end, now)
    recorded = {pk: since for pk, since in _on_record(rotas, until).items() if since < until}
    past = _recorded(
        Shift.objects.filter(rota__in=recorded, starts_at__lt=until, ends_at__gt=start)
    )
    before = [
        replace(one, ends_at=min(one.ends_at, recorded.get(one.rota_id, one.ends_at)))
        for one in shifts_of(rotas.filter(active=True), start=start, end=until)
        if one.rota_id not in recorded or one.starts_at < recorded[one.rota_id]
    ]
    if end <= now:
        return _by_start([*before, *past])
    over = [one for one in [*before, *past] if one.ends_at <= now]
    running = {one.rota_id: one for one in past if one.ends_at > now}
    return _by_start([*over, *_from_now_on(rotas, recorded, running, now, end)])


def _from_now_on(
    rotas: QuerySet[Rota],
    recorded: Collection[int],
    running: dict[int, OnCall],
    now: datetime,
    end: datetime,
) -> Iterator[OnCall]:
    """What the rules say. Of a rota on record, who is on call already has been since the record says; else
    from now on only, and whoever should not be any more was until now."""
    for one in shifts_of(rotas.filter(active=True), start=now, end=end):
        if one.starts_at <= now and one.rota_id in recorded:
            known = running.get(one.rota_id)
            goes_on = known and (known.user_id, known.why) == (one.user_id, one.why)
            since = running.pop(one.rota_id).starts_at if goes_on else now
            one = replace(one, starts_at=since)
        yield one
    for known in running.values():
        yield replace(known, ends_at=now)


def _on_record(rotas: QuerySet[Rota], by: datetime) -> dict[int, datetime]:
    """Since when the shifts of each of the rotas are on record, of those that were by then."""
    first = Shift.objects.filter(rota=OuterRef("pk")).order_by("ends_at").values("starts_at")[:1]
    known: Iterable[Any] = rotas.annotate(since=Subquery(first)).values_list("pk", "since")
    return {rota_id: since for rota_id, since in known if since is not None and since <= by}


def _recorded(shifts: QuerySet[Shift]) -> list[OnCall]:
    columns = (
        "rota_id", "rota__slug", "team_id", "level", "user_id", "starts_at", "ends_at", "why",
    )  # fmt: skip
    return [OnCall(*row) for row in shifts.values_list(*columns)]


def _by_start(found: Iterable[OnCall]) -> list[OnCall]:
    return sorted(found, key=lambda one: (one.starts_at, one.rota_id))
