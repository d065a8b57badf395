"""The chain of updates: each one starts the clock of the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from directory.queries import calendar_of
from incidents.models import Incident
from incidents.queries.facts import facts_of, policy_of_incident
from incidents.rules.escalation import next_update
from incidents.services.paging import promise_all


def start_next_update(incident: Incident, now: datetime) -> None:
    """An update was posted: the next is owed as long after it as the severity says (X20)."""
    incident.run["last_update"] = now.isoformat()
    go_on_updating(incident, now)


def go_on_updating(incident: Incident, now: datetime) -> None:
    """Promises the update owed after the last one, no earlier than now; nothing before the first."""
    last = incident.run.get("last_update")
    if last is None:
        return
    _promise_next(incident, datetime.fromisoformat(last), now)


def update_was_missed(incident: Incident, due_at: datetime, now: datetime) -> datetime | None:
    """The clock goes on from the instant that was missed, so that each missed one is counted.

    Returns when the next one is due.
    """
    return _promise_next(incident, due_at, due_at)


def _promise_next(incident: Incident, at: datetime, earliest: datetime) -> datetime | None:
    severity = policy_of_incident(incident).severity(incident.severity)
    incident.run["updates"] = incident.run.get("updates", 0) + 1
    following = next_update(
        severity, facts_of(incident), calendar_of(incident.team),
        round_number=incident.run["updates"], at=at,
    )  # fmt: skip
    if following is None:
        return None
    due_at = max(following.due_at, earliest)
    promise_all(incident, [replace(following, due_at=due_at)], now=earliest)
    return due_at
