"""The loop: what is due is handled once, by whoever comes first, and nothing blocks the rest."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction

from deadlines import extension
from deadlines.enums import Nature, Reach, State
from deadlines.extension import DomainEvent, problems
from deadlines.models import Deadline, Outage, Pulse
from deadlines.registry import Due, Kind, register_kind
from deadlines.services import Promise, enforce, schedule
from tests.deadlines.conftest import NOON, Bell
from tests.deadlines.test_promises import after, promise


@pytest.mark.django_db
def test_what_is_due_is_handled_oldest_first_and_what_is_not_due_waits(bell: Bell) -> None:
    schedule(
        [promise("late", minutes=3), promise("first", minutes=1), promise("later", minutes=9)],
        now=NOON,
    )
    assert enforce(now=after(3)).handled == 2
    assert bell.keys == ["first", "late"]


@pytest.mark.django_db
def test_an_act_is_met_with_its_evidence_and_its_lateness(bell: Bell) -> None:
    schedule([promise(kind="tests.act")], now=NOON)
    enforce(now=after(6))
    row = Deadline.objects.get()
    assert (row.state, row.evidence, row.late_by) == (State.MET, {"rang": True}, 60.0)


@pytest.mark.django_db
def test_a_failing_handler_is_retried_with_backoff_and_blocks_nobody(bell: Bell) -> None:
    schedule([promise("bad", minutes=1), promise("good", minutes=2)], now=NOON)
    bell.broken.add("bad")
    tick = enforce(now=after(2))
    assert (tick.handled, tick.failed) == (1, 1)
    row = Deadline.objects.get(key="bad")
    assert (row.tries, row.last_error, row.state) == (
        1,
        "RuntimeError: the bell is broken",
        State.PENDING,
    )
    assert enforce(now=after(2)).failed == 0, "not before the backoff has passed"
    assert [p.name for p in problems(after(2)) if p.name == "handlers"] == ["handlers"]
    bell.broken.clear()
    enforce(now=after(3))
    row.refresh_from_db()
    assert (row.state, row.last_error, row.settled_at) == (State.MISSED, "", after(3))


@pytest.mark.django_db
def test_a_handler_that_takes_too_long_for_the_database_is_counted_and_blocks_nobody(
    bell: Bell,
) -> None:
    def endless(deadline: Deadline, due: Due) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(60)")

    register_kind(Kind("tests.endless", Nature.ACT, Reach.NOW, endless, "Endless"))
    schedule(
        [promise("bad", kind="tests.endless", minutes=1), promise("good", minutes=2)], now=NOON
    )

    tick = enforce(now=after(2))

    assert (tick.handled, tick.failed, bell.keys) == (1, 1, ["good"])
    row = Deadline.objects.get(key="bad")
    assert (row.tries, row.state) == (1, State.PENDING)
    assert row.run_at > after(2)
    assert row.last_error.startswith("OperationalError: canceling statement")


@pytest.mark.django_db
@pytest.mark.parametrize("sqlstate", ["40P01", "40001", "55P03"])
def test_who_runs_into_others_locks_is_not_counted_and_comes_again_in_its_order(
    bell: Bell, sqlstate: str
) -> None:
    tried: list[str] = []

    def unlucky(deadline: Deadline, due: Due) -> None:
        tried.append(deadline.key)
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$")

    register_kind(Kind("tests.unlucky", Nature.ACT, Reach.NOW, unlucky, "Unlucky"))
    schedule(
        [
            promise("bad", kind="tests.unlucky", minutes=1),
            promise("next", minutes=2),
            promise("other", minutes=2, subject_id=2),
        ],
        now=NOON,
    )

    tick = enforce(now=after(2))

    assert (tick.handled, tick.failed, tick.skipped) == (1, 0, 2)
    assert (tried, bell.keys) == (["bad"], ["other"])
    row = Deadline.objects.get(key="bad")
    assert (row.tries, row.run_at) == (0, after(1))

    register_kind(Kind("tests.unlucky", Nature.ACT, Reach.NOW, bell.ring, "Lucky"))
    assert enforce(now=after(2)).handled == 2
    assert bell.keys == ["other", "bad", "next"]


@pytest.mark.django_db
def test_what_a_failing_handler_wrote_is_undone(bell: Bell) -> None:
    def half(deadline: Deadline, due: Due) -> None:
        schedule([promise("half-written", minutes=90)], now=due.now)
        raise RuntimeError("in the middle")

    register_kind(Kind("tests.half", Nature.ACT, Reach.NOW, half, "Half"))
    schedule([promise(kind="tests.half")], now=NOON)
    enforce(now=after(5))
    assert not Deadline.objects.filter(key="half-written").exists()


@pytest.mark.django_db
def test_a_handler_may_promise_what_is_due_at_once(bell: Bell) -> None:
    def chain(deadline: Deadline, due: Due) -> None:
        if deadline.round < 3:
            schedule(
                [
                    Promise(
                        "tests.chain",
                        "tests.bell",
                        1,
                        f"chain:{deadline.round + 1}",
                        due.now,
                        round=deadline.round + 1,
                    )
                ],
                now=due.now,
            )

    register_kind(Kind("tests.chain", Nature.ACT, Reach.NOW, chain, "Chain"))
    schedule([Promise("tests.chain", "tests.bell", 1, "chain:0", NOON)], now=NOON)
    assert enforce(now=NOON).handled == 4


@pytest.mark.django_db
def test_a_kind_nobody_registers_any_more_is_loud_and_kept(bell: Bell) -> None:
    [row] = schedule([promise()], now=NOON)
    Deadline.objects.filter(pk=row.pk).update(kind="tests.gone")
    enforce(now=after(5))
    row.refresh_from_db()
    assert "tests.gone" in row.last_error
    assert row.state == State.PENDING


@pytest.mark.django_db
def test_more_than_a_batch_is_handled_in_one_tick(bell: Bell) -> None:
    schedule([promise(str(n), minutes=1, subject_id=n) for n in range(25)], now=NOON)
    assert enforce(now=after(1), batch=10).handled == 25


@pytest.mark.django_db
def test_what_fell_due_while_nothing_ticked_is_marked_late_in_order(bell: Bell) -> None:
    enforce(now=NOON, process="clock:a")
    schedule(
        [promise("one", minutes=1), promise("two", minutes=4), promise("now", minutes=10)], now=NOON
    )
    enforce(now=after(10), process="clock:a")
    assert [(key, due.late, due.late_reason) for key, due in bell.rung] == [
        ("one", True, "the portal was down"),
        ("two", True, "the portal was down"),
        ("now", False, ""),
    ]
    assert Deadline.objects.get(key="one").late_reason == "the portal was down"
    assert list(Outage.objects.values_list("began_at", "ended_at")) == [(NOON, after(10))]


@pytest.mark.django_db
def test_a_living_clock_records_no_outage(bell: Bell) -> None:
    for second in range(0, 120, 20):
        enforce(now=NOON + timedelta(seconds=second), process="clock:a")
    assert not Outage.objects.exists()
    assert Pulse.objects.get().ticked_at == NOON + timedelta(seconds=100)


@pytest.mark.django_db
def test_a_dead_clock_is_a_problem(bell: Bell) -> None:
    enforce(now=NOON, process="clock:a")
    assert "clock" not in {p.name for p in problems(NOON + timedelta(seconds=5))}
    assert "clock" in {p.name for p in problems(NOON + timedelta(seconds=15))}


@pytest.mark.django_db
def test_a_receiver_that_fails_never_refuses_the_verb_and_is_called_again(
    bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extension, "_events", dict(extension._events))
    heard: list[int] = []
    broken = [True]
    event = DomainEvent("tests_rang")

    @event.listen
    def hear(number: int) -> None:
        Deadline.objects.filter(key="a").update(owed_by="touched")
        if broken[0]:
            raise RuntimeError("deaf")
        heard.append(number)

    schedule([promise()], now=NOON)
    with transaction.atomic():
        event.announce(number=7)
    assert Deadline.objects.get(key="a").owed_by == "", "what it wrote is undone"
    kept = Deadline.objects.get(kind="deadlines.receiver")
    assert "deaf" in kept.last_error
    broken[0] = False
    enforce(now=kept.due_at)
    assert heard == [7]
    kept.refresh_from_db()
    assert kept.state == State.MET


@pytest.mark.django_db(transaction=True)
def test_four_engines_at_once_handle_each_promise_exactly_once(bell: Bell) -> None:
    schedule([promise(str(n), minutes=1, subject_id=n) for n in range(200)], now=NOON)
    barrier = threading.Barrier(4)

    def engine() -> None:
        barrier.wait()
        enforce(now=after(1), batch=20)
        connection.close()

    threads = [threading.Thread(target=engine) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    enforce(now=after(1))
    assert Counter(bell.keys) == Counter(str(n) for n in range(200))


@pytest.mark.django_db(transaction=True)
def test_a_locked_subject_is_passed_over_and_found_again(bell: Bell) -> None:
    schedule(
        [promise("held", minutes=1, subject_id=1), promise("free", minutes=1, subject_id=2)],
        now=NOON,
    )
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
            holding.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    tick = enforce(now=after(1))
    assert (tick.handled, tick.skipped, bell.keys) == (1, 1, ["free"])
    done.set()
    thread.join()
    enforce(now=after(1))
    assert bell.keys == ["free", "held"]


@pytest.mark.django_db
def test_a_tick_says_when_the_next_promise_falls_due(bell: Bell) -> None:
    schedule([promise("now", minutes=1), promise("then", minutes=4)], now=NOON)
    assert enforce(now=after(1)).next_at == after(4)
    assert enforce(now=after(4)).next_at is None


@pytest.mark.django_db
def test_only_what_fell_due_within_an_outage_is_late(bell: Bell) -> None:
    enforce(now=NOON, process="clock:a")
    enforce(now=after(5), process="clock:a")
    schedule([promise("within", minutes=4), promise("since", minutes=6)], now=after(5))
    enforce(now=after(6))
    assert [(key, due.late) for key, due in bell.rung] == [("within", True), ("since", False)]
