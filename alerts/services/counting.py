"""The hot path: an alert that is told again is counted by one statement, and nothing else happens.

The statement is its own transaction. It finds the key, checks that it is still good, and counts the
alert only while that is open, says the same severity, and its incident is active; whatever fails one
of these is left to the slow path. Nothing is cached, so a withdrawn key is refused at once, everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from alerts.enums import IntegrationKind
from alerts.rules.facts import AlertFacts
from incidents.rules.lifecycle import ACTIVE

_ACTIVE = ", ".join(f"'{status.value}'" for status in sorted(ACTIVE))

# `count` and `last_seen_at` stand in no index, so this is a heap-only update.
_AGAIN = f"""
UPDATE alerts_alert AS alert
   SET count = alert.count + %(times)s, last_seen_at = greatest(alert.last_seen_at, %(now)s)
  FROM alerts_integrationkey AS key
  JOIN alerts_integration AS sender ON sender.id = key.integration_id
 WHERE key.sha256 = %(key_hash)s AND (key.expires_at IS NULL OR key.expires_at > %(now)s)
   AND sender.enabled AND sender.kind = %(kind)s
   AND alert.integration_id = sender.id AND alert.dedup_key = %(dedup_key)s
   AND alert.state <> 'resolved' AND alert.severity_word = %(word)s
   AND EXISTS (SELECT FROM incidents_incident AS incident
                WHERE incident.id = alert.incident_id AND incident.status IN ({_ACTIVE}))
RETURNING alert.dedup_key, sender.rate_per_minute
"""  # noqa: S608 - only constants are put in

# The same for many at once. Rows are locked in one order, so that two groups never wait for each other.
_AGAIN_MANY = f"""
WITH told AS (
  SELECT * FROM unnest(%(dedup_keys)s::text[], %(words)s::text[], %(times)s::int[]) AS t(dedup_key, word, times)
), locked AS (
  SELECT alert.id, told.times, sender.rate_per_minute
    FROM alerts_integrationkey AS key
    JOIN alerts_integration AS sender ON sender.id = key.integration_id
    JOIN alerts_alert AS alert ON alert.integration_id = sender.id
    JOIN told ON told.dedup_key = alert.dedup_key AND told.word = alert.severity_word
   WHERE key.sha256 = %(key_hash)s AND (key.expires_at IS NULL OR key.expires_at > %(now)s)
     AND sender.enabled AND sender.kind = %(kind)s AND alert.state <> 'resolved'
     AND EXISTS (SELECT FROM incidents_incident AS incident
                  WHERE incident.id = alert.incident_id AND incident.status IN ({_ACTIVE}))
   ORDER BY alert.id
     FOR UPDATE OF alert
)
UPDATE alerts_alert AS alert
   SET count = alert.count + locked.times, last_seen_at = greatest(alert.last_seen_at, %(now)s)
  FROM locked
 WHERE alert.id = locked.id
RETURNING alert.dedup_key, locked.rate_per_minute
"""  # noqa: S608 - only constants are put in


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
    shared = {"key_hash": key_hash, "kind": kind.value, "now": now}
    with connection.cursor() as cursor:
        if len(told) == 1:
            facts = told[0].facts
            cursor.execute(
                _AGAIN,
                {
                    **shared,
                    "dedup_key": facts.dedup_key,
                    "word": facts.severity[:60],
                    "times": told[0].times,
                },
            )
        else:
            cursor.execute(
                _AGAIN_MANY,
                {
                    **shared,
                    "dedup_keys": [each.facts.dedup_key for each in told],
                    "words": [each.facts.severity[:60] for each in told],
                    "times": [each.times for each in told],
                },
            )
        rows = cursor.fetchall()
    counted = {row[0] for row in rows}
    left = [each for each in told if each.facts.dedup_key not in counted]
    return Counted(left, rows[0][1] if rows else None)


def merged(events: Sequence[AlertFacts]) -> list[Told]:
    """One entry per dedup key, the first event of each, in the order of the keys: a lock order for all."""
    first: dict[str, AlertFacts] = {}
    times: dict[str, int] = {}
    for facts in events:
        first.setdefault(facts.dedup_key, facts)
        times[facts.dedup_key] = times.get(facts.dedup_key, 0) + 1
    return [Told(first[key], times[key]) for key in sorted(first)]
