"""A rota's plans as its page says them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Prefetch

from directory.models import User
from rotations.enums import PlanState
from rotations.models import Plan, PlanMember, Rota
from rotations.rules.words import turns_in_words


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A published plan in words, with its people in order; `base` is whose people they are, if another rota's."""

    plan: Plan
    turns: str
    people: Sequence[User]
    base: Rota | None
    in_force: bool


def plans_shown(rota: Rota, *, now: datetime) -> list[PlanShown]:
    """The plan in force and those to come, in their order. Three queries, and two more for a derived rota."""
    plans = _published(rota)
    current = _in_force(plans, now)
    later = [plan for plan in plans if plan.effective_at is not None and plan.effective_at > now]
    return [
        _shown(plan, now, in_force=plan is current)
        for plan in ([current] if current else []) + later
    ]


def _published(rota: Rota) -> list[Plan]:
    members = PlanMember.objects.select_related("user").order_by("position", "id")
    return list(
        Plan.objects.filter(rota=rota, state=PlanState.PUBLISHED)
        .select_related("derived_from", "published_by")
        .prefetch_related(Prefetch("members", queryset=members))
        .order_by(F("effective_at").asc(nulls_first=True), "pk")
    )


def _in_force(plans: Sequence[Plan], at: datetime) -> Plan | None:
    begun = [plan for plan in plans if plan.effective_at is None or plan.effective_at <= at]
    return begun[-1] if begun else None


def _shown(plan: Plan, now: datetime, *, in_force: bool) -> PlanShown:
    base = plan.derived_from
    of = plan if base is None else _in_force(_published(base), max(now, plan.effective_at or now))
    return PlanShown(
        plan=plan,
        turns=turns_in_words(
            unit=plan.unit, length=plan.length, handoff_weekday=plan.handoff_weekday,
            handoff_time=plan.handoff_time, zone=plan.zone, hours=plan.hours,
            base=base.name if base else "", offset=plan.offset,
        ),
        people=[member.user for member in of.members.all()] if of else [],
        base=base,
        in_force=in_force,
    )  # fmt: skip
