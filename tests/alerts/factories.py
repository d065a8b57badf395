"""Integrations with their keys, and a world whose people an alert may page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from alerts.enums import IntegrationKind
from alerts.models import Alert, Integration
from alerts.rules.facts import AlertFacts
from alerts.services import create_key, make_monitor
from deadlines.extension import PORTAL
from incidents.models import Incident
from tests.incidents.factories import WEDNESDAY, World, make_world

_numbers = count(1)


@dataclass
class Sender:
    """An integration, its key, and the world behind it."""

    world: World
    integration: Integration
    key: str

    @property
    def alert(self) -> Alert:
        return Alert.objects.get(integration=self.integration)

    @property
    def incident(self) -> Incident:
        return Incident.objects.get(team=self.world.team)


def make_sender(
    kind: str = IntegrationKind.GENERIC,
    *,
    world: World | None = None,
    now: datetime = WEDNESDAY,
    **fields: Any,
) -> Sender:
    """An integration of the kind, of the world's team; its alerts are the team's API's by default."""
    world = world or make_world()
    number = next(_numbers)
    fields.setdefault("default_service", world.service)
    integration = Integration.objects.create(
        name=f"Sender {number}", slug=f"sender-{number}", kind=str(kind), team=world.team, **fields
    )
    return Sender(world, integration, create_key(integration.pk, actor=PORTAL, now=now).key)


def event(dedup_key: str = "a", **fields: Any) -> AlertFacts:
    """A trigger of the rule TooSlow, unless said otherwise."""
    fields.setdefault("title", f"Too slow: {dedup_key}")
    fields.setdefault("rule", "TooSlow")
    fields.setdefault("severity", "high")
    return AlertFacts(dedup_key=dedup_key, **fields)


def make_heartbeat(
    world: World, *, now: datetime = WEDNESDAY, interval: int = 300, grace: int = 60
) -> Sender:
    """A heartbeat integration with its key, watched from `now` on."""
    sender = make_sender(IntegrationKind.HEARTBEAT, world=world, now=now)
    make_monitor(
        sender.integration, interval_seconds=interval, grace_seconds=grace, severity="P2", now=now
    )
    return sender
