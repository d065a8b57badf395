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
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, connection

from deadlines import failpoint
from deadlines.queries import database_now
from notifications import egress
from notifications.channels import Answer, channel_module, really_used
from notifications.channels.clock import AttemptClock
from notifications.channels.mail import close_all
from notifications.composing import ENDED, LEFT, Letter, compose
from notifications.enums import Outcome
from notifications.events import page_exhausted, page_sent
from notifications.queries import channel_rows, due_channels, limits
from notifications.services.claiming import Claimed, Parcel, keep_leases, lease_end, take
from notifications.services.paging import release_held
from notifications.services.recording import (
    Landed,
    announce_pending,
    finish_quarantines,
    forget_begun,
    record_answers,
    record_begun,
    record_left,
    record_quarantine,
    record_superseded,
)

logger = logging.getLogger(__name__)

GRACE_AFTER_DEADLINE = 0.5
"""Seconds a channel gets to notice that its time is over, before it is given up from outside."""
STALE_SECONDS = 0.5
"""A message that waited longer for a free thread is composed anew: somebody may have answered."""
LOOK_AGAIN_SECONDS = 0.1
GATHER_SECONDS = 0.03
"""A result waits this long for others of its channel: a commit for each would take longer than the sends do."""
QUEUED_PER_THREAD = 3
"""Messages a channel gets ahead of its free threads, so that claims and records come in batches."""


@dataclass(slots=True)
class _Pool:
    """One channel's threads in this process, and how much they have to do."""

    size: int
    executor: ThreadPoolExecutor
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def room(self) -> int:
        with self.lock:
            return self.size * QUEUED_PER_THREAD - self.busy

    def submit(self, flight: _Flight) -> Future[Answer | None]:
        with self.lock:
            self.busy += 1
        future = self.executor.submit(_talk, flight)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Answer | None]) -> None:
        with self.lock:
            self.busy -= 1


