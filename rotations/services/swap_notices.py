"""Telling people of a swap, and the clock of one that waits: reminders, and its end when nobody answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from deadlines.enums import Nature, Reach
from deadlines.extension import PORTAL
from deadlines.models import Deadline
from deadlines.registry import Due, Kind, register_kind, register_subject
from deadlines.services import Promise, cancel, schedule
from directory.models import User
from directory.queries import admins, managers_of, names_of
from notifications.rules.message import Link, Message
from notifications.services import tell
from rotations.enums import SwapState
from rotations.models import Swap
from rotations.queries.suggesting import suggestions
from rotations.rules import swapping
from rotations.rules.swapping import Said, StretchSaid, SwapSaid, subject_of, text_of

SUBJECT = "swap"
REMINDER = "rotations.swap_reminder"
LAPSE = "rotations.swap_lapse"
REMIND_AFTER = timedelta(hours=24)
REMIND_BEFORE = timedelta(days=1)
MOST_NAMED = 3
OPEN = (SwapState.ASKED, SwapState.ACCEPTED)


def lock(swap_id: int) -> bool:
    """Takes the swap's row for the clock: False while somebody else has it."""
    chosen = Swap.objects.select_for_update(skip_locked=True, no_key=True)
    return chosen.filter(pk=swap_id).exists()


def label_of(swap_id: int) -> str:
    """How a swap is named where only its id is known."""
    swap = Swap.objects.select_related("giver", "colleague").filter(pk=swap_id).first()
    return f"swap {swap}" if swap else f"swap {swap_id}"


def promise_answer(swap: Swap, *, now: datetime) -> None:
    """A request is called to mind after a day and a day before the shift, and lapses when that begins."""
    at = begins_at(swap)
    reminders = sorted({now + REMIND_AFTER, at - REMIND_BEFORE})
    due = [(REMINDER, f"reminder:{n}", one) for n, one in enumerate(reminders) if now < one < at]
    schedule(
        [
            Promise(
                kind=kind,
                subject_type=SUBJECT,
                subject_id=swap.pk,
                key=f"swap:{swap.pk}:{name}",
                due_at=due_at,
                owed_by=PORTAL.label,
                team_id=swap.rota.team_id,
            )
            for kind, name, due_at in [*due, (LAPSE, "lapse", at)]
        ],
        now=now,
    )


def promise_nothing(swap: Swap, *, now: datetime) -> None:
    """It was answered: nobody is reminded any more."""
    cancel(SUBJECT, swap.pk, now=now, reason=f"the request was {swap.state}")


def begins_at(swap: Swap) -> datetime:
    """When the first of what is exchanged begins."""
    return min(swap.starts_at, swap.back_starts_at or swap.starts_at)


def tell_of(
    swap: Swap,
    said: Said,
    people: Iterable[User],
    *,
    now: datetime,
    by: User | None = None,
    words: str = "",
    key: str = "",
    others: tuple[str, ...] = (),
) -> None:
    """Says it to these people but for who did it, each on their own clock, once per swap and `key`."""
    facts = replace(_facts(swap, by, words), others=others)
    mine = Link("My shifts", f"{settings.BASE_URL}/shifts/")
    for person in {one.pk: one for one in people if one != by}.values():
        tell(
            key=key or said.value,
            subject_type=SUBJECT,
            subject_id=swap.pk,
            message=Message(
                subject=subject_of(said, facts),
                text=f"{text_of(said, facts, zone=person.zone)}\n\n{mine.label}: {mine.url}",
                links=(mine,),
                facts={"swap": swap.pk, "said": said.value},
            ),
            user_ids=[person.pk],
            now=now,
            label=subject_of(said, facts),
            team_id=swap.rota.team_id,
        )


def sentence_of(swap: Swap, said: Said, *, by: User, words: str = "") -> str:
    """What those whose shifts move are told of it."""
    sentence = swapping.sentence_of(said, _facts(swap, by, words))
    return f"{sentence} “{words}”" if words else sentence


def _facts(swap: Swap, by: User | None, words: str) -> SwapSaid:
    back = None
    if swap.back_rota and swap.back_starts_at and swap.back_ends_at:
        back = StretchSaid(swap.back_rota.name, swap.back_starts_at, swap.back_ends_at)
    return SwapSaid(
        giver=str(swap.giver),
        colleague=str(swap.colleague),
        stretch=StretchSaid(swap.rota.name, swap.starts_at, swap.ends_at),
        back=back,
        actor=str(by) if by else "",
        words=words,
    )


def teams_of(swap: Swap) -> list[int]:
    """The teams whose rosters it changes."""
    rotas = [swap.rota, *([swap.back_rota] if swap.back_rota else [])]
    return sorted({rota.team_id for rota in rotas})


def deciders_of(swap: Swap) -> list[User]:
    """Who approves it: the managers of its teams; the admins where there is none."""
    return [person for team in teams_of(swap) for person in managers_of(team)] or list(admins())


def read_swap(swap_id: int) -> Swap:
    """The swap with its people and rotas. Raises `Swap.DoesNotExist`."""
    named = Swap.objects.select_related("rota", "back_rota", "giver", "colleague", "filed_by")
    return named.get(pk=swap_id)


def on_reminder_due(deadline: Deadline, due: Due) -> Mapping[str, Any]:
    """Whoever is to answer is told once more; who asked hears that nobody has, and who else is free."""
    swap = read_swap(deadline.subject_id)
    if swap.state not in OPEN or due.now >= begins_at(swap):
        return {"skipped": swap.state}
    key = deadline.key.partition(":")[2]
    if swap.state == SwapState.ACCEPTED:
        tell_of(swap, Said.APPROVAL, deciders_of(swap), now=due.now, key=key)
    else:
        tell_of(swap, Said.REMINDER, [swap.colleague], now=due.now, words=swap.note, key=key)
        tell_of(
            swap, Said.UNANSWERED, [swap.giver, swap.filed_by], now=due.now, key=f"{key}:giver",
            others=_whom_else(swap, now=due.now),
        )  # fmt: skip
    return {"reminded": swap.state}


def _whom_else(swap: Swap, *, now: datetime) -> tuple[str, ...]:
    """Who is free then, those who have carried least first."""
    found = suggestions(swap.rota, starts_at=swap.starts_at, ends_at=swap.ends_at, now=now)
    free = [one for one in found if one.free and one.user_id != swap.colleague_id][:MOST_NAMED]
    names = names_of(one.user_id for one in free)
    return tuple(f"{names[one.user_id]} {one.said}" for one in free)


def on_lapse_due(deadline: Deadline, due: Due) -> Mapping[str, Any]:
    """The shift begins and nobody has answered: the giver keeps it."""
    swap = read_swap(deadline.subject_id)
    if swap.state not in OPEN:
        return {"skipped": swap.state}
    swap.state, swap.settled_at = SwapState.LAPSED, due.now
    swap.save(update_fields=["state", "settled_at"])
    tell_of(swap, Said.LAPSED, [swap.giver, swap.filed_by], now=due.now)
    return {"lapsed": True}


def register() -> None:
    """The kinds of promises a swap makes."""
    register_subject(SUBJECT, lock=lock, label=label_of)
    register_kind(
        Kind(REMINDER, Nature.ACT, Reach.NOW, on_reminder_due, "A swap is called to mind")
    )
    register_kind(Kind(LAPSE, Nature.ACT, Reach.NOW, on_lapse_due, "A swap nobody answered lapses"))
