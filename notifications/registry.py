"""Which channels exist, and who builds the messages: each room registers a provider for its subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifications.models import PageOut
from notifications.rules.message import Message


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel's name and the module that sends over it."""

    name: str
    module: str


CHANNELS = {
    "mail": ChannelFacts("Mail", "notifications.channels.mail"),
    "webhook": ChannelFacts("Webhook", "notifications.channels.webhook"),
    "file": ChannelFacts("Files", "notifications.channels.file"),
}

Teller = Callable[[PageOut], Message | None]
Provider = Callable[[Sequence[PageOut], datetime], Teller]

_providers: dict[str, Provider] = {}


def register_message(subject_type: str, provider: Provider) -> None:
    """Called in `AppConfig.ready()`. The provider is called right before each attempt, outside any
    transaction, so that what is said is current: with some page-outs at once, for which it reads
    what they tell in a fixed number of queries. What it returns builds the message of one of them;
    None means nothing is to be said any more and the page is superseded. A second registration
    replaces the first."""
    _providers[subject_type] = provider


def provider_of(subject_type: str) -> Provider | None:
    return _providers.get(subject_type)
