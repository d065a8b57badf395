"""Sending: claim rows, talk to the channels outside any transaction, record what they said.

One loop claims, composes and records, with its thread's own database connection; small pools of
threads, one per channel, do nothing but talk. So a channel that hangs fills its own pool and no
other, and no transaction is open while anybody waits for a server.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, connection

from deadlines.queries import database_now
from notifications import egress
from notifications.channels import Answer, channel_module, really_used
from notifications.channels.clock import AttemptClock
from notifications.channels.mail import close_all
from notifications.composing import ENDED, Letter, compose
from notifications.enums import Outcome
from notifications.queries import channel_rows, due_channels
from notifications.services.claiming import Claimed, Parcel, take
from notifications.services.paging import release_held
from notifications.services.recording import (
    announce_pending,
    record_answer,
    record_quarantine,
    record_superseded,
)

logger = logging.getLogger(__name__)

GRACE_AFTER_DEADLINE = 0.5
"""Seconds a channel gets to notice that its time is over, before it is given up from outside."""
LOOK_AGAIN_SECONDS = 0.1
MOST_AT_ONCE = 32


@dataclass(slots=True)
class _Pool:
    """One channel's threads in this process, and how many of them are free."""

    size: int
    executor: ThreadPoolExecutor
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def free(self) -> int:
        with self.lock:
            return self.size - self.busy

    def submit(self, letter: Letter, via: str, clock: AttemptClock) -> Future[Answer]:
        with self.lock:
            self.busy += 1
        future = self.executor.submit(_talk, letter, via, clock)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Answer]) -> None:
        with self.lock:
            self.busy -= 1


@dataclass(frozen=True, slots=True)
class _Flight:
    """One message on its way."""

    letter: Letter
    via: str
    clock: AttemptClock
    started_at: datetime


_pools: dict[str, _Pool] = {}
_pools_lock = threading.Lock()


def deliver_due(
    *,
    now: datetime | None = None,
    worker: str | None = None,
    grace: timedelta = timedelta(),
    page_id: int | None = None,
) -> int:
    """Sends everything that is due, until nothing is; returns how many pages were dealt with.

    "Due" is judged by the database's clock, or by `now` when a test travels. Any number may run
    beside each other, in one process or many. Raises only when the database cannot be reached.
    """
    if connection.in_atomic_block and now is None:
        raise RuntimeError("messages are not sent within a transaction")
    run = _Run(now, worker or f"{socket.gethostname()}:{os.getpid()}", grace, page_id)
    return run.until_quiet()


def deliver_one(page_id: int, *, now: datetime | None = None) -> bool:
    """Sends one message if it is due and nobody else has it; whether it was dealt with."""
    return bool(deliver_due(now=now, page_id=page_id))


def sweep(*, now: datetime | None = None) -> int:
    """What the clock process does beside its ticks, without broker or workers: releases what was
    held, announces what was left untold, and delivers what no worker delivered within two seconds.
    """
    at = now or database_now()
    release_held(at)
    sent = deliver_due(now=now, grace=timedelta(seconds=settings.SWEEP_AFTER_SECONDS))
    if sent:
        logger.warning("the sweep dealt with %s messages that no worker had taken", sent)
    return sent


def sweep_until(stop: threading.Event, *, every: float = 0.5) -> None:
    """Sweeps until told to stop: the body of a thread. What goes wrong is logged and tried again."""
    while not stop.is_set():
        try:
            close_old_connections()
            sweep()
        except Exception:
            logger.exception("the sweep of the outbox failed; it goes on")
            close_old_connections()
        stop.wait(every)


def close() -> None:
    """Ends the threads and connections of this process, after what is on its way."""
    with _pools_lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.executor.shutdown(wait=True, cancel_futures=True)
    close_all()


