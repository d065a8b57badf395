"""The loop that enforces whatever is due. Beat and the clock process both call it; any number may run.

Deciding is exactly-once: candidates are read without locks, then each gets a short transaction of
its own that locks the subject, then the promise, looks again, handles and settles.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from deadlines import failpoint
from deadlines.enums import Nature, State
from deadlines.events import promises_settled
from deadlines.models import Deadline, Outage
from deadlines.queries import (
    ClockTimestamp,
    database_now,
    next_due,
    outage_of,
    read_clock,
    schedule_digest,
)
from deadlines.registry import Due, kind_named, subject_named
from deadlines.standing import one_look

logger = logging.getLogger(__name__)

DOWN = "the portal was down"
# Deadlock, serialization failure, a lock not had in time: no fault of who ran into it, harmless to try again.
PASSING = {"40P01", "40001", "55P03"}


@dataclass(frozen=True, slots=True)
class Tick:
    """What one call of `enforce` did. `lag` is how late the oldest handled promise was, `next_at` when
    the next one falls due."""

    now: datetime
    handled: int = 0
    failed: int = 0
    skipped: int = 0
    lag: timedelta = timedelta()
    next_at: datetime | None = None


def enforce(*, now: datetime | None = None, batch: int = 100, process: str | None = None) -> Tick:
    """Handles everything that is due, oldest first.

    `now` is the database's clock unless a test travels. `process` names the caller ("clock:host:pid"):
    its tick is kept as a pulse, and a stretch in which no process ticked is recorded as an outage,
    so that what fell due in it is marked late. Without a name nothing of that is kept.

    A handler that raises is rolled back, counted on its promise, tried again with backoff, and
    never blocks the others; one that runs into others' locks is tried again in the next tick. Raises
    only when the database cannot be reached.
    """
    clock = read_clock()
    at, over_since = now or clock.now, clock.outage_ended_at
    if process and _note_outage(at, clock.ticked_at):
        over_since = at
    seen: set[int] = set()
    left: set[tuple[str, int]] = set()
    handled = failed = skipped = 0
    lag = timedelta()
    while True:
        due = list(
            Deadline.objects.filter(state=State.PENDING, run_at__lte=at)
            .exclude(pk__in=seen)
            .order_by("run_at", "id")
            .values_list("pk", "subject_type", "subject_id")[:batch]
        )
        if not due:
            break
        for deadline_id, subject_type, subject_id in due:
            seen.add(deadline_id)
            for result, deadline in _in_turn(
                deadline_id, subject_type, subject_id, now, over_since, left
            ):
                handled += result is True
                failed += result is False
                skipped += result is None
                if result and deadline and deadline.settled_at:
                    lag = max(lag, deadline.settled_at - deadline.due_at)
        if now is None:
            at = database_now()
            if process:
                _note_pulse(process, at, lag, handled)
    if process:
        _note_pulse(process, at, lag, handled)
    return Tick(at, handled, failed, skipped, lag, next_due(at))


Result = tuple[bool | None, Deadline | None]
"""True handled, False failed, None left to somebody else (who holds the subject, or was quicker); and what.
None with a promise: others' locks were in its way, and its subject waits for the next tick."""


def _in_turn(
    deadline_id: int,
    subject_type: str,
    subject_id: int,
    now: datetime | None,
    over_since: datetime | None,
    left: set[tuple[str, int]],
) -> Iterator[Result]:
    """Handles a promise, and before it those of its subject that fell due earlier: somebody held the
    subject when their turn came, and what is done in the wrong order cannot be mended.

    A subject with others' locks in its way is `left` for the next tick.
    """
    if (subject_type, subject_id) in left:
        yield None, None
        return
    while True:
        result, deadline = _handle(deadline_id, subject_type, subject_id, now, over_since)
        yield result, deadline
        if result is None and deadline:
            left.add((subject_type, subject_id))
        if result is None or deadline is None or deadline.pk == deadline_id:
            return


