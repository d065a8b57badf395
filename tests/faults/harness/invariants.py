"""What must hold when all is quiet again: one function each, over the record and what arrived outside.

Each returns its violations as sentences. `assert_held` asks them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tests.faults.harness.load import Sender
from tests.faults.harness.stack import Stack, words_of
from tests.faults.harness.waiting import until
from tests.faults.harness.world import STEPS

RESTLESS = {
    "promises due within a minute": """
        SELECT count(*) FROM deadlines_deadline
        WHERE state = 'pending'
          AND least(due_at, run_at) < clock_timestamp() + interval '1 minute'""",
    "pages that may still go out": """
        SELECT count(*) FROM notifications_page WHERE state IN ('pending', 'held', 'sending')""",
    "results nobody was told of": """
        SELECT count(*) FROM notifications_pageout
        WHERE exhausted_at IS NOT NULL AND exhaustion_told_at IS NULL""",
}


def wait_until_quiet(stack: Stack, *loads: Sender, seconds: float | None = None) -> None:
    """Until every event is accepted or given up, every path has ended, and nothing is on its way."""
    for load in loads:
        load.finish()
    limit = seconds or stack.profile.patience

    def restless() -> dict[str, int]:
        [counts] = stack.rows(f"SELECT {', '.join(f'({query})' for query in RESTLESS.values())}")
        return {name: count for name, count in zip(RESTLESS, counts, strict=True) if count}

    try:
        until(lambda: not restless(), seconds=limit, every=0.2)
    except AssertionError:
        raise AssertionError(
            f"not quiet after {limit:.0f} s: {restless()}\n{words_of(stack.portal)}"
        ) from None


def assert_held(
    stack: Stack,
    *loads: Sender,
    exactly_once: bool = False,
    most_late: float | None = None,
) -> None:
    """All invariants that can be read when it is quiet.

    `exactly_once`: nothing was done to a sender or a server; a message arrives twice only where an
    attempt outlived its time, on a machine that stands still. `most_late`: seconds a step may have
    come late, which a fault costs.
    """
    late = stack.profile.patience if most_late is None else most_late
    found = [
        *stored_once(stack, loads),
        *no_incident_is_forgotten(stack),
        *nothing_is_overdue(stack),
        *keys_are_unique(stack),
        *arrivals_are_explained(stack, exactly_once=exactly_once),
        *no_two_senders_at_once(stack),
        *no_page_after_the_acknowledgment(stack),
        *steps_ascend(stack, most_late=late),
        *timelines_have_no_holes(stack),
    ]
    assert not found, "\n".join(found[:40])


def stored_once(stack: Stack, loads: Sequence[Sender]) -> list[str]:
    """I1: every event answered 2xx is stored once. A try without an answer may count or not. A key has
    another alert only when the one before it is over."""
    accepted: Counter[str] = Counter()
    unsure: Counter[str] = Counter()
    for load in loads:
        for sent in load.sent:
            accepted[sent.dedup_key] += sent.accepted is not None
            unsure[sent.dedup_key] += sent.unsure
    stored = dict(
        stack.rows("SELECT dedup_key, sum(count)::int FROM alerts_alert GROUP BY dedup_key")
    )
    found = []
    for key in sorted({*accepted, *stored}):
        count, least = stored.get(key, 0), accepted[key]
        if not least <= count <= least + unsure[key]:
            found.append(
                f"I1: {key} was accepted {least} times, tried without an answer {unsure[key]} times, "
                f"and is stored {count} times"
            )
    homeless = stack.rows("SELECT dedup_key FROM alerts_alert WHERE incident_id IS NULL")
    twice = stack.rows(
        "SELECT dedup_key FROM alerts_alert GROUP BY dedup_key"
        " HAVING count(*) > 1 + count(*) FILTER (WHERE state = 'resolved')"
    )
    return [
        *found,
        *(f"I1: {key} has no incident" for (key,) in homeless),
        *(f"I1: {key} is two alerts" for (key,) in twice),
    ]


def no_incident_is_forgotten(stack: Stack) -> list[str]:
    """I2: whom nobody has answered has a future, or has ended its path and told an admin; and was told
    to somebody. Every call has an end."""
    silent = stack.rows(
        """
        SELECT incident.ref FROM incidents_incident AS incident
        WHERE incident.status = 'triggered'
          AND NOT EXISTS (SELECT FROM deadlines_deadline AS d WHERE d.subject_type = 'incident'
                          AND d.subject_id = incident.id AND d.state = 'pending')
          AND NOT EXISTS (SELECT FROM notifications_pageout AS p
                          JOIN directory_user AS person ON person.id = p.user_id
                          WHERE p.subject_type = 'incident' AND p.subject_id = incident.id
                          AND person.email = %s AND p.sent_at IS NOT NULL)
        """,
        stack.world.admin,
    )
    untold = stack.rows(
        """
        SELECT incident.ref FROM incidents_incident AS incident
        WHERE incident.acknowledged_at IS NULL
          AND NOT EXISTS (SELECT FROM notifications_pageout AS p WHERE p.subject_type = 'incident'
                          AND p.subject_id = incident.id AND p.sent_at IS NOT NULL)
        """
    )
    unended = stack.rows(
        """
        SELECT p.id, p.state FROM notifications_pageout AS p
        WHERE p.state IN ('waiting', 'held')
           OR (p.state = 'sent' AND NOT EXISTS (
                 SELECT FROM notifications_page AS page WHERE page.page_out_id = p.id
                 AND page.state IN ('sent', 'delivered', 'bundled')))
        """
    )
    return [
        *(f"I2: {ref} is unanswered and has no future" for (ref,) in silent),
        *(f"I2: nobody was told of {ref}" for (ref,) in untold),
        *(f"I2: call {pk} was left {state}" for pk, state in unended),
    ]


def nothing_is_overdue(stack: Stack) -> list[str]:
    """I3: no promise, no page and no lease is past its time; no handler keeps failing."""
    promises = stack.rows(
        "SELECT key, due_at FROM deadlines_deadline WHERE state = 'pending'"
        " AND least(due_at, run_at) < clock_timestamp() - interval '2 seconds'"
    )
    pages = stack.rows(
        "SELECT id, state FROM notifications_page WHERE state IN ('pending', 'held', 'sending')"
        " AND next_try_at < clock_timestamp() - interval '2 seconds'"
    )
    failing = stack.rows(
        "SELECT key, last_error FROM deadlines_deadline WHERE state = 'pending' AND tries > 0"
    )
    lost = stack.rows("SELECT id, error FROM notifications_page WHERE state = 'quarantined'")
    return [
        *(f"I3: {key} was due at {due}" for key, due in promises),
        *(f"I3: page {pk} is {state} and overdue" for pk, state in pages),
        *(f"I3: {key} keeps failing: {error}" for key, error in failing),
        *(f"I3: page {pk} is in quarantine: {error}" for pk, error in lost),
    ]


def keys_are_unique(stack: Stack) -> list[str]:
    """I4: no two pages share a delivery key, and nobody is called twice for one step and round."""
    keys = stack.rows(
        "SELECT delivery_key FROM notifications_page GROUP BY delivery_key HAVING count(*) > 1"
    )
    calls = stack.rows(
        "SELECT subject_id, step_key, user_id FROM notifications_pageout"
        " GROUP BY subject_type, subject_id, step_key, round, user_id, address HAVING count(*) > 1"
    )
    return [
        *(f"I4: the key {key} is not unique" for (key,) in keys),
        *(f"I4: person {user} is called twice for {step} of {pk}" for pk, step, user in calls),
    ]


def arrivals_are_explained(stack: Stack, *, exactly_once: bool = False) -> list[str]:
    """I5: what is recorded as sent arrived; what arrived more than once was begun more than once, and
    all but one of these attempts have no result of their own; nothing arrived without a row."""
    arrived = stack.outside.ledger.counts()
    pages = {
        key: (state, begun, overlong if exactly_once else in_doubt, taken, tries)
        for key, state, begun, in_doubt, overlong, taken, tries in stack.rows(
            """
            SELECT page.delivery_key, page.state, count(attempt.id),
                   count(*) FILTER (WHERE attempt.outcome IN ('begun', 'transient')
                                    OR attempt.answer LIKE '%%(the lease was lost)'),
                   count(*) FILTER (WHERE attempt.finished_at - attempt.started_at
                                    >= make_interval(secs => %s)),
                   count(*) FILTER (WHERE attempt.outcome IN ('accepted', 'delivered')
                                    AND attempt.answer NOT LIKE '%%(the lease was lost)'),
                   string_agg(to_char(attempt.started_at, 'HH24:MI:SS.MS') || ' ' || attempt.outcome
                              || ' ' || attempt.answer, '; ' ORDER BY attempt.id)
            FROM notifications_page AS page
            LEFT JOIN notifications_attempt AS attempt ON attempt.page_id = page.id
            GROUP BY page.id
            """,
            stack.profile.attempt,
        )
    }
    found = [f"I5: {key} arrived and has no row" for key in arrived if key not in pages]
    for key, (state, begun, in_doubt, taken, tries) in pages.items():
        count = arrived[key]
        if state in ("sent", "delivered") and not count:
            found.append(f"I5: {key} is {state} and never arrived")
        if taken > 1:
            found.append(f"I5: {key} was recorded as taken {taken} times")
        if count > begun:
            found.append(f"I5: {key} arrived {count} times and was begun {begun} times")
        if count > 1 + in_doubt:
            found.append(
                f"I5: {key} arrived {count} times; {in_doubt} attempts have no result of their own: {tries}"
            )
    return found


def no_two_senders_at_once(stack: Stack) -> list[str]:
    """I5: while an attempt is on its way its page is left alone, until its lease is over."""
    rows = stack.rows(
        """
        SELECT page.delivery_key, one.started_at, other.started_at
        FROM notifications_attempt AS one
        JOIN notifications_attempt AS other ON other.page_id = one.page_id AND other.id > one.id
         AND other.started_at < one.started_at + make_interval(secs => %s)
         AND other.started_at < coalesce(one.finished_at, 'infinity')
        JOIN notifications_page AS page ON page.id = one.page_id
        """,
        stack.profile.lease,
    )
    robbed = stack.rows(
        """
        SELECT page.delivery_key, attempt.started_at, attempt.finished_at
        FROM notifications_attempt AS attempt
        JOIN notifications_page AS page ON page.id = attempt.page_id
        WHERE attempt.answer LIKE '%%(the lease was lost)'
          AND attempt.finished_at < attempt.started_at + make_interval(secs => %s)
        """,
        stack.profile.lease,
    )
    return [
        *(f"I5: {key} was begun at {one} and, under its lease, at {two}" for key, one, two in rows),
        *(f"I5: {key}, begun at {one}, had lost its lease by {two}" for key, one, two in robbed),
    ]


def no_page_after_the_acknowledgment(stack: Stack) -> list[str]:
    """I6: nothing is begun more than a second after the acknowledgment was committed."""
    rows = stack.rows(
        """
        SELECT incident.ref, page.delivery_key, attempt.started_at - ended.at
        FROM incidents_incident AS incident
        JOIN LATERAL (
            SELECT min(pg_xact_commit_timestamp(entry.xmin)) AS at
            FROM incidents_timelineentry AS entry
            WHERE entry.incident_id = incident.id AND entry.kind = 'acknowledged'
        ) AS ended ON ended.at IS NOT NULL
        JOIN notifications_pageout AS p
          ON p.subject_type = 'incident' AND p.subject_id = incident.id AND p.purpose = 'page'
         AND p.created_at < incident.acknowledged_at
        JOIN notifications_page AS page ON page.page_out_id = p.id
        JOIN notifications_attempt AS attempt ON attempt.page_id = page.id
        WHERE attempt.started_at > ended.at + interval '1 second'
        """
    )
    return [f"I6: {ref}: {key} was begun {late} after it" for ref, key, late in rows]


def steps_ascend(stack: Stack, *, most_late: float) -> list[str]:
    """I7: steps are paged in their order, none early, none twice, none later than a fault may cost.
    One that was brought forward, as the step before it reached nobody, comes again at its own time."""
    found = []
    for ref, key, settled_at, due_at in stack.rows(
        """
        SELECT incident.ref, d.key, d.settled_at, d.due_at FROM deadlines_deadline AS d
        JOIN incidents_incident AS incident ON incident.id = d.subject_id
        WHERE d.kind = 'incident.step' AND d.state = 'met'
        """
    ):
        late = (settled_at - due_at).total_seconds()
        if late < 0:
            found.append(f"I7: {ref}: {key} came {-late:.3f} s early")
        if late > most_late:
            found.append(f"I7: {ref}: {key} came {late:.1f} s late")
    entries = stack.rows(
        """
        SELECT incident.ref, entry.kind, min(entry.text), count(*)
        FROM incidents_timelineentry AS entry
        JOIN incidents_incident AS incident ON incident.id = entry.incident_id
        WHERE entry.kind IN ('step', 'missed')
        GROUP BY incident.id, entry.kind, entry.data->>'step', entry.data->>'cause',
                 entry.data->>'promise', entry.data->>'due_at' HAVING count(*) > 1
        """
    )
    found += [f"I7: {ref} has the {kind} {n} times: {text}" for ref, kind, text, n in entries]
    for ref, fired, times in stack.rows(
        """
        SELECT incident.ref, array_agg(entry.data->>'step' ORDER BY entry.number),
               array_agg(entry.at ORDER BY entry.number)
        FROM incidents_timelineentry AS entry
        JOIN incidents_incident AS incident ON incident.id = entry.incident_id
        WHERE entry.kind = 'step' AND entry.data->>'cause' IS DISTINCT FROM 'after-empty' GROUP BY 1
        """
    ):
        if fired != [step for step in STEPS if step in fired] or times != sorted(times):
            told = ", ".join(
                f"{step} at {at:%H:%M:%S.%f}" for step, at in zip(fired, times, strict=True)
            )
            found.append(f"I7: {ref}: its steps were not paged in their order: {told}")
    unfired = stack.rows(
        """
        SELECT incident.ref, d.key FROM deadlines_deadline AS d
        JOIN incidents_incident AS incident ON incident.id = d.subject_id
        WHERE d.kind = 'incident.step' AND d.state = 'met' AND NOT d.evidence ? 'skipped'
          AND NOT EXISTS (SELECT FROM incidents_timelineentry AS entry
                          WHERE entry.incident_id = incident.id AND entry.kind IN ('step', 'empty_step')
                          AND entry.data->>'step' = d.payload->>'step')
        """
    )
    return [*found, *(f"I7: {ref}: {key} is met and paged nobody" for ref, key in unfired)]


def timelines_have_no_holes(stack: Stack) -> list[str]:
    """I8: entries are numbered from one without holes, and each change of state has its entry, once."""
    holes = stack.rows(
        """
        SELECT incident.ref, incident.entries, count(entry.id), max(entry.number)
        FROM incidents_incident AS incident
        LEFT JOIN incidents_timelineentry AS entry ON entry.incident_id = incident.id
        GROUP BY incident.id
        HAVING count(entry.id) <> incident.entries OR max(entry.number) <> incident.entries
            OR min(entry.number) <> 1
        """
    )
    untold = stack.rows(
        """
        SELECT incident.ref, told.kind, count(entry.id)
        FROM incidents_incident AS incident
        CROSS JOIN LATERAL (VALUES ('declared', incident.opened_at),
                                   ('acknowledged', incident.acknowledged_at),
                                   ('resolved', incident.resolved_at)) AS told (kind, at)
        LEFT JOIN incidents_timelineentry AS entry
          ON entry.incident_id = incident.id AND entry.kind = told.kind AND entry.at = told.at
        WHERE told.at IS NOT NULL
        GROUP BY incident.id, told.kind HAVING count(entry.id) <> 1
        """
    )
    told = stack.rows(
        """
        SELECT incident.ref FROM incidents_timelineentry AS entry
        JOIN incidents_incident AS incident ON incident.id = entry.incident_id
        WHERE entry.kind = 'acknowledged' AND incident.acknowledged_at IS NULL
        """
    )
    return [
        *(f"I8: {ref} counts {n} entries and has {m}, up to {top}" for ref, n, m, top in holes),
        *(f"I8: {ref} was {kind} and has {n} entries of it" for ref, kind, n in untold),
        *(f"I8: {ref} tells of an acknowledgment that is not there" for (ref,) in told),
    ]


def rows_digest(stack: Stack) -> dict[str, str]:
    """I10: what all rows of the record say, but for the pulses of the processes."""
    tables = [
        name
        for (name,) in stack.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT LIKE 'django\\_celery\\_beat\\_%' AND tablename <> 'deadlines_pulse'"
        )
    ]
    return {
        table: str(
            stack.value(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} AS t"  # noqa: S608 - our own tables
            )
        )
        for table in tables
    }


def same_rows(stack: Stack, act: Callable[[], object]) -> list[str]:
    """I10: the tables in which an act changed anything."""
    before = rows_digest(stack)
    act()
    after = rows_digest(stack)
    return [f"I10: {table} changed" for table in before if before[table] != after[table]]
