"""How a lower room lets an upper one join in: domain events and contributions. Also the actor of a change."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change. `id` is a user's or an integration's id; the portal has none."""

    kind: Literal["user", "portal", "integration"]
    id: int | None
    label: str


PORTAL = Actor("portal", None, "Watchbill")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is amiss. An error makes the portal unready; a warning is only shown."""

    name: str
    detail: str
    severity: Literal["error", "warning"] = "error"


Receiver = Callable[..., None]
_events: dict[str, DomainEvent] = {}


class DomainEvent:
    """Something that happened, announced by a lower room and heard by upper ones.

    Receivers run in the emitter's transaction, each in a savepoint, and write rows only. One that
    fails never refuses the emitter's verb: it becomes a promise due at once, tried again by the clock.

    Facts are JSON values (ids, ISO instants), so that a failed receiver can be called again later.
    """

    def __init__(self, name: str) -> None:
        if name in _events:
            raise ValueError(f"the event {name} exists already")
        self.name = name
        self._receivers: dict[str, Receiver] = {}
        _events[name] = self

    def listen(self, receiver: Receiver) -> Receiver:
        """Registers a receiver, once per function; usable as a decorator."""
        self._receivers[f"{receiver.__module__}.{receiver.__qualname__}"] = receiver
        return receiver

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._receivers)

    def announce(self, **facts: Any) -> None:
        """Calls every receiver with the facts, inside the caller's transaction."""
        for path, receiver in self._receivers.items():
            try:
                with transaction.atomic():
                    receiver(**facts)
            except Exception as error:
                logger.exception("%s failed to hear %s", path, self.name)
                _keep_for_later(self.name, path, facts, error)

    def call_again(self, path: str, facts: dict[str, Any]) -> None:
        """Calls one receiver again, as the clock does with a failed one. Raises what it raises."""
        receiver = self._receivers.get(path)
        if receiver is None:
            raise LookupError(f"{path} no longer listens to {self.name}")
        receiver(**facts)


def event_named(name: str) -> DomainEvent:
    return _events[name]


FailureKeeper = Callable[[str, str, dict[str, Any], Exception], None]
_failure_keepers: list[FailureKeeper] = []


def keep_failures_with(keeper: FailureKeeper) -> None:
    """Names who keeps the calls of receivers that failed; the clock does, from `AppConfig.ready()`."""
    _failure_keepers[:] = [keeper]


def _keep_for_later(event: str, receiver: str, facts: dict[str, Any], error: Exception) -> None:
    if not _failure_keepers:
        raise error
    _failure_keepers[0](event, receiver, facts, error)


Contribution = Callable[..., Any]
_contributions: dict[str, dict[str, Contribution]] = defaultdict(dict)


def contribute(point: str, name: str, provider: Contribution) -> None:
    """Registers a read-only provider at a named point ("health", "metrics", "incident.panel" …)."""
    _contributions[point][name] = provider


def contributions(point: str) -> list[tuple[str, Contribution]]:
    """The providers of a point, by name, in the order of their names."""
    return sorted(_contributions[point].items())


def problems(now: datetime) -> list[Problem]:
    """Everything that is amiss, from every room. A check that raises is itself a problem."""
    found: list[Problem] = []
    for name, check in contributions("health"):
        try:
            with transaction.atomic():
                found.extend(check(now))
        except Exception as error:
            logger.exception("the health check %s failed", name)
            found.append(Problem(name, f"The check itself failed: {type(error).__name__}."))
    return found