@dataclass(slots=True)
class _Flight:
    """One message on its way. Its clock runs from the moment a thread takes it."""

    letter: Letter
    via: str
    composed: float
    attempts: dict[int, int]
    clock: AttemptClock | None = None

    @property
    def given_up(self) -> bool:
        clock = self.clock
        return clock is not None and time.monotonic() > clock.ends_at + GRACE_AFTER_DEADLINE


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
    held, announces what was left untold, delivers what no worker delivered within two seconds, and
    looks for another way to those whose page was set aside by a sender that died over it.
    """
    at = now or database_now()
    release_held(at)
    sent = deliver_due(now=now, grace=timedelta(seconds=settings.SWEEP_AFTER_SECONDS))
    if sent:
        logger.info("the sweep dealt with %s messages that no worker had taken", sent)
    finish_quarantines(now=at)
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
        self.flights: dict[Future[Answer | None], _Flight] = {}
        self.handled = 0
        self.in_force = limits()
        self.pools = _pools_for_channels()

    def until_quiet(self) -> int:
        egress.read_rows()
        announce_pending(now=self.clock())
        looked = time.monotonic()
        while True:
            if time.monotonic() - looked > 1:
                self.in_force, self.pools = limits(), _pools_for_channels()
                looked = time.monotonic()
            taken = self._take_what_there_is_room_for()
            if not taken and not self.flights:
                return self.handled
            if self.flights:
                self._land()

    def clock(self) -> datetime:
        return self.now or database_now()

    def _take_what_there_is_room_for(self) -> bool:
        at = self.clock()
        taken = False
        for slug, suspect in due_channels(
            at - self.grace, full=[slug for slug, pool in self.pools.items() if pool.room() <= 0]
        ):
            room = self.pools[slug].room() if slug in self.pools else 1
            if room <= 0:
                continue
            claimed = self._take(at, 1 if suspect else room, slug, suspects=suspect)
            if claimed.parcels:
                failpoint.reached("after-claim")
            for page_id in claimed.quarantined:
                record_quarantine(page_id, now=at)
                self.handled += 1
            if slug in self.pools:
                self._send(claimed.parcels, at)
            else:
                self._give_up_channel(claimed.parcels, at)
            taken |= bool(claimed.parcels or claimed.quarantined)
        return taken

    def _take(self, at: datetime, limit: int, slug: str, *, suspects: bool) -> Claimed:
        return take(
            at,
            limit,
            self.worker,
            channels=[slug],
            suspects=suspects,
            page_id=self.page_id,
            grace=self.grace,
            in_force=self.in_force,
        )

    def _give_up_channel(self, parcels: Sequence[Parcel], at: datetime) -> None:
        """A channel that was turned off since: the person's next method, or mail in its stead."""
        begun = record_begun(parcels, now=at)
        gone = [
            Landed(
                parcel,
                Answer(Outcome.PERMANENT, f"the channel “{parcel.channel}” is not set up"),
                parcel.channel,
                attempts,
            )
            for parcel, attempts in zip(parcels, begun, strict=True)
        ]
        self.handled += len(record_answers(gone, now=at, in_force=self.in_force))

    def _send(self, parcels: Sequence[Parcel], at: datetime) -> None:
        if not parcels:
            return
        left: list[int] = []
        ready: list[Letter] = []
        for letter in compose(parcels, now=at, in_force=self.in_force):
            if letter.ended:
                record_superseded(letter.parcel, letter.ended, ENDED)
                self.handled += len(letter.ended)
            if letter.left:
                record_left(letter.parcel, letter.left, LEFT, now=at)
                self.handled += len(letter.left)
                left += letter.left
            if letter.message is not None:
                ready.append(letter)
        if ready:
            self._hand_over(ready)
        if left and page_exhausted.heard:
            announce_pending(now=at, page_ids=left)

    def _hand_over(self, letters: list[Letter]) -> None:
        """Writes the attempts first: a crash from here on stands in the record."""
        composed = time.monotonic()
        begun = record_begun([letter.parcel for letter in letters], now=self.clock())
        failpoint.reached("after-attempt")
        overtaken: list[Parcel] = []
        for letter, attempts in zip(letters, begun, strict=True):
            if len(attempts) < len(letter.parcel.page_ids):
                forget_begun(attempts.values())
                overtaken.append(letter.parcel)
                continue
            slug = letter.parcel.channel
            flight = _Flight(letter, really_used(slug), composed, attempts)
            self.flights[self.pools[slug].submit(flight)] = flight
        if overtaken:
            self._send_again(overtaken)

    def _land(self) -> None:
        done, _ = wait(self.flights, timeout=LOOK_AGAIN_SECONDS, return_when=FIRST_COMPLETED)
        done |= self._soon_after(done)
        landed: list[Landed] = []
        stale: list[Parcel] = []
        never_begun: list[int] = []
        for future in done:
            flight, answer = self.flights.pop(future), future.result()
            if answer is None:
                stale.append(flight.letter.parcel)
                never_begun += flight.attempts.values()
            else:
                landed.append(_landed(flight, answer))
        for future in [future for future, flight in self.flights.items() if flight.given_up]:
            flight = self.flights.pop(future)
            landed.append(_landed(flight, Answer(Outcome.TRANSIENT, "no answer in time")))
        if landed:
            at = self.clock()
            recorded = record_answers(landed, now=at, in_force=self.in_force)
            failpoint.reached("after-result")
            self.handled += len(recorded)
            if page_sent.heard or page_exhausted.heard:
                announce_pending(now=at, page_ids=recorded)
        if stale:
            forget_begun(never_begun)
            self._send_again(stale)

    def _soon_after(self, done: set[Future[Answer | None]]) -> set[Future[Answer | None]]:
        """What lands just after these in their channels; none is waited for in a channel that hangs."""
        channels = {self.flights[future].via for future in done}
        flying = {
            future
            for future, flight in self.flights.items()
            if flight.via in channels and future not in done
        }
        return wait(flying, timeout=GATHER_SECONDS).done if flying else set()

    def _send_again(self, parcels: list[Parcel]) -> None:
        """Composed too long ago. They are sent under a lease as long as a new one if theirs still holds."""
        at = self.clock()
        self._send(keep_leases(parcels, until=lease_end(at), now=at), at)


def _landed(flight: _Flight, answer: Answer) -> Landed:
    return Landed(flight.letter.parcel, answer, flight.via, flight.attempts, flight.letter.note)


def _talk(flight: _Flight) -> Answer | None:
    """Runs in a channel's thread: no database in here. None when the message has become stale."""
    letter = flight.letter
    if letter.message is None or time.monotonic() - flight.composed > STALE_SECONDS:
        return None
    clock = flight.clock = AttemptClock(settings.PAGE_ATTEMPT_SECONDS)
    try:
        module = channel_module(flight.via)
        answer = module.send(letter.message, letter.parcel.address, key=letter.key, clock=clock)
        failpoint.reached("after-send")
        return answer
    except Exception as error:
        logger.exception("the channel %s failed", flight.via)
        return Answer(Outcome.TRANSIENT, f"{type(error).__name__}: {error}")


def _pools_for_channels() -> dict[str, _Pool]:
    """The pools of the channels that are set up; one whose limit was edited is made anew. The old one
    is not shut down: others may be handing it messages just now, and its threads end when all let go."""
    rows = channel_rows()
    with _pools_lock:
        for slug, row in rows.items():
            pool = _pools.get(slug)
            if pool is None or pool.size != row.concurrency:
                _pools[slug] = _Pool(
                    row.concurrency,
                    ThreadPoolExecutor(row.concurrency, thread_name_prefix=f"channel-{slug}"),
                )
        return {slug: _pools[slug] for slug in rows}


def _forget_pools() -> None:
    """A forked child has none of its parent's threads."""
    global _pools_lock  # noqa: PLW0603 - the lock may have been held at the fork
    _pools_lock = threading.Lock()
    _pools.clear()


os.register_at_fork(after_in_child=_forget_pools)
