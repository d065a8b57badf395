"""“Send test alert”: a real alert by the real way, which opens a drill and pages only the one who pressed."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from alerts.enums import IntegrationKind
from alerts.models import Integration, TestRun
from alerts.rules import samples
from alerts.services.intake import Receipt, take_events
from directory.models import User

LIFE = timedelta(minutes=30)


def start_test(integration: Integration, *, user: User, now: datetime) -> TestRun:
    """A test run: an event that carries its token is a drill for this person, and never a real alert."""
    return TestRun.objects.create(
        integration=integration,
        user=user,
        token=secrets.token_hex(8),
        created_at=now,
        expires_at=now + LIFE,
    )


def send_test(run: TestRun, *, now: datetime) -> Receipt:
    """Sends the test alert from here, through the reader of the integration's kind. Twice: counted."""
    facts = samples.facts(IntegrationKind(run.integration.kind), token=run.token, at=now)
    return take_events(run.integration, facts, now=now)