def _handle(
    deadline_id: int,
    subject_type: str,
    subject_id: int,
    now: datetime | None,
    over_since: datetime | None,
) -> Result:
    """Takes the subject's earliest promise that is due.

    The clock is read with the subject locked: a batch lasts, and what is done later is never dated earlier.
    """
    deadline = None
    try:
        with transaction.atomic():
            if not subject_named(subject_type).lock(subject_id):
                busy = True
            else:
                busy = False
                at = now or ClockTimestamp()
                deadline = (
                    Deadline.objects.select_for_update(skip_locked=True)
                    .filter(subject_type=subject_type, subject_id=subject_id)
                    .filter(state=State.PENDING, run_at__lte=at)
                    .annotate(looked_at=ClockTimestamp())
                    .order_by("due_at", "id")
                    .first()
                )
                if deadline is None:
                    return None, None
                _carry_out(deadline, now or deadline.looked_at, over_since)
        if not busy:
            return True, deadline
    except Exception as error:
        failed = deadline.pk if deadline else deadline_id
        if isinstance(error, OperationalError | InterfaceError):
            if _connection_lost():
                raise
            if deadline is None or getattr(error.__cause__, "sqlstate", None) in PASSING:
                logger.warning("promise %s waits: its rows are locked", failed, exc_info=True)
                return None, deadline
        logger.exception("the handler of promise %s failed", failed)
        _note_failure(failed, error, now or database_now())
        return False, deadline
    _complain_when_stuck(deadline_id, now or database_now())
    return None, None


def _carry_out(deadline: Deadline, now: datetime, over_since: datetime | None) -> None:
    kind = kind_named(deadline.kind)
    may_be_late = over_since is not None and deadline.due_at < over_since
    outage = outage_of(deadline.due_at) if may_be_late else None
    reason = DOWN if outage else ""
    with one_look():
        evidence = kind.handler(deadline, Due(now, bool(outage), reason)) or {}
    failpoint.reached("after-handler")
    state = State.MISSED if deadline.nature == Nature.DUTY else State.MET
    settled = Deadline.objects.filter(pk=deadline.pk, state=State.PENDING, due_at__lte=now).update(
        state=state,
        settled_at=now,
        fulfilled_at=now if state == State.MET else None,
        evidence={**deadline.evidence, **evidence},
        late_reason=reason,
        last_error="",
    )
    if settled:
        deadline.settled_at = now
        promises_settled.announce(deadline_ids=[deadline.pk], now=now.isoformat())


def _note_failure(deadline_id: int, error: Exception, now: datetime) -> None:
    with transaction.atomic():
        deadline = (
            Deadline.objects.select_for_update(skip_locked=True)
            .filter(pk=deadline_id, state=State.PENDING)
            .first()
        )
        if deadline is None:
            return
        deadline.tries += 1
        wait = min(
            settings.ENFORCE_RETRY_BASE_SECONDS * 2 ** min(deadline.tries - 1, 12),
            settings.ENFORCE_RETRY_CAP_SECONDS,
        )
        deadline.run_at = now + timedelta(seconds=wait)
        deadline.last_error = f"{type(error).__name__}: {error}"[:2000]
        deadline.save(update_fields=["tries", "run_at", "last_error"])


def _complain_when_stuck(deadline_id: int, now: datetime) -> None:
    """A subject that stays locked, or no longer exists, must not leave its promise in silence."""
    Deadline.objects.filter(
        pk=deadline_id, state=State.PENDING, run_at__lte=now - timedelta(minutes=1)
    ).update(tries=1, last_error="Its subject could not be locked for a minute, or is gone.")


def _connection_lost() -> bool:
    try:
        return not connection.is_usable()
    except (DatabaseError, InterfaceError):
        return True


def _note_outage(now: datetime, before: datetime | None) -> bool:
    if before is None or now - before <= timedelta(seconds=settings.OUTAGE_AFTER_SECONDS):
        return False
    Outage.objects.bulk_create([Outage(began_at=before, ended_at=now)], ignore_conflicts=True)
    return True


# The next second brings another: a pulse that a power cut takes away need not have been on the disk.
PULSE = """
INSERT INTO deadlines_pulse (name, role, ticked_at, lag, skew, handled, schedule)
SELECT %s, %s, %s, %s, %s, %s, %s FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
ON CONFLICT (name) DO UPDATE SET
    ticked_at = excluded.ticked_at, lag = excluded.lag, skew = excluded.skew, handled = excluded.handled,
    schedule = excluded.schedule
"""


def _note_pulse(process: str, now: datetime, lag: timedelta, handled: int) -> None:
    skew = datetime.now(UTC) - now  # noqa: TID251 - the very thing that is measured
    values: list[Any] = [
        process,
        process.partition(":")[0],
        now,
        lag,
        skew,
        handled,
        schedule_digest(),
    ]
    with connection.cursor() as cursor:
        cursor.execute(PULSE, values)
