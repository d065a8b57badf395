"""The verbs of a promise: schedule, settle, waive, cancel, pause, resume, move.

Every verb runs in the caller's transaction. The caller has locked the subject before (lock order:
subject, then promises, then pages); whoever locks a promise first deadlocks with an acknowledgment.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from deadlines.enums import Nature, Reach, State
from deadlines.events import promises_settled
from deadlines.models import Deadline
from deadlines.queries import database_now
from deadlines.registry import kind_named
from deadlines.rows import insert_missing

OPEN = (State.PENDING, State.PAUSED)


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to be scheduled. `key` is unique for ever: the same promise is made once.

    Nature and reach are the kind's unless given.
    """

    kind: str
    subject_type: str
    subject_id: int
    key: str
    due_at: datetime
    clause: str = ""
    round: int = 0
    owed_by_id: int | None = None
    owed_by: str = ""
    team_id: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    nature: Nature | None = None
    reach: Reach | None = None


def schedule(
    promises: Iterable[Promise],
    *,
    now: datetime,
    kept: Iterable[Promise] = (),
    evidence: Mapping[str, Any] | None = None,
) -> list[Deadline]:
    """Makes promises, in one statement; one whose key exists is left as it is.

    Those of `kept` are due this instant and are being kept by who makes them: they are met from the
    start, with the evidence, and `promises_settled` is announced. One of them that exists is settled.
    Returns the rows that are new. A kind nobody registered is a LookupError.
    """
    open_rows = [_row(promise, now) for promise in promises]
    met_rows = [_row(promise, now) for promise in kept]
    for row in met_rows:
        row.state = State.MET
        row.settled_at = row.fulfilled_at = now
        row.evidence = dict(evidence or {})
    new = insert_missing([*open_rows, *met_rows], known_by="key")
    if met := [row.pk for row in new if row.state == State.MET]:
        promises_settled.announce(deadline_ids=met, now=now.isoformat())
    for row in met_rows:
        if row.pk is None:
            settle(row.subject_type, row.subject_id, keys=[row.key], now=now, evidence=evidence)
    return new


def _row(promise: Promise, now: datetime) -> Deadline:
    kind = kind_named(promise.kind)
    return Deadline(
        kind=promise.kind,
        subject_type=promise.subject_type,
        subject_id=promise.subject_id,
        key=promise.key,
        round=promise.round,
        clause=promise.clause,
        nature=promise.nature or kind.nature,
        reach=promise.reach or kind.reach,
        due_at=promise.due_at,
        run_at=promise.due_at,
        owed_by_id=promise.owed_by_id,
        owed_by=promise.owed_by,
        team_id=promise.team_id,
        payload=dict(promise.payload),
        created_at=now,
    )


