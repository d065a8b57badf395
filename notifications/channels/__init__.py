"""Ways to reach people, one module each: values in, an answer out. No database in here.

A channel module has `send(message, address, *, key, clock) -> Answer`. It never raises for what the
other side does; what it raises by mistake counts as transient. To add one: a module listed in
`notifications.registry.CHANNELS`, a row of `Channel` (made by `migrate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from django.conf import settings

from notifications.channels.clock import AttemptClock
from notifications.enums import Outcome
from notifications.registry import CHANNELS
from notifications.rules.message import Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel said. `retry_after` in seconds is its wish, not a command."""

    outcome: Outcome
    text: str = ""
    provider_id: str = ""
    retry_after: float | None = None


class ChannelModule(Protocol):
    def send(self, message: Message, address: str, *, key: str, clock: AttemptClock) -> Answer:
        """Sends one message within the attempt's time. `key` is the same in every try."""


def really_used(slug: str) -> str:
    """The channel that sends: mail without a mail server is kept as files."""
    return "file" if slug == "mail" and not settings.EMAIL_URL else slug


def channel_module(slug: str) -> ChannelModule:
    """The module of a channel; a LookupError names one that does not exist."""
    if slug not in CHANNELS:
        raise LookupError(f"there is no channel {slug!r}")
    return cast("ChannelModule", import_module(CHANNELS[slug].module))
