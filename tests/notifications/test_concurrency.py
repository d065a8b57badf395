"""Real connections beside each other: nothing is sent twice, nothing waits for ever."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from deadlines import registry
from deadlines.queries import database_now
from deadlines.registry import register_subject
from notifications import delivery, nudge
from notifications.channels import Answer
from notifications.composing import compose
from notifications.enums import Outcome, PageState, Reply
from notifications.events import page_sent
from notifications.models import Attempt, Page, PageOut, PagingLimits
from notifications.services import answer_page, page_people, supersede
from notifications.services.claiming import claim, take
from notifications.services.recording import (
    Landed,
    announce_pending,
    record_answers,
    record_begun,
)
from tests.notifications.conftest import use_mail_server
from tests.notifications.factories import (
    NOON,
    MailServer,
    dripping_server,
    make_person,
    page_request,
)

pytestmark = pytest.mark.django_db(transaction=True)


def beside[T](*jobs: Callable[[], T]) -> list[T]:
    """Runs the jobs at once, each in a thread with a connection of its own."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        try:
            barrier.wait()
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


def test_two_claims_at_once_never_get_the_same_row() -> None:
    people = [make_person() for _ in range(10)]
    page_people(
        [page_request(person, number) for number in range(40) for person in people], now=NOON
    )

    def take_all() -> list[int]:
        mine: list[int] = []
        while pages := claim(NOON, 7, "worker"):
            mine += [page.pk for page in pages]
        return mine

    taken = [page_id for part in beside(*[take_all] * 4) for page_id in part]

    assert len(taken) == 400
    assert len(set(taken)) == 400


def test_several_senders_at_once_send_each_page_once(smtp: MailServer) -> None:
    PagingLimits.objects.update_or_create(pk=1, defaults={"bundle_seconds": 0})
    people = [make_person() for _ in range(10)]
    now = database_now()
    page_people([page_request(person, number) for number in range(8) for person in people], now=now)

    beside(*[lambda: delivery.deliver_due()] * 3)

    keys = Counter(str(mail["X-Watchbill-Delivery"]) for _, mail in smtp.taken)
    assert len(keys) == 80
    assert set(keys.values()) == {1}
    assert set(Page.objects.values_list("state", "tries")) == {(PageState.SENT, 1)}


def test_several_senders_at_once_bundle_one_persons_pages(smtp: MailServer) -> None:
    ann = make_person()
    now = database_now()
    page_people([page_request(ann, number) for number in range(100)], now=now)

    beside(*[lambda: delivery.deliver_due()] * 3)

    assert len(smtp.taken) == 1
    delivery.deliver_due(now=now + timedelta(minutes=2))
    assert len(smtp.taken) <= 2
    assert not Page.objects.exclude(state__in=[PageState.SENT, PageState.BUNDLED]).exists()


def test_superseding_beside_senders_neither_deadlocks_nor_lets_anything_out_afterwards(
    smtp: MailServer,
) -> None:
    PagingLimits.objects.update_or_create(pk=1, defaults={"bundle_seconds": 0})
    people = [make_person() for _ in range(6)]
    for subject in range(10):
        page_people([page_request(person, subject) for person in people], now=database_now())

    def acknowledge() -> int:
        for subject in range(10):
            supersede("tests.fire", subject, now=database_now(), reason="acknowledged")
        return 0

    beside(lambda: delivery.deliver_due(), lambda: delivery.deliver_due(), acknowledge)
    sent = len(smtp.taken)
    delivery.deliver_due(now=database_now() + timedelta(hours=1))

    assert len(smtp.taken) == sent
    states = Counter(Page.objects.values_list("state", flat=True))
    assert states[PageState.SENT] == sent
    assert states[PageState.SUPERSEDED] == 60 - sent


def test_a_result_that_comes_after_its_lease_was_taken_over_changes_nothing(
    smtp: MailServer,
) -> None:
    """The first sender froze with its message on the way; the second took over and delivered."""

    page_people([page_request(make_person())], now=NOON)
    [parcel] = take(NOON, 10, "frozen").parcels
    [begun] = record_begun([parcel], now=NOON)
    delivery.deliver_due(now=NOON + timedelta(seconds=31))

    recorded = record_answers(
        [Landed(parcel, Answer(Outcome.TRANSIENT, "too late"), "mail", begun)],
        now=NOON + timedelta(seconds=40),
    )

    page = Page.objects.get()
    assert recorded == []
    assert (page.state, page.tries) == (PageState.SENT, 1)
    assert page.attempts.filter(answer__contains="the lease was lost").count() == 1


def test_a_message_is_not_sent_by_whom_another_overtook_before_it_was_handed_over(
    smtp: MailServer,
) -> None:
    page_people([page_request(make_person())], now=NOON)
    slow = delivery._Run(NOON, "slow", timedelta(), None)
    letters = compose(take(NOON, 10, "slow").parcels, now=NOON, in_force=slow.in_force)
    slow.now = later = NOON + timedelta(seconds=31)

    def claim_it() -> Page:
        [page] = claim(later, 1, "quick", suspects=True)
        return page

    with transaction.atomic():
        claim_it()
        beside(lambda: slow._hand_over(letters))  # the other has not committed yet
        transaction.set_rollback(True)
    assert not slow.flights

    quick = claim_it()
    slow._hand_over(letters)

    assert not slow.flights
    assert (smtp.taken, Attempt.objects.count()) == ([], 0)
    page = Page.objects.get()
    assert (page.leased_by, page.lease_until) == (quick.leased_by, quick.lease_until)


