"""How the admin says who, when and what of rotas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from directory.models import User
from rotations.enums import BreachKind, Why
from rotations.models import Plan, Rota
from rotations.queries.facts import PlanRow
from rotations.queries.foresight import Foresight
from rotations.rules.proof import Breach
from rotations.rules.words import turns_in_words

WHY = {
    Why.ROTA: "",
    Why.OVERRIDE: "override",
    Why.SWAP: "swap",
    Why.TAKE_OVER: "taken over",
}


def instant(at: datetime, zone: str) -> str:
    """`Mon 30 Nov 2026 09:00 CET`."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M %Z}"


def span(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """`Mon 23 Nov 2026 09:00 – Mon 30 Nov 2026 09:00 CET`; the zone twice where it differs."""
    first, last = (at.astimezone(ZoneInfo(zone)) for at in (starts_at, ends_at))
    same = first.tzname() == last.tzname()
    begins = f"{first:%a} {first.day} {first:%b %Y %H:%M}" + ("" if same else f" {first:%Z}")
    return f"{begins} – {instant(ends_at, zone)}"


def names_of(ids: Iterable[int]) -> dict[int, str]:
    """The people's names by id. One query."""
    return {user.pk: str(user) for user in User.objects.filter(pk__in=set(ids))}


def turns_of(plan: Plan | PlanRow, base: str = "") -> str:
    """The plan's turns in words; `base` is the name of the rota it follows."""
    return turns_in_words(
        unit=plan.unit,
        length=plan.length,
        handoff_weekday=plan.handoff_weekday,
        handoff_time=plan.handoff_time,
        zone=plan.zone,
        hours=plan.hours,
        base=base,
        offset=plan.offset,
    )


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """One of the next shifts; `moved` where it would be somebody else's than it is."""

    when: str
    who: str
    why: str
    moved: bool


@dataclass(frozen=True, slots=True)
class BreachLine:
    """One finding of the proof, as shown."""

    said: str
    clause: str
    when: str
    who: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """What is shown beside a draft before it is published."""

    begins: str
    until: str
    rotas: list[tuple[str, list[ShiftLine]]]
    blocking: list[BreachLine]
    warnings: list[BreachLine]
    holidays: list[BreachLine]
    standing: list[BreachLine]
    movers: list[str]


def panel(seen: Foresight, rotas: Iterable[Rota], zone: str) -> Panel:
    """The foresight in words, in the zone. One query for the names."""
    breaches = (*seen.new, *seen.standing)
    names = names_of(
        {held.user_id for shifts in seen.shifts.values() for held in shifts}
        | {user_id for breach in breaches for user_id in breach.user_ids}
        | {mover.user_id for mover in seen.movers}
    )
    come = {
        (mover.user_id, part.rota_id): [
            other for other in mover.come if other.rota_id == part.rota_id
        ]
        for mover in seen.movers
        for part in mover.come
    }

    def moved(rota_id: int, user_id: int, starts_at: datetime, ends_at: datetime) -> bool:
        parts = come.get((user_id, rota_id), ())
        return any(part.starts_at < ends_at and starts_at < part.ends_at for part in parts)

    def told(breach: Breach) -> BreachLine:
        return BreachLine(
            breach.said, breach.clause, span(breach.starts_at, breach.ends_at, zone),
            ", ".join(names.get(user_id, "?") for user_id in breach.user_ids), breach.blocking,
        )  # fmt: skip

    return Panel(
        begins=instant(seen.effective_at, zone),
        until=instant(seen.until, zone) if seen.until else "",
        rotas=[
            (
                rota.name,
                [
                    ShiftLine(
                        span(held.starts_at, held.ends_at, zone),
                        names.get(held.user_id, "?"),
                        WHY[held.why],
                        moved(rota.pk, held.user_id, held.starts_at, held.ends_at),
                    )
                    for held in seen.shifts.get(rota.pk, ())
                ],
            )
            for rota in rotas
        ],
        blocking=[told(breach) for breach in seen.new if breach.blocking],
        warnings=[
            told(breach)
            for breach in seen.new
            if not breach.blocking and breach.kind != BreachKind.HOLIDAY
        ],
        holidays=[
            told(breach)
            for breach in (*seen.new, *seen.standing)
            if breach.kind == BreachKind.HOLIDAY
        ],
        standing=[told(one) for one in seen.standing if one.kind != BreachKind.HOLIDAY],
        movers=sorted(names.get(mover.user_id, "?") for mover in seen.movers),
    )
