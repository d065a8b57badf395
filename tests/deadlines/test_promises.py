"""The verbs of a promise."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from deadlines.enums import State
from deadlines.events import promises_settled
from deadlines.models import Deadline
from deadlines.services import (
    Promise,
    cancel,
    enforce,
    move,
    pause,
    resume,
    schedule,
    settle,
    waive,
)
from tests.deadlines.conftest import NOON, Bell

pytestmark = pytest.mark.django_db


def promise(
    key: str = "a", *, kind: str = "tests.duty", minutes: float = 5, subject_id: int = 1
) -> Promise:
    return Promise(
        kind, "tests.bell", subject_id, key, NOON + timedelta(minutes=minutes), clause="C27"
    )


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_a_promise_is_made_once_per_key(bell: Bell) -> None:
    [first] = schedule([promise()], now=NOON)
    assert schedule([promise(minutes=99)], now=NOON) == []
    assert Deadline.objects.get() == first
    assert Deadline.objects.get().due_at == after(5)


def test_new_promises_are_told_from_those_that_stand(bell: Bell) -> None:
    schedule([promise("one")], now=NOON)
    new = schedule([promise("two"), promise("one"), promise("three")], now=NOON)
    assert [row.key for row in new] == ["two", "three"]
    assert [Deadline.objects.get(key=row.key).pk for row in new] == [row.pk for row in new]


def test_a_promise_kept_as_it_is_made_is_met_and_announced(bell: Bell) -> None:
    heard: list[list[int]] = []

    def hear(deadline_ids: list[int], now: str) -> None:
        heard.append(deadline_ids)

    promises_settled.listen(hear)
    try:
        [row] = schedule([], kept=[promise()], now=NOON, evidence={"paged": [1]})
        assert schedule([], kept=[promise()], now=after(1)) == []
    finally:
        promises_settled._receivers.pop(f"{hear.__module__}.{hear.__qualname__}")
    row.refresh_from_db()
    assert (row.state, row.settled_at, row.evidence) == (State.MET, NOON, {"paged": [1]})
    assert heard == [[row.pk]]
    assert enforce(now=after(9)).handled == 0


def test_an_unknown_kind_is_refused_by_name(bell: Bell) -> None:
    with pytest.raises(LookupError, match=r"tests\.nonsense"):
        schedule([promise(kind="tests.nonsense")], now=NOON)


def test_a_duty_done_in_time_is_met(bell: Bell) -> None:
    schedule([promise()], now=NOON)
    settle("tests.bell", 1, now=after(3), evidence={"by": "Ada"})
    row = Deadline.objects.get()
    assert (row.state, row.settled_at, row.fulfilled_at, row.late_by) == (
        State.MET,
        after(3),
        after(3),
        0.0,
    )
    assert row.evidence == {"by": "Ada"}
    assert enforce(now=after(9)).handled == 0


def test_a_duty_undone_when_due_is_missed_and_later_says_how_late_it_was_done(bell: Bell) -> None:
    schedule([promise()], now=NOON)
    enforce(now=after(5))
    row = Deadline.objects.get()
    assert (row.state, row.settled_at, row.late_by) == (State.MISSED, after(5), None)
    settle("tests.bell", 1, now=after(7))
    row.refresh_from_db()
    assert (row.state, row.fulfilled_at, row.late_by) == (State.MISSED, after(7), 120.0)


def test_a_duty_done_late_but_before_the_clock_looked_is_missed_all_the_same(bell: Bell) -> None:
    schedule([promise()], now=NOON)
    settle("tests.bell", 1, now=after(5.5))
    row = Deadline.objects.get()
    assert (row.state, row.late_by) == (State.MISSED, 30.0)


def test_a_duty_that_no_longer_applies_was_missed_if_its_time_was_over(bell: Bell) -> None:
    schedule([promise("over", minutes=5), promise("open", minutes=9)], now=NOON)
    schedule([promise("act", kind="tests.act", minutes=5)], now=NOON)
    cancel("tests.bell", 1, now=after(5.5), reason="resolved")
    rows = Deadline.objects.values_list("key", "state", "fulfilled_at")
    assert sorted(rows) == [
        ("act", State.CANCELLED, None),
        ("open", State.CANCELLED, None),
        ("over", State.MISSED, None),
    ]


def test_settling_chooses_by_subject_kind_and_key(bell: Bell) -> None:
    schedule(
        [
            promise("duty"),
            promise("act", kind="tests.act"),
            promise("other", subject_id=2),
        ],
        now=NOON,
    )
    settle("tests.bell", 1, kinds=["tests.duty"], now=NOON)
    assert dict(Deadline.objects.values_list("key", "state")) == {
        "duty": "met",
        "act": "pending",
        "other": "pending",
    }


def test_a_pause_keeps_the_time_that_was_left(bell: Bell) -> None:
    schedule([promise(minutes=60)], now=NOON)
    pause("tests.bell", 1, now=after(20))
    assert enforce(now=after(500)).handled == 0
    resume("tests.bell", 1, now=after(100))
    row = Deadline.objects.get()
    assert (row.state, row.due_at, row.run_at) == (State.PENDING, after(140), after(140))


def test_a_paused_promise_can_be_met(bell: Bell) -> None:
    schedule([promise(minutes=60)], now=NOON)
    pause("tests.bell", 1, now=after(20))
    settle("tests.bell", 1, now=after(100))
    assert Deadline.objects.get().state == State.MET


def test_a_waiver_keeps_who_and_why(bell: Bell) -> None:
    schedule([promise()], now=NOON)
    waive("tests.bell", 1, now=after(1), by="Grace", reason="a drill")
    row = Deadline.objects.get()
    assert (row.state, row.evidence) == (State.WAIVED, {"by": "Grace", "reason": "a drill"})


def test_settled_is_settled_for_good(bell: Bell) -> None:
    schedule([promise()], now=NOON)
    cancel("tests.bell", 1, now=after(1), reason="not ours")
    settle("tests.bell", 1, now=after(2))
    waive("tests.bell", 1, now=after(2), by="Grace", reason="late")
    assert Deadline.objects.get().state == State.CANCELLED


def test_a_promise_that_failed_and_is_moved_is_tried_afresh(bell: Bell) -> None:
    schedule([promise("a", minutes=10)], now=NOON)
    Deadline.objects.filter(key="a").update(tries=3, last_error="RuntimeError: no")
    moved = move("a", after(50), now=after(1))
    assert moved is not None
    moved.refresh_from_db()
    assert (moved.tries, moved.last_error) == (0, "")


def test_a_promise_can_be_moved_while_it_is_pending_only(bell: Bell) -> None:
    schedule([promise()], now=NOON)
    assert move("a", after(50), now=after(1)) is not None
    assert enforce(now=after(6)).handled == 0
    assert enforce(now=after(50)).handled == 1
    assert move("a", after(90), now=after(51)) is None


def test_the_database_refuses_a_settled_promise_without_its_instant(bell: Bell) -> None:
    [row] = schedule([promise()], now=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        Deadline.objects.filter(pk=row.pk).update(state=State.MET)