def test_a_message_that_is_handed_over_late_is_nobody_elses(smtp: MailServer) -> None:
    """It was composed longer than its lease lasted, and nobody has claimed it yet."""
    page_people([page_request(make_person())], now=NOON)
    slow = delivery._Run(NOON, "slow", timedelta(), None)
    letters = compose(take(NOON, 10, "slow").parcels, now=NOON, in_force=slow.in_force)
    slow.now = later = NOON + timedelta(seconds=31)
    slow._hand_over(letters)

    assert claim(later + timedelta(seconds=29), 1, "quick", suspects=True) == []
    assert slow.until_quiet() == 1

    assert len(smtp.taken) == 1
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.started_at) == (Outcome.ACCEPTED, later)


def test_a_message_answered_after_it_was_composed_is_not_sent(smtp: MailServer) -> None:
    [out] = page_people([page_request(make_person())], now=NOON)
    run = delivery._Run(NOON, "slow", timedelta(), None)
    letters = compose(take(NOON, 10, "slow").parcels, now=NOON, in_force=run.in_force)

    answer_page(out.pk, Reply.ACKNOWLEDGED, now=NOON)
    run._hand_over(letters)

    assert not run.flights
    assert (smtp.taken, Attempt.objects.count()) == ([], 0)
    assert Page.objects.get().state == PageState.SUPERSEDED


def test_an_announcement_waits_for_its_subjects_lock_and_is_made_later(
    smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(registry, "_subjects", dict(registry._subjects))
    monkeypatch.setattr(page_sent, "_receivers", {})
    heard: list[Any] = []
    free = False
    page_sent.listen(lambda **facts: heard.append(facts))
    register_subject("tests.fire", lock=lambda _: free, label=str)
    page_people([page_request(make_person())], now=NOON)

    delivery.deliver_due(now=NOON)
    assert (len(smtp.taken), heard) == (1, [])
    free = True
    announce_pending(now=NOON + timedelta(seconds=1))
    announce_pending(now=NOON + timedelta(seconds=2))

    assert len(heard) == 1


def test_a_server_that_drips_is_left_when_the_attempts_time_is_over(settings: Any) -> None:
    settings.PAGE_ATTEMPT_SECONDS = 1
    page_people([page_request(make_person())], now=NOON)
    with dripping_server() as port:
        use_mail_server(settings, port)
        began = time.monotonic()
        delivery.deliver_due(now=NOON)
        took = time.monotonic() - began

    page = Page.objects.get()
    assert took < 2
    assert (page.state, page.error, page.tries) == (PageState.PENDING, "no answer in time", 1)


def test_a_frozen_broker_does_not_hold_up_who_commits(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NUDGE_WORKERS = True
    frozen, asked = threading.Event(), threading.Event()

    def publish() -> None:
        asked.set()
        frozen.wait(10)

    monkeypatch.setattr(nudge, "publish", publish)
    began = time.monotonic()
    for subject in range(5):
        with transaction.atomic():
            page_people([page_request(make_person(), subject)], now=NOON)
    took = time.monotonic() - began

    assert asked.wait(5)
    frozen.set()
    assert took < 2
    assert PageOut.objects.count() == 5


def test_nudges_close_together_are_one(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NUDGE_WORKERS = True
    published = threading.Semaphore(0)
    count = Counter[str]()

    def publish() -> None:
        count["nudges"] += 1
        published.release()

    monkeypatch.setattr(nudge, "publish", publish)
    with transaction.atomic():
        for subject in range(50):
            page_people([page_request(make_person(), subject)], now=NOON)
        assert count["nudges"] == 0

    assert published.acquire(timeout=5)
    assert count["nudges"] <= 2


def test_a_rolled_back_page_nudges_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NUDGE_WORKERS = True
    raised: list[bool] = []
    monkeypatch.setattr(nudge, "_raise_flag", lambda: raised.append(True))
    with transaction.atomic():
        page_people([page_request(make_person())], now=NOON)
        transaction.set_rollback(True)

    assert raised == []


def test_the_sweep_delivers_what_no_worker_took_and_leaves_the_rest_to_them(
    smtp: MailServer,
) -> None:
    page_people([page_request(make_person())], now=NOON)

    assert delivery.sweep(now=NOON + timedelta(seconds=1)) == 0
    assert delivery.sweep(now=NOON + timedelta(seconds=2)) == 1

    assert len(smtp.taken) == 1


def test_a_loop_of_sweeps_survives_a_failure(
    smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, calls = threading.Event(), []

    def failing() -> int:
        calls.append(1)
        if len(calls) > 2:
            stop.set()
        raise RuntimeError("once more")

    monkeypatch.setattr(delivery, "sweep", failing)
    delivery.sweep_until(stop, every=0)

    assert len(calls) == 3


def test_nothing_is_sent_from_within_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="within a transaction"), transaction.atomic():
        delivery.deliver_due()