def settle(
    subject_type: str,
    subject_id: int,
    *,
    kinds: Iterable[str] | None = None,
    keys: Iterable[str] | None = None,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> list[Deadline]:
    """What was owed is done: open promises become met; a duty missed before learns when it was fulfilled.

    A duty done after its due time is missed, even when the clock had not come by yet. Announces
    `promises_settled` for those that were open. Returns the rows that changed.
    """
    chosen = _chosen(subject_type, subject_id, kinds, keys)
    met = _end(chosen, State.MET, now=now, evidence=evidence, fulfilled_at=now)
    belated = list(chosen.filter(state=State.MISSED, fulfilled_at__isnull=True).select_for_update())
    for deadline in belated:
        deadline.fulfilled_at = now
        deadline.evidence = {**deadline.evidence, **(evidence or {})}
    Deadline.objects.bulk_update(belated, ["fulfilled_at", "evidence"])
    return met + belated


def waive(
    subject_type: str,
    subject_id: int,
    *,
    kinds: Iterable[str] | None = None,
    keys: Iterable[str] | None = None,
    now: datetime,
    by: str,
    reason: str,
) -> list[Deadline]:
    """Somebody lets open promises go, with a reason that is kept. Announces `promises_settled`."""
    chosen = _chosen(subject_type, subject_id, kinds, keys)
    return _end(chosen, State.WAIVED, now=now, evidence={"by": by, "reason": reason})


def cancel(
    subject_type: str,
    subject_id: int,
    *,
    kinds: Iterable[str] | None = None,
    keys: Iterable[str] | None = None,
    now: datetime,
    reason: str,
) -> list[Deadline]:
    """Open promises no longer apply (a severity changed, a false positive). No outcome follows, but of a
    duty whose time was over: it was missed, whether the clock had come by or not."""
    chosen = _chosen(subject_type, subject_id, kinds, keys)
    return _end(chosen, State.CANCELLED, now=now, evidence={"reason": reason})


def pause(
    subject_type: str,
    subject_id: int,
    *,
    kinds: Iterable[str] | None = None,
    keys: Iterable[str] | None = None,
    now: datetime,
) -> list[Deadline]:
    """Stops the clock of pending promises and keeps the time that was left."""
    paused = list(
        _chosen(subject_type, subject_id, kinds, keys)
        .filter(state=State.PENDING)
        .select_for_update()
    )
    for deadline in paused:
        deadline.state = State.PAUSED
        deadline.paused_at = now
        deadline.remaining = deadline.due_at - now
    Deadline.objects.bulk_update(paused, ["state", "paused_at", "remaining"])
    return paused


def resume(
    subject_type: str,
    subject_id: int,
    *,
    kinds: Iterable[str] | None = None,
    keys: Iterable[str] | None = None,
    now: datetime,
) -> list[Deadline]:
    """Starts the clock of paused promises again, with the time that was left when it stopped."""
    resumed = list(
        _chosen(subject_type, subject_id, kinds, keys)
        .filter(state=State.PAUSED)
        .select_for_update()
    )
    for deadline in resumed:
        if deadline.remaining is None:
            raise AssertionError("a paused promise without the time that was left")
        deadline.due_at = deadline.run_at = now + deadline.remaining
        deadline.state = State.PENDING
        deadline.paused_at = deadline.remaining = None
    Deadline.objects.bulk_update(resumed, ["state", "due_at", "run_at", "paused_at", "remaining"])
    return resumed


def move(key: str, due_at: datetime, *, now: datetime) -> Deadline | None:
    """Gives one pending promise another due time, and a fresh count of tries. None when it is no longer pending."""
    deadline = Deadline.objects.select_for_update().filter(key=key, state=State.PENDING).first()
    if deadline is None:
        return None
    deadline.evidence = {
        **deadline.evidence,
        "moved": {"from": deadline.due_at.isoformat(), "at": now.isoformat()},
    }
    deadline.due_at = deadline.run_at = due_at
    deadline.tries, deadline.last_error = 0, ""
    deadline.save(update_fields=["due_at", "run_at", "evidence", "tries", "last_error"])
    return deadline


def keep_failed_receiver(
    event: str, receiver: str, facts: Mapping[str, Any], error: Exception
) -> None:
    """A receiver of a domain event failed: calling it again becomes a promise due now, and loud."""
    now = database_now()
    with transaction.atomic():
        [row] = schedule(
            [
                Promise(
                    kind="deadlines.receiver",
                    subject_type="deadlines.event",
                    subject_id=0,
                    key=f"receiver:{event}:{uuid.uuid4()}",
                    due_at=now,
                    payload={"event": event, "receiver": receiver, "facts": dict(facts)},
                )
            ],
            now=now,
        )
        row.tries = 1
        row.last_error = f"{receiver}: {type(error).__name__}: {error}"[:2000]
        row.save(update_fields=["tries", "last_error"])


def _chosen(
    subject_type: str,
    subject_id: int,
    kinds: Iterable[str] | None,
    keys: Iterable[str] | None,
) -> Any:
    chosen = Deadline.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by(
        "due_at", "id"
    )
    if kinds is not None:
        chosen = chosen.filter(kind__in=list(kinds))
    if keys is not None:
        chosen = chosen.filter(key__in=list(keys))
    return chosen


def _was_over(deadline: Deadline, now: datetime) -> bool:
    """Whether its time was up, of a paused one when its clock stopped."""
    if deadline.remaining is not None:
        return deadline.remaining < timedelta(0)
    return deadline.due_at < now


def _end(
    chosen: Any,
    state: State,
    *,
    now: datetime,
    evidence: Mapping[str, Any] | None,
    fulfilled_at: datetime | None = None,
) -> list[Deadline]:
    ended: list[Deadline] = list(chosen.filter(state__in=OPEN).select_for_update())
    for deadline in ended:
        # Over before the clock looked: what was done since, or no longer applies, was missed all the same.
        late = state != State.WAIVED and deadline.nature == Nature.DUTY and _was_over(deadline, now)
        deadline.state = State.MISSED if late else state
        deadline.settled_at = now
        deadline.fulfilled_at = fulfilled_at
        deadline.paused_at = deadline.remaining = None
        deadline.evidence = {**deadline.evidence, **(evidence or {})}
    Deadline.objects.bulk_update(
        ended, ["state", "settled_at", "fulfilled_at", "paused_at", "remaining", "evidence"]
    )
    if settled := [deadline.pk for deadline in ended if deadline.state != State.CANCELLED]:
        promises_settled.announce(deadline_ids=settled, now=now.isoformat())
    return ended
