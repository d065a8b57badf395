"""Real connections at once: nothing is lost, nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Sum

from alerts.enums import Action, IntegrationKind
from alerts.models import Alert
from alerts.services import take
from alerts.services.intake import Busy
from deadlines.extension import Actor
from deadlines.services import enforce
from incidents import services as incidents
from incidents.models import AlertTally, Incident
from tests.alerts.factories import Sender, event, make_sender
from tests.incidents.factories import WEDNESDAY, page_outs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
THREADS = 16


@pytest.fixture
def sender(transactional_db: None) -> Sender:
    return make_sender(kind="generic")


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Runs the jobs on sixteen connections, beginning together; what one raises is its result."""
    start = threading.Barrier(min(THREADS, len(jobs)))

    def work(mine: list[Callable[[], Any]]) -> list[Any]:
        results = []
        start.wait()
        try:
            for job in mine:
                try:
                    results.append(job())
                except Exception as error:  # noqa: BLE001 - the result of the job
                    results.append(error)
        finally:
            connection.close()
        return results

    shares = [jobs[number :: len(jobs[:THREADS])] for number in range(len(jobs[:THREADS]))]
    with ThreadPoolExecutor(len(shares)) as pool:
        return [result for results in pool.map(work, shares) for result in results]


def sending(sender: Sender, *events: Any) -> Callable[[], Any]:
    return lambda: take(sender.key, IntegrationKind.GENERIC, list(events), now=WEDNESDAY)


def somebody_waits(cursor: CursorWrapper, give_up: threading.Event) -> bool:
    """Looks until another connection waits for a lock of this one; False when that never came."""
    for _ in range(200):
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        if cursor.fetchone()[0]:
            return True
        if give_up.wait(0.02):
            break
    return False


