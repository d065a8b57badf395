"""Silence past its time is an alert; the next beat ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.models import Alert, HeartbeatMonitor, Integration
from alerts.services import UnknownKey, beat, stop_watching, watch
from deadlines.models import Deadline
from incidents.models import Incident
from tests.alerts.factories import Sender, make_heartbeat
from tests.incidents.factories import WEDNESDAY, World, tick

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def sender(world: World) -> Sender:
    return make_heartbeat(world, interval=300, grace=60)


def monitor() -> HeartbeatMonitor:
    return HeartbeatMonitor.objects.get()


def test_silence_past_interval_and_grace_opens_an_alert_that_pages(sender: Sender) -> None:
    beat(sender.key, now=WEDNESDAY + 100 * SECOND)
    tick(WEDNESDAY + 459 * SECOND)
    assert not Alert.objects.exists()
    tick(WEDNESDAY + 460 * SECOND)
    alert = sender.alert
    assert alert.title == f"No heartbeat from {sender.integration.name}"
    assert alert.started_at == WEDNESDAY + 100 * SECOND
    assert sender.world.called(sender.incident) == ["primary"]
    assert monitor().state == "silent"


def test_what_was_never_heard_is_silent_too(sender: Sender) -> None:
    tick(WEDNESDAY + 360 * SECOND)
    assert "Never heard" in sender.alert.description


def test_each_beat_moves_the_silence_away_with_one_promise_for_all(sender: Sender) -> None:
    for number in range(1, 20):
        beat(sender.key, now=WEDNESDAY + number * 300 * SECOND)
        tick(WEDNESDAY + number * 300 * SECOND + 100 * SECOND)
    assert not Alert.objects.exists()
    assert Deadline.objects.filter(kind="alerts.heartbeat").count() == 1
    assert (monitor().beats, monitor().state) == (19, "alive")


def test_the_next_beat_resolves_the_alert_and_watches_again(sender: Sender) -> None:
    tick(WEDNESDAY + 360 * SECOND)
    beat(sender.key, now=WEDNESDAY + 1000 * SECOND)
    assert sender.alert.state == "resolved"
    assert sender.incident.timeline.filter(kind="proposed").count() == 1
    tick(WEDNESDAY + 1360 * SECOND)
    assert Alert.objects.filter(state="firing").count() == 1
    assert Incident.objects.count() == 1


def test_a_switched_off_heartbeat_is_neither_heard_nor_missed(sender: Sender) -> None:
    Integration.objects.update(enabled=False)
    with pytest.raises(UnknownKey):
        beat(sender.key, now=WEDNESDAY)
    tick(WEDNESDAY + 3600 * SECOND)
    assert not Alert.objects.exists()


def test_watching_stops_and_begins_again(sender: Sender) -> None:
    stop_watching(monitor(), now=WEDNESDAY)
    tick(WEDNESDAY + 3600 * SECOND)
    assert not Alert.objects.exists()
    watch(monitor(), now=WEDNESDAY + 4000 * SECOND)
    tick(WEDNESDAY + 4100 * SECOND)
    assert not Alert.objects.exists()
    tick(WEDNESDAY + 4360 * SECOND)
    assert Alert.objects.count() == 1


def test_a_shorter_interval_counts_at_once(sender: Sender) -> None:
    beat(sender.key, now=WEDNESDAY)
    HeartbeatMonitor.objects.update(interval_seconds=10, grace_seconds=0)
    watch(monitor(), now=WEDNESDAY + SECOND)
    tick(WEDNESDAY + 10 * SECOND)
    assert Alert.objects.count() == 1
