"""A mail server that is away, slow, rude or forgetful costs time, never a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.harness.crowd import one_alert_each, paged_first
from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.outside import Delivery, Outside
from tests.faults.harness.stack import Stack
from tests.faults.harness.waiting import until


def away(outside: Outside) -> None:
    outside.refuse("mail")


def slow(outside: Outside) -> None:
    outside.mail.mode = "drip"


def dropping_after_data(outside: Outside) -> None:
    outside.mail.mode = "drop"


@pytest.mark.parametrize("fault", [away, slow, dropping_after_data])
def test_no_page_is_lost_and_each_that_came_twice_is_explained_while_mail_is(
    stack: Stack, fault: Callable[[Outside], None]
) -> None:
    profile = stack.profile
    with each_page_alone(stack, threads=2):
        load = stack.load(seconds=profile.fault_after + profile.fault_for)
        load.reach(profile.fault_after)
        until(lambda: mails(stack), what="a mail, and so a connection to be used again")
        fault(stack.outside)
        load.reach(profile.fault_after + profile.fault_for)
        until(lambda: failed_mails(stack) > 2, what="mails that fail")
        stack.outside.heal()

    wait_until_quiet(stack, load)
    assert_held(stack, load)
    assert not load.refused
    assert answered_twice(stack) == []
    twice = [key for key, count in stack.outside.ledger.counts().items() if count > 1]
    assert twice or fault is not dropping_after_data, "the message had arrived, so it came again"


def test_whom_the_mail_server_does_not_know_is_reached_by_their_next_method(stack: Stack) -> None:
    calm = one_alert_each(stack)
    _, unknown = paged_first(stack, "mail")
    stack.outside.mail.refused[unknown] = "550 no such user"
    before = len(stack.outside.ledger.all())
    load = stack.load(seconds=2)
    wait_until_quiet(stack, calm, load)

    assert_held(stack, calm, load, exactly_once=True)
    calls = set(
        stack.rows(
            """
            SELECT call.state, page.channel, page.state, page.tries
            FROM notifications_pageout AS call
            JOIN directory_user AS person ON person.id = call.user_id
            JOIN notifications_page AS page ON page.page_out_id = call.id
            WHERE person.email = %s AND page.error LIKE '550%%'
               OR person.email = %s AND page.position > 0
            """,
            unknown,
            unknown,
        )
    )
    assert ("sent", "mail", "failed", 1) in calls
    assert calls <= {
        ("sent", "mail", "failed", 1),
        ("sent", "webhook", "sent", 1),
        ("sent", "webhook", "bundled", 1),
    }
    arrived = {(one.channel, one.recipient) for one in stack.outside.ledger.all()[before:]}
    assert ("webhook", unknown) in arrived
    assert any(channel == "mail" and person != unknown for channel, person in arrived)


def test_mail_that_hangs_does_not_slow_webhooks(stack: Stack) -> None:
    """I9: more mails hang than there are threads for, and webhooks go out as ever."""
    stack.outside.mail.mode = "hang"
    with each_page_alone(stack, threads=2):
        load = stack.load(rate=stack.profile.rate * 3, seconds=2)
        load.finish()
        until(lambda: not unsent(stack, "webhook"), what="the webhooks to go out")
        waited = sorted(waits(stack, "webhook"))
        assert len(unsent(stack, "mail")) > 12, "mails that would block"
    assert not mails(stack)
    stack.outside.heal()

    wait_until_quiet(stack, load)
    assert_held(stack, load)
    assert waited[len(waited) * 9 // 10] < 5, waited


def mails(stack: Stack) -> list[Delivery]:
    return [one for one in stack.outside.ledger.all() if one.channel == "mail"]


def failed_mails(stack: Stack) -> int:
    return int(
        stack.value(
            "SELECT count(*) FROM notifications_attempt AS attempt"
            " JOIN notifications_page AS page ON page.id = attempt.page_id"
            " WHERE page.channel = 'mail' AND attempt.outcome = 'transient'"
        )
    )


def answered_twice(stack: Stack) -> list[str]:
    """Messages the server took twice with an answer, though no attempt outlived its time."""
    overlong = Counter(
        key
        for (key,) in stack.rows(
            """
            SELECT page.delivery_key FROM notifications_page AS page
            JOIN notifications_attempt AS attempt ON attempt.page_id = page.id
            WHERE attempt.finished_at - attempt.started_at >= make_interval(secs => %s)
            """,
            stack.profile.attempt,
        )
    )
    answered = Counter(one.key for one in stack.outside.ledger.all() if one.answered)
    return [key for key, count in answered.items() if count > 1 + overlong[key]]


@contextmanager
def each_page_alone(stack: Stack, *, threads: int) -> Iterator[None]:
    """No bundles, and so many threads for each channel."""
    seconds = stack.value("SELECT bundle_seconds FROM notifications_paginglimits")
    kept = stack.rows("SELECT slug, concurrency FROM notifications_channel")
    stack.do("UPDATE notifications_paginglimits SET bundle_seconds = 0")
    stack.do("UPDATE notifications_channel SET concurrency = %s", threads)
    yield
    stack.do("UPDATE notifications_paginglimits SET bundle_seconds = %s", seconds)
    for slug, concurrency in kept:
        stack.do(
            "UPDATE notifications_channel SET concurrency = %s WHERE slug = %s", concurrency, slug
        )


FIRST_PAGES = """
    FROM notifications_page AS page JOIN notifications_pageout AS out ON out.id = page.page_out_id
    WHERE page.position = 0 AND page.channel = %s AND out.purpose = 'page'
"""


def unsent(stack: Stack, channel: str) -> list[int]:
    """First messages of this channel that wait, and steps that will make more."""
    pages = stack.rows(f"SELECT page.id {FIRST_PAGES} AND page.sent_at IS NULL", channel)  # noqa: S608 - a constant
    steps = stack.rows(
        "SELECT id FROM deadlines_deadline WHERE kind = 'incident.step' AND state = 'pending'"
        " AND run_at < clock_timestamp() + interval '1 minute'"
    )
    return [pk for (pk,) in [*pages, *steps]]


def waits(stack: Stack, channel: str) -> list[float]:
    """How long each took from the moment it was due to the stub's door."""
    due = dict(
        stack.rows(f"SELECT page.delivery_key, page.not_before {FIRST_PAGES}", channel)  # noqa: S608 - a constant
    )
    return [
        one.wall - due[one.key].timestamp() for one in stack.outside.ledger.all() if one.key in due
    ]