def failures(results: list[Any]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


def test_one_event_a_thousand_times_at_once_is_one_alert_and_one_incident(sender: Sender) -> None:
    results = at_once([sending(sender, event("same"))] * 1000)
    assert failures(results) == []
    assert sum(result.new for result in results) == 1
    assert sender.alert.count == 1000
    assert sender.world.called(sender.incident) == ["primary"]


def test_many_alerts_of_one_rule_at_once_are_one_incident_with_one_page(sender: Sender) -> None:
    results = at_once([sending(sender, event(f"key-{number}")) for number in range(320)])
    assert failures(results) == []
    assert Alert.objects.filter(incident=sender.incident, count=1).count() == 320
    assert Incident.objects.count() == 1
    assert AlertTally.objects.get().count == 320
    assert len(page_outs(sender.incident)) == 1


def test_groups_that_overlap_in_every_order_never_wait_for_each_other_for_ever(
    sender: Sender,
) -> None:
    keys = [f"key-{number}" for number in range(60)]
    jobs = []
    for turn in range(64):
        mine = keys[turn % 60 :] + keys[: turn % 60]
        mine = mine if turn % 2 else mine[::-1]
        jobs.append(sending(sender, *[event(key, rule=f"rule {int(key[4:]) % 5}") for key in mine]))
    results = at_once(jobs)
    assert failures(results) == []
    assert Alert.objects.count() == 60
    assert Alert.objects.aggregate(told=Sum("count"))["told"] == 64 * 60
    assert Incident.objects.count() == 5


def test_an_incident_resolved_while_alerts_come_keeps_none_of_them(sender: Sender) -> None:
    """Whatever came after the end is in a new incident, and no firing alert hangs on one that is over."""
    take(sender.key, IntegrationKind.GENERIC, [event("first")], now=WEDNESDAY)
    first = sender.incident
    source = Actor("integration", sender.integration.pk, "source")

    def end() -> Any:
        return incidents.resolve(first.pk, actor=source, now=WEDNESDAY, waive="")

    jobs = [sending(sender, event(f"key-{number}")) for number in range(150)]
    jobs.insert(70, end)
    assert failures(at_once(jobs)) == []
    assert Incident.objects.get(pk=first.pk).status == "resolved"
    assert not Alert.objects.exclude(state="resolved").filter(incident=first).exists()
    assert not Alert.objects.filter(incident=None).exists()
    assert Alert.objects.aggregate(told=Sum("count"))["told"] == 151


def test_trigger_acknowledge_and_resolve_of_one_key_at_once(sender: Sender) -> None:
    actions = [Action.TRIGGER, Action.ACKNOWLEDGE, Action.RESOLVE]
    results = at_once(
        [sending(sender, event("same", action=actions[number % 3])) for number in range(150)]
    )
    assert [error for error in failures(results) if not isinstance(error, Busy)] == []
    assert Alert.objects.exclude(state="resolved").count() <= 1
    assert Alert.objects.aggregate(told=Sum("count"))["told"] == 50
    assert not Alert.objects.filter(incident=None).exists()


def test_the_clock_can_take_an_incident_while_a_storm_joins_it(sender: Sender) -> None:
    take(sender.key, IntegrationKind.GENERIC, [event("first")], now=WEDNESDAY)
    incident = sender.incident

    def acknowledge() -> Any:
        return incidents.acknowledge(
            incident.pk, actor=sender.world.actor("primary"), now=WEDNESDAY + timedelta(seconds=1)
        )

    jobs = [sending(sender, event(f"key-{number}")) for number in range(160)]
    jobs.insert(80, acknowledge)
    assert failures(at_once(jobs)) == []
    assert sender.incident.status == "acknowledged"


def test_an_incident_ends_while_the_clock_raises_it_for_an_alert_it_holds(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock holds an alert and waits for the incident; who ends the incident never waits for it."""
    take(sender.key, IntegrationKind.GENERIC, [event("first")], now=WEDNESDAY)
    first = sender.incident
    with monkeypatch.context() as broken:
        broken.setattr("alerts.services.intake.place", lambda *_, **__: 1 / 0)
        worse = event("second", severity="critical")
        take(sender.key, IntegrationKind.GENERIC, [worse], now=WEDNESDAY)
    assert Alert.objects.get(dedup_key="second").incident_id is None
    source = Actor("integration", sender.integration.pk, "source")
    held, give_up = threading.Event(), threading.Event()

    def end() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            Incident.objects.select_for_update(no_key=True).get(pk=first.pk)
            held.set()
            blocked = somebody_waits(cursor, give_up)
            incidents.resolve(first.pk, actor=source, now=WEDNESDAY, waive="")
        return blocked

    def clock() -> Any:
        held.wait(10)
        try:
            return enforce(now=WEDNESDAY + timedelta(seconds=1))
        finally:
            give_up.set()

    results = at_once([end, clock])
    assert failures(results) == []
    assert results[0] is True, "the clock did not wait for the incident: this shows nothing"
    assert Incident.objects.get(pk=first.pk).status == "resolved"
    enforce(now=WEDNESDAY + timedelta(minutes=10))
    second = Alert.objects.select_related("incident").get(dedup_key="second")
    assert second.incident is not None
    assert second.incident.active


@pytest.mark.parametrize("key", ["first", "second"], ids=["the same alert", "another alert"])
def test_a_worse_word_never_lowers_an_incident_that_is_raised_at_the_same_moment(
    sender: Sender, key: str
) -> None:
    take(sender.key, IntegrationKind.GENERIC, [event("first", severity="P3")], now=WEDNESDAY)
    first = sender.incident
    held, give_up = threading.Event(), threading.Event()

    def raise_it() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            incidents.set_severity(
                first.pk, severity="P1", actor=sender.world.actor("manager"), now=WEDNESDAY
            )
            held.set()
            return somebody_waits(cursor, give_up)

    def tell() -> Any:
        held.wait(10)
        try:
            return sending(sender, event(key, severity="P2"))()
        finally:
            give_up.set()

    waited, receipt = at_once([raise_it, tell])
    assert (waited, failures([receipt])) == (True, [])
    assert Alert.objects.filter(incident=first, severity="P2", dedup_key=key).count() == 1
    assert sender.incident.severity == "P1"
