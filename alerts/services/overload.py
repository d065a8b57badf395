"""How much one integration may send: a bucket of a minute's worth, kept by each process for itself.

Neither the broker nor the database is asked, so that overload cannot feed on itself; the price is that
with several web processes the limit holds per process. Only repeats are ever refused.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

RETRY_AFTER_SECONDS = 10


class Overloaded(Exception):
    """Too many events; every alert among them is known already. Try again after `retry_after` seconds."""

    def __init__(self) -> None:
        super().__init__(
            "Too many events for this integration; its limit is a setting of the integration."
        )
        self.retry_after = RETRY_AFTER_SECONDS


@dataclass(slots=True)
class _Bucket:
    rate: int
    level: float
    at: datetime


class Limiter:
    """A token bucket per key. It learns a key's rate from the first event that was taken."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def allows(self, key_hash: str, events: int, *, now: datetime) -> bool:
        """Takes the events out of the bucket; False when it is empty (and then takes nothing)."""
        with self._lock:
            bucket = self._buckets.get(key_hash)
            if bucket is None or not bucket.rate:
                return True
            passed = max(0.0, (now - bucket.at).total_seconds())
            bucket.level = min(float(bucket.rate), bucket.level + passed * bucket.rate / 60)
            bucket.at = max(now, bucket.at)
            if bucket.level < 1:
                return False
            bucket.level -= events
            return True

    def learn(self, key_hash: str, rate: int, events: int, *, now: datetime) -> None:
        """What the integration allows per minute, as just read with its row."""
        with self._lock:
            bucket = self._buckets.get(key_hash)
            if bucket is None:
                self._buckets[key_hash] = _Bucket(rate, float(rate - events), now)
            elif bucket.rate != rate:
                bucket.rate = rate
                bucket.level = min(bucket.level, float(rate))

    def forget(self) -> None:
        with self._lock:
            self._buckets.clear()


limiter = Limiter()
