"""A person who answers in the very moment in which the clock calls the next one."""

from __future__ import annotations

import heapq
import time
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg

from tests.faults.harness.crowd import answer
from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.load import Load, post
from tests.faults.harness.postgres_log import nobody_waits_for_ever
from tests.faults.harness.stack import Stack, phone_path

RATE = 25
BEFORE, AFTER = -0.4, 1.2
"""Acknowledgments come from so long before a step is due to so long after: a busy clock may come late."""


def test_an_acknowledgment_and_a_step_due_in_the_same_second_never_both_win(stack: Stack) -> None:
    incidents = 1000 if stack.profile.full else 60
    with nobody_waits_for_ever(stack):
        load = stack.load(rate=RATE, seconds=incidents * 4 / 3 / RATE)
        answers = acknowledge_when_steps_are_due(stack, load)
        wait_until_quiet(stack, load)

    assert set(answers) <= {202, 302, 303}
    assert_held(stack, load, exactly_once=True)
    assert len(answers) == stack.value(
        "SELECT count(*) FROM incidents_incident WHERE acknowledged_at IS NOT NULL"
        " AND status = 'acknowledged'"
    )
    assert called_after_the_answer(stack) == []
    assert stack.value(
        "SELECT count(*) FROM deadlines_deadline WHERE kind = 'incident.step' AND state = 'met'"
        " AND payload->>'step' <> 'primary'"
    )


def acknowledge_when_steps_are_due(stack: Stack, load: Load) -> list[int]:
    """Answers each incident around the moment of one of its steps: a person on the phone page, or its
    source where that can. The statuses."""
    moments: list[tuple[float, str, str]] = []
    seen: set[str] = set()
    answers: list[Future[int]] = []
    with (
        ThreadPoolExecutor(32, thread_name_prefix="answer") as pool,
        psycopg.connect(stack.postgres.url, autocommit=True) as connection,
    ):
        over = False
        while moments or not over:
            over = not load.running
            for dedup_key, key, salt, due in connection.execute(BURNING).fetchall():
                if dedup_key not in seen:
                    seen.add(dedup_key)
                    spread = BEFORE + (AFTER - BEFORE) * (len(seen) * 7 % 20) / 20
                    moment = due[len(seen) % len(due)].timestamp() + spread
                    heapq.heappush(moments, (moment, dedup_key, phone_path(key, salt)))
            while moments and moments[0][0] <= time.time():
                _, dedup_key, path = heapq.heappop(moments)
                answers.append(pool.submit(acknowledge, stack, dedup_key, path))
            time.sleep(0.03)
        return [future.result() for future in answers]


BURNING = """
    SELECT alert.dedup_key, called.key, called.token_salt, steps.due
    FROM alerts_alert AS alert
    JOIN LATERAL (SELECT key, token_salt FROM notifications_pageout
                  WHERE subject_type = 'incident' AND subject_id = alert.incident_id
                  ORDER BY id LIMIT 1) AS called ON true
    JOIN LATERAL (SELECT array_agg(due_at ORDER BY due_at) AS due FROM deadlines_deadline
                  WHERE subject_type = 'incident' AND subject_id = alert.incident_id
                  AND kind = 'incident.step' AND due_at > created_at) AS steps
      ON steps.due IS NOT NULL
"""


def acknowledge(stack: Stack, dedup_key: str, path: str) -> int:
    if int(dedup_key.rpartition("-")[2]) % 2:
        said = answer(stack.doors, "acknowledge", dedup_key)
        return post(stack.port, said.path, said.body)
    return stack.press(path)


def called_after_the_answer(stack: Stack) -> list[str]:
    """Steps that the timeline tells after the acknowledgment, and whatever was sent long after it."""
    entries = stack.rows(
        """
        SELECT incident.ref, entry.data->>'step' FROM incidents_timelineentry AS entry
        JOIN incidents_incident AS incident ON incident.id = entry.incident_id
        WHERE entry.kind IN ('step', 'empty_step') AND EXISTS (
            SELECT FROM incidents_timelineentry AS before WHERE before.incident_id = incident.id
            AND before.kind = 'acknowledged' AND before.number < entry.number)
        """
    )
    sends = stack.rows(
        """
        SELECT incident.ref, page.delivery_key FROM notifications_attempt AS attempt
        JOIN notifications_page AS page ON page.id = attempt.page_id
        JOIN notifications_pageout AS call ON call.id = page.page_out_id AND call.purpose = 'page'
        JOIN incidents_incident AS incident
          ON call.subject_type = 'incident' AND incident.id = call.subject_id
        JOIN incidents_timelineentry AS entry
          ON entry.incident_id = incident.id AND entry.kind = 'acknowledged'
        WHERE attempt.started_at > pg_xact_commit_timestamp(entry.xmin) + interval '1 second'
        """
    )
    return [f"{ref}: {what}" for ref, what in [*entries, *sends]]
