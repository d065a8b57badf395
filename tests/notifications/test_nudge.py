"""The nudge as it lies in a real broker: one message, for the workers that page, that soon expires."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from notifications import delivery, nudge, tasks


@pytest.fixture
def queue(settings: Any) -> Iterator[Any]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(settings.CELERY_TASK_DEFAULT_QUEUE)
        yield client
        client.delete(settings.CELERY_TASK_DEFAULT_QUEUE)


def test_a_nudge_from_its_own_thread_reaches_the_paging_queue_and_expires(
    queue: Any, settings: Any
) -> None:
    thread = threading.Thread(target=nudge.publish)
    thread.start()
    thread.join()

    [message] = queue.lrange(settings.CELERY_TASK_DEFAULT_QUEUE, 0, -1)
    headers = json.loads(message)["headers"]
    assert headers["task"] == tasks.deliver.name
    assert headers["expires"]
    assert headers["eta"] is None


def test_the_task_delivers_and_ignores_what_a_newer_version_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "deliver_due", lambda: 3)

    assert tasks.deliver(page_ids=[1], unheard_of=True) == 3


def test_the_sweep_that_beat_asks_for_sends_what_nobody_was_nudged_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "sweep", lambda: 3)

    assert tasks.sweep.apply(kwargs={"newer": "argument"}).get() == 3
