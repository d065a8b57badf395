"""The absolute end of an attempt. A server that sends one byte a second defeats socket timeouts, not this."""

from __future__ import annotations

import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class OutOfTime(TimeoutError):
    """The attempt's time is over."""


class AttemptClock:
    """The time one attempt has, in seconds of the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; raises OutOfTime when there are none, so that nothing begins too late."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise OutOfTime("the attempt's time is over")
        return left

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.ends_at

    @contextmanager
    def guard(self, sock: socket.socket) -> Iterator[None]:
        """Shuts the connection down when the time is over, whatever is being read or written then.

        Works through a twin of the descriptor, so that it also holds when TLS takes the socket over.
        """
        twin = socket.socket(fileno=os.dup(sock.fileno()))
        ticket = _watchdog.watch(self.ends_at, twin)
        try:
            yield
        finally:
            _watchdog.forget(ticket)


class _Watchdog:
    """One thread per process that ends sockets whose time is over."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int]] = []
        self._sockets: dict[int, socket.socket] = {}
        self._numbers = itertools.count()
        self._running = False

    def watch(self, ends_at: float, sock: socket.socket) -> int:
        with self._wake:
            ticket = next(self._numbers)
            self._sockets[ticket] = sock
            heapq.heappush(self._heap, (ends_at, ticket))
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="attempt-watchdog", daemon=True).start()
            if self._heap[0][1] == ticket:
                self._wake.notify()
            return ticket

    def forget(self, ticket: int) -> None:
        with self._wake:
            twin = self._sockets.pop(ticket, None)
        if twin is not None:
            twin.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                while self._heap and self._heap[0][1] not in self._sockets:
                    heapq.heappop(self._heap)
                if not self._heap:
                    self._wake.wait()
                    continue
                ends_at, ticket = self._heap[0]
                wait = ends_at - time.monotonic()
                if wait > 0:
                    self._wake.wait(wait)
                    continue
                heapq.heappop(self._heap)
                twin = self._sockets.pop(ticket, None)
            if twin is not None:
                with suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)
                twin.close()


_watchdog = _Watchdog()
