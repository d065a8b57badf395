"""What the broker carries: nudges that go stale, and never a deadline. What beat sends, and when."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from deadlines.extension import problems
from deadlines.models import Pulse, ScheduleRepair
from deadlines.queries import database_now
from deadlines.services import enforce, restore_schedule
from portal.celery import app
from portal.clock import keep_schedule
from tests.directory.factories import make_admin
from tests.incidents.test_races import together

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "portal",
    "alerts",
    "incidents",
    "rotations",
    "notifications",
    "directory",
    "procedures",
    "deadlines",
)


@pytest.fixture(autouse=True)
def every_task_is_known() -> None:
    """As a worker does when it starts."""
    app.loader.import_default_modules()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["enforce", "sweep"])
def test_beats_tick_goes_stale_so_that_a_frozen_broker_leaves_no_pile(name: str) -> None:
    DatabaseScheduler(app=app)
    tick = PeriodicTask.objects.get(name=name)
    assert tick.task in app.tasks
    assert tick.interval.period == "seconds"
    assert 0 < (tick.expire_seconds or 0) <= 10


def test_every_task_of_ours_goes_to_a_queue_that_a_worker_reads() -> None:
    ours = [name for name in app.tasks if name.split(".")[0] in ROOMS]
    assert ours
    queues = {
        app.amqp.router.route({}, name)["queue"].name
        for name in [*ours, "notifications.slow_digest", "reviews.tasks.slow_report"]
    }
    assert queues == {settings.CELERY_TASK_DEFAULT_QUEUE, "slow"}


def test_no_deadline_is_left_to_the_broker() -> None:
    """A delayed task is lost with its worker, and runs again after the visibility timeout."""
    found = [
        f"{path.relative_to(ROOT)}:{node.value.lineno}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg in {"eta", "countdown"}
    ]
    assert found == []


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def scheduled(db: None) -> PeriodicTask:
    """Beat's row, as `prepare` makes it."""
    assert restore_schedule(now=NOW, quiet=True) == []
    return PeriodicTask.objects.get(name="enforce")


def delete(row: PeriodicTask) -> None:
    row.delete()


def delete_its_interval(row: PeriodicTask) -> None:
    row.interval.delete()


def disable(row: PeriodicTask) -> None:
    PeriodicTask.objects.filter(pk=row.pk).update(enabled=False)


def slow_down(row: PeriodicTask) -> None:
    row.interval = IntervalSchedule.objects.create(every=1, period="hours")
    row.save()


def send_elsewhere(row: PeriodicTask) -> None:
    PeriodicTask.objects.filter(pk=row.pk).update(queue="nobody-reads-it")


def end_it(row: PeriodicTask) -> None:
    PeriodicTask.objects.filter(pk=row.pk).update(one_off=True, expires=NOW)


