"""What the broker carries: nudges that go stale, and never a deadline."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from portal.celery import app

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