class _Run:
    """One call of `deliver_due`."""

    def __init__(
        self, now: datetime | None, worker: str, grace: timedelta, page_id: int | None
    ) -> None:
        self.now = now
        self.worker = worker
        self.grace = grace
        self.page_id = page_id
        self.flights: dict[Future[Answer], _Flight] = {}
        self.handled = 0

    def until_quiet(self) -> int:
        egress.read_rows()
        announce_pending(now=self.clock())
        while True:
            taken = self._take_what_there_is_room_for()
            if not taken and not self.flights:
                return self.handled
            if self.flights:
                self._land()

    def clock(self) -> datetime:
        return self.now or database_now()

    def _take_what_there_is_room_for(self) -> bool:
        at = self.clock()
        pools = _pools_for_channels()
        taken = False
        for slug, suspect in due_channels(
            at - self.grace, full=[slug for slug, pool in pools.items() if pool.free() <= 0]
        ):
            if slug not in pools:
                taken |= self._give_up_channel(
                    self._take(at, MOST_AT_ONCE, [slug], suspects=suspect), at
                )
            elif (free := pools[slug].free()) > 0:
                limit = 1 if suspect else min(free, MOST_AT_ONCE)
                taken |= self._send(self._take(at, limit, [slug], suspects=suspect), at)
        return taken

    def _give_up_channel(self, claimed: Claimed, at: datetime) -> bool:
        """A channel that was turned off since: the person's next method, or mail in its stead."""
        for parcel in claimed.parcels:
            answer = Answer(Outcome.PERMANENT, f"the channel “{parcel.channel}” is not set up")
            self.handled += len(
                record_answer(parcel, answer, via=parcel.channel, started_at=at, now=at)
            )
        return bool(claimed.parcels)

    def _take(
        self, at: datetime, limit: int, channels: list[str], *, suspects: bool = False
    ) -> Claimed:
        return take(
            at,
            limit,
            self.worker,
            channels=channels,
            suspects=suspects,
            page_id=self.page_id,
            grace=self.grace,
        )

    def _send(self, claimed: Claimed, at: datetime) -> bool:
        for page_id in claimed.quarantined:
            record_quarantine(page_id, now=at)
            self.handled += 1
        for parcel in claimed.parcels:
            self._send_parcel(parcel)
        return bool(claimed.parcels or claimed.quarantined)

    def _send_parcel(self, parcel: Parcel) -> None:
        at = self.clock()
        letter = compose(parcel, now=at)
        if letter.ended:
            record_superseded(parcel, letter.ended, ENDED)
            self.handled += len(letter.ended)
        if letter.message is None:
            return
        via = really_used(parcel.channel)
        clock = AttemptClock(settings.PAGE_ATTEMPT_SECONDS)
        pool = _pools_for_channels(only=parcel.channel)[parcel.channel]
        self.flights[pool.submit(letter, via, clock)] = _Flight(letter, via, clock, at)

    def _land(self) -> None:
        done, _ = wait(self.flights, timeout=LOOK_AGAIN_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            self._record(self.flights.pop(future), future.result())
        given_up = [
            future
            for future, flight in self.flights.items()
            if time.monotonic() > flight.clock.ends_at + GRACE_AFTER_DEADLINE
        ]
        for future in given_up:
            self._record(self.flights.pop(future), Answer(Outcome.TRANSIENT, "no answer in time"))

    def _record(self, flight: _Flight, answer: Answer) -> None:
        at = self.clock()
        recorded = record_answer(
            flight.letter.parcel,
            answer,
            via=flight.via,
            started_at=flight.started_at,
            now=at,
            note=flight.letter.note,
        )
        self.handled += len(recorded)
        announce_pending(now=at, page_ids=recorded)


def _talk(letter: Letter, via: str, clock: AttemptClock) -> Answer:
    """Runs in a channel's thread: no database in here."""
    if letter.message is None:
        raise AssertionError("a letter without a message is not sent")
    try:
        clock.left()
        module = channel_module(via)
        return module.send(letter.message, letter.parcel.address, key=letter.key, clock=clock)
    except Exception as error:
        logger.exception("the channel %s failed", via)
        return Answer(Outcome.TRANSIENT, f"{type(error).__name__}: {error}")


def _pools_for_channels(*, only: str | None = None) -> dict[str, _Pool]:
    """The pools of all channels that are set up; one whose limit was edited is made anew."""
    if only is not None and only in _pools:
        return _pools
    rows = channel_rows()
    with _pools_lock:
        for slug, row in rows.items():
            pool = _pools.get(slug)
            if pool is None or pool.size != row.concurrency:
                if pool is not None:
                    pool.executor.shutdown(wait=False)
                _pools[slug] = _Pool(
                    row.concurrency,
                    ThreadPoolExecutor(row.concurrency, thread_name_prefix=f"channel-{slug}"),
                )
        return dict(_pools)


def _forget_pools() -> None:
    """A forked child has none of its parent's threads."""
    global _pools_lock  # noqa: PLW0603 - the lock may have been held at the fork
    _pools_lock = threading.Lock()
    _pools.clear()


os.register_at_fork(after_in_child=_forget_pools)
