"""Two real connections at once: what a transaction test cannot show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from deadlines.models import Deadline
from deadlines.services import enforce
from incidents import services
from incidents.enums import Promised, Status
from incidents.models import Incident
from tests.incidents.factories import WEDNESDAY, World, make_world, page_outs

ROUNDS = 40
DUE = WEDNESDAY + timedelta(minutes=15)


def together(*calls: Callable[[], Any]) -> list[BaseException]:
    """Runs the calls at the same moment, each on its own connection; returns what they raised."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            call()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


@pytest.fixture
def racing(transactional_db: None) -> World:
    return make_world()


@pytest.mark.slow
@pytest.mark.clause("C30", "C39")
def test_an_acknowledgment_races_its_deadline_without_a_deadlock_and_one_of_them_wins(
    racing: World,
) -> None:
    actor = racing.actor("primary")
    for number in range(ROUNDS):
        incident = racing.declare("P2", title=f"Round {number}")
        raised = together(
            lambda: services.acknowledge(incident.pk, actor=actor, now=DUE),  # noqa: B023 - joined in this round
            lambda: enforce(now=DUE),
        )
        assert raised == []
        enforce(now=DUE)
        incident.refresh_from_db()
        assert incident.status == Status.ACKNOWLEDGED
        duty = Deadline.objects.get(subject_id=incident.pk, kind=Promised.ACKNOWLEDGE)
        missed = incident.timeline.filter(kind="missed", data__promise=Promised.ACKNOWLEDGE).count()
        assert (duty.state, missed) in [("met", 0), ("missed", 1)]
        secondary = [page for page in page_outs(incident) if "unacknowledged" in page.step_key]
        entries = list(incident.timeline.values_list("kind", flat=True))
        if secondary:
            assert entries.index("acknowledged") > entries.index("owner")
        numbers = list(incident.timeline.values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
        assert not [page for page in page_outs(incident) if page.state in ("waiting", "held")]


@pytest.mark.slow
def test_two_clocks_fire_each_step_once(racing: World) -> None:
    incident = racing.declare("P1")
    for minute in range(1, 16):
        at = WEDNESDAY + timedelta(minutes=minute)
        assert together(lambda: enforce(now=at), lambda: enforce(now=at)) == []  # noqa: B023
        enforce(now=at)
    repeats = [page for page in page_outs(incident) if page.step_key.endswith("/repeat")]
    assert len(repeats) == 3 + 5 + 5
    assert Deadline.objects.filter(kind=Promised.REPEAT, state="pending").count() == 1


@pytest.mark.slow
def test_incidents_declared_at_once_have_different_references(racing: World) -> None:
    raised = together(*(lambda n=n: racing.declare("P4", title=f"Number {n}") for n in range(8)))
    assert raised == []
    assert Incident.objects.values("ref").distinct().count() == 8


@pytest.mark.slow
def test_two_people_acknowledge_and_one_is_the_first(racing: World) -> None:
    incident = racing.declare("P1")
    raised = together(
        lambda: services.acknowledge(incident.pk, actor=racing.actor("primary"), now=DUE),
        lambda: services.acknowledge(incident.pk, actor=racing.actor("secondary"), now=DUE),
    )
    assert raised == []
    firsts = incident.timeline.filter(kind="acknowledged").values_list("data__first", flat=True)
    assert sorted(firsts) == [False, True]


@pytest.mark.slow
def test_a_storm_does_not_wait_for_the_incident_and_counts_every_alert(racing: World) -> None:
    incident = racing.declare("P2")
    raised = together(
        *(
            lambda: [services.note_alerts(incident.pk, 1, now=DUE) for _ in range(25)]
            for _ in range(3)
        ),
        lambda: services.acknowledge(incident.pk, actor=racing.actor("primary"), now=DUE),
    )
    assert raised == []
    incident.refresh_from_db()
    assert incident.alert_tally.count == 75


@pytest.mark.slow
def test_two_taps_at_the_same_moment_declare_one_incident(racing: World) -> None:
    actor = racing.actor("engineer")
    taps = [lambda: racing.declare("P2", title="One tap too many", actor=actor)] * 4
    assert together(*taps) == []
    assert Incident.objects.filter(title="One tap too many").count() == 1
