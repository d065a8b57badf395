"""The hot path: an alert that is told again is counted by one statement, and nothing else happens.

The statement is its own transaction. It finds the key, checks that it is still good, and counts the
alert only while that is open, says the same severity, and its incident is active; whatever fails one
of these is left to the slow path. Nothing is cached, so a withdrawn key is refused at once, everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakSet

from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper

from alerts.enums import IntegrationKind
from alerts.rules.facts import AlertFacts
from incidents.rules.lifecycle import ACTIVE

_ACTIVE = ", ".join(f"'{status.value}'" for status in sorted(ACTIVE))

# Prepared once per connection, because planning it would cost more than running it. `count` and
# `last_seen_at` stand in no index, so this is a heap-only update.
_AGAIN = f"""
PREPARE alerts_again (text, text, timestamptz, text, text, int) AS
UPDATE alerts_alert AS alert
   SET count = alert.count + $6, last_seen_at = greatest(alert.last_seen_at, $3)
  FROM alerts_integrationkey AS key
  JOIN alerts_integration AS sender ON sender.id = key.integration_id
 WHERE key.sha256 = $1 AND (key.expires_at IS NULL OR key.expires_at > $3)
   AND sender.enabled AND sender.kind = $2
   AND alert.integration_id = sender.id AND alert.dedup_key = $4
   AND alert.state <> 'resolved' AND alert.severity_word = $5
   AND EXISTS (SELECT FROM incidents_incident AS incident
                WHERE incident.id = alert.incident_id AND incident.status IN ({_ACTIVE}))
RETURNING alert.dedup_key, sender.rate_per_minute
"""  # noqa: S608 - only constants are put in

# The same for many at once. Rows are locked in one order, so that two groups never wait for each other.
_AGAIN_MANY = f"""
PREPARE alerts_again_many (text, text, timestamptz, text[], text[], int[]) AS
WITH told AS (
  SELECT * FROM unnest($4, $5, $6) AS t(dedup_key, word, times)
), locked AS (
  SELECT alert.id, told.times, sender.rate_per_minute
    FROM alerts_integrationkey AS key
    JOIN alerts_integration AS sender ON sender.id = key.integration_id
    JOIN alerts_alert AS alert ON alert.integration_id = sender.id
    JOIN told ON told.dedup_key = alert.dedup_key AND told.word = alert.severity_word
   WHERE key.sha256 = $1 AND (key.expires_at IS NULL OR key.expires_at > $3)
     AND sender.enabled AND sender.kind = $2 AND alert.state <> 'resolved'
     AND EXISTS (SELECT FROM incidents_incident AS incident
                  WHERE incident.id = alert.incident_id AND incident.status IN ({_ACTIVE}))
   ORDER BY alert.id
     FOR UPDATE OF alert
)
UPDATE alerts_alert AS alert
   SET count = alert.count + locked.times, last_seen_at = greatest(alert.last_seen_at, $3)
  FROM locked
 WHERE alert.id = locked.id
RETURNING alert.dedup_key, locked.rate_per_minute
"""  # noqa: S608 - only constants are put in

UNKNOWN_STATEMENT = "26000"
_prepared: WeakSet[Any] = WeakSet()


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and how often the same body told it."""

    facts: AlertFacts
    times: int = 1


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted; `left` were not. `rate` is the integration's limit, None when nothing was found."""

    left: list[Told]
    rate: int | None


def count_again(
    key_hash: str, kind: IntegrationKind, told: Sequence[Told], *, now: datetime
) -> Counted:
    """Counts the events whose alert is open already. One statement, committed when it returns."""
    dedup_keys = [each.facts.dedup_key for each in told]
    words = [each.facts.severity[:60] for each in told]
    times = [each.times for each in told]
    if len(told) == 1:
        rows = _executed(
            "alerts_again", [key_hash, kind.value, now, dedup_keys[0], words[0], times[0]]
        )
    else:
        rows = _executed("alerts_again_many", [key_hash, kind.value, now, dedup_keys, words, times])
    counted = {row[0] for row in rows}
    left = [each for each in told if each.facts.dedup_key not in counted]
    return Counted(left, rows[0][1] if rows else None)


def _executed(name: str, params: list[Any]) -> list[tuple[str, int]]:
    """Runs a prepared statement; prepares it where the connection has not, or has lost it to a pooler."""
    arguments = ", ".join(["%s"] * len(params))
    with connection.cursor() as cursor:
        if connection.connection not in _prepared:
            _prepare(cursor)
        try:
            cursor.execute(f"EXECUTE {name} ({arguments})", params)
        except DatabaseError as error:
            if (
                connection.in_atomic_block
                or getattr(error.__cause__, "sqlstate", "") != UNKNOWN_STATEMENT
            ):
                raise
            _prepare(cursor)
            cursor.execute(f"EXECUTE {name} ({arguments})", params)
        rows: list[tuple[str, int]] = cursor.fetchall()
    return rows


def _prepare(cursor: CursorWrapper) -> None:
    _prepared.discard(connection.connection)
    for statement in (_AGAIN, _AGAIN_MANY):
        cursor.execute(statement)
    _prepared.add(connection.connection)


def merged(events: Sequence[AlertFacts]) -> list[Told]:
    """One entry per dedup key, the first event of each, in the order of the keys: a lock order for all."""
    first: dict[str, AlertFacts] = {}
    times: dict[str, int] = {}
    for facts in events:
        first.setdefault(facts.dedup_key, facts)
        times[facts.dedup_key] = times.get(facts.dedup_key, 0) + 1
    return [Told(first[key], times[key]) for key in sorted(first)]