@pytest.mark.parametrize(
    ("meddle", "what"),
    [
        (delete, "deleted"),
        (delete_its_interval, "deleted"),
        (disable, "disabled"),
        (slow_down, "edited"),
        (send_elsewhere, "edited"),
        (end_it, "edited"),
    ],
)
def test_a_schedule_row_that_somebody_meddled_with_is_restored_and_reported(
    scheduled: PeriodicTask,
    meddle: Callable[[PeriodicTask], None],
    what: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    meddle(scheduled)
    [problem] = [p for p in problems(NOW) if p.name == "schedule"]
    assert (problem.severity, what in problem.detail) == ("warning", True), "before any clock comes"

    [repair] = restore_schedule(now=NOW)
    assert restore_schedule(now=NOW) == []

    assert (repair.name, repair.what, list(ScheduleRepair.objects.all())) == (
        "enforce", what, [repair],
    )  # fmt: skip
    row = PeriodicTask.objects.get(name="enforce")
    assert (row.enabled, row.interval.every, row.interval.period) == (True, 1, "seconds")
    assert (row.queue, row.one_off, row.expires) == (None, False, None)
    [problem] = [p for p in problems(NOW + timedelta(hours=23)) if p.name == "schedule"]
    assert f"enforce was {what}, restored at 2026-03-02 12:00:00" in problem.detail
    assert not [p for p in problems(NOW + timedelta(hours=25)) if p.name == "schedule"]
    assert "is restored" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_running_beat_sends_again_once_its_row_is_restored() -> None:
    restore_schedule(now=NOW, quiet=True)
    beat = DatabaseScheduler(app=app)
    assert "enforce" in beat.schedule
    PeriodicTask.objects.all().delete()
    assert "enforce" not in beat.schedule
    restore_schedule(now=NOW)
    assert "enforce" in beat.schedule


def test_the_schedule_of_another_version_that_still_ticks_is_no_meddling(
    scheduled: PeriodicTask, settings: Any
) -> None:
    ours = settings.CELERY_BEAT_SCHEDULE
    enforce(process="clock:new:1")
    settings.CELERY_BEAT_SCHEDULE = ours | {"enforce": ours["enforce"] | {"schedule": 7.0}}
    enforce(process="clock:old:1")
    now = database_now()
    for schedule in (ours, settings.CELERY_BEAT_SCHEDULE):
        settings.CELERY_BEAT_SCHEDULE = schedule
        assert restore_schedule(now=now) == []
    scheduled.refresh_from_db()
    assert scheduled.interval.every == 1

    disable(scheduled)
    settings.CELERY_BEAT_SCHEDULE = ours
    assert [repair.what for repair in restore_schedule(now=now)] == ["disabled"]

    slow_down(PeriodicTask.objects.get(pk=scheduled.pk))
    assert restore_schedule(now=now) == []
    Pulse.objects.filter(name="clock:old:1").update(ticked_at=now - timedelta(minutes=1))
    assert [repair.what for repair in restore_schedule(now=now)] == ["edited"]


@pytest.mark.django_db
def test_rows_of_other_names_are_left_alone(scheduled: PeriodicTask) -> None:
    other = PeriodicTask.objects.create(
        name="theirs", task="theirs", interval=scheduled.interval, enabled=False
    )
    assert restore_schedule(now=NOW) == []
    other.refresh_from_db()
    assert other.enabled is False


@pytest.mark.django_db
def test_before_anything_was_scheduled_nothing_is_amiss() -> None:
    assert not [p for p in problems(NOW) if p.name == "schedule"]


def test_the_clock_looks_after_the_schedule(scheduled: PeriodicTask) -> None:
    scheduled.delete()
    keep_schedule()
    assert PeriodicTask.objects.filter(name="enforce", enabled=True).exists()


def test_the_schedule_is_shown_in_the_admin_and_edited_nowhere(
    scheduled: PeriodicTask, client: Client
) -> None:
    client.force_login(make_admin())
    page = client.get(reverse("admin:django_celery_beat_periodictask_changelist"))
    assert "every second" in page.content.decode()
    row = client.get(reverse("admin:django_celery_beat_periodictask_change", args=[scheduled.pk]))
    assert "deadlines.tasks.enforce" in row.content.decode()
    deletion = reverse("admin:django_celery_beat_periodictask_delete", args=[scheduled.pk])
    assert client.post(deletion, {"post": "yes"}).status_code == 403
    ScheduleRepair.objects.create(at=NOW, name="enforce", what="deleted")
    repairs = client.get(reverse("admin:deadlines_schedulerepair_changelist"))
    assert "deleted" in repairs.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_clocks_restore_a_row_once() -> None:
    restore_schedule(now=NOW, quiet=True)
    PeriodicTask.objects.all().delete()
    assert together(*[lambda: restore_schedule(now=NOW)] * 4) == []
    assert ScheduleRepair.objects.count() == len(settings.CELERY_BEAT_SCHEDULE)
