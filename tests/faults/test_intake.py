"""Intake takes what many clients send at once, and what they send halfway stops nobody else."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import permutations

from tests.faults.harness.crowd import Crowd, Letter, answer, letter
from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.postgres_log import nobody_waits_for_ever
from tests.faults.harness.stack import Stack
from tests.faults.harness.waiting import until

SLOW_CLIENTS = 600
AT_ONCE = 1000
KEYS_AT_ONCE = 8
ORDERS = list(permutations(("trigger", "acknowledge", "resolve")))


def test_six_hundred_clients_with_half_a_body_do_not_stop_an_alert_from_being_paged(
    stack: Stack,
) -> None:
    halves = letter(stack.doors, 1, "half-1", stack.world.services[0])
    normal = letter(stack.doors, 3, "normal-3", stack.world.services[0])
    with half_bodies(stack, halves) as clients:
        crowd = Crowd(stack.port, [[normal]], at_once=1, patience=stack.profile.patience).start()
        crowd.finish()
        until(lambda: arrived(stack, "normal-3"), what="the page")
        assert not readable(clients), "all of them hang"
        assert normal.sent.statuses == [202]
        for client in clients[:20]:
            client.sendall(halves.body[len(halves.body) // 2 :])
        answers = [client.recv(12) for client in clients[:20]]

    assert set(answers) == {b"HTTP/1.1 202"}
    wait_until_quiet(stack, crowd)
    counts = dict(stack.rows("SELECT dedup_key, count FROM alerts_alert"))
    assert counts == {"normal-3": 1, "half-1": 20}
    assert "Traceback" not in stack.web.words()


def test_one_webhook_a_thousand_times_at_once_is_one_alert_one_incident_and_one_page(
    stack: Stack,
) -> None:
    service = stack.world.services[0]
    letters = [letter(stack.doors, 2, "same-2", service) for _ in range(AT_ONCE)]
    with nobody_waits_for_ever(stack):
        crowd = Crowd(
            stack.port, [[one] for one in letters], at_once=AT_ONCE, patience=stack.profile.patience
        ).start()
        wait_until_quiet(stack, crowd)

    assert_held(stack, crowd, exactly_once=True)
    assert all(one.sent.accepted for one in letters)
    assert stack.rows("SELECT count FROM alerts_alert") == [(AT_ONCE,)]
    assert stack.value("SELECT count(*) FROM incidents_incident") == 1
    primary = "SELECT count(*) FROM notifications_pageout WHERE step_key LIKE '%%primary%%'"
    assert stack.value(primary) == 1


def test_trigger_acknowledge_and_resolve_of_one_key_may_come_in_any_order(stack: Stack) -> None:
    """What the source said last holds; what it says of an alert that is not there changes nothing."""
    rows = [told(stack, order, f"order-{2 * n + 1}") for n, order in enumerate(ORDERS)]
    crowd = Crowd(stack.port, rows, at_once=len(rows), patience=stack.profile.patience).start()
    crowd.finish()

    found = {
        key: (alert, incident)
        for key, alert, incident in stack.rows(
            "SELECT alert.dedup_key, alert.state, incident.status FROM alerts_alert AS alert"
            " JOIN incidents_incident AS incident ON incident.id = alert.incident_id"
        )
    }
    assert {order: found[f"order-{2 * n + 1}"] for n, order in enumerate(ORDERS)} == {
        ("trigger", "acknowledge", "resolve"): ("resolved", "acknowledged"),
        ("trigger", "resolve", "acknowledge"): ("resolved", "triggered"),
        ("acknowledge", "trigger", "resolve"): ("resolved", "triggered"),
        ("acknowledge", "resolve", "trigger"): ("firing", "triggered"),
        ("resolve", "trigger", "acknowledge"): ("acknowledged", "acknowledged"),
        ("resolve", "acknowledge", "trigger"): ("firing", "triggered"),
    }
    wait_until_quiet(stack, crowd)
    assert_held(stack, crowd, exactly_once=True)


def test_clients_that_tell_all_orders_of_one_key_at_once_agree_on_one_incident(
    stack: Stack,
) -> None:
    keys = [f"raced-{2 * n + 1}" for n in range(KEYS_AT_ONCE)]
    rows = [told(stack, order, key) for key in keys for order in ORDERS]
    with nobody_waits_for_ever(stack):
        crowd = Crowd(stack.port, rows, at_once=len(rows), patience=stack.profile.patience).start()
        wait_until_quiet(stack, crowd)

    assert {status for row in rows for one in row for status in one.sent.statuses} == {202}
    assert_held(stack, crowd, exactly_once=True)
    counts = stack.rows(
        "SELECT dedup_key, sum(count)::int, count(DISTINCT incident_id) FROM alerts_alert GROUP BY 1"
    )
    assert sorted(counts) == sorted((key, len(ORDERS), 1) for key in keys)
    unsaid = stack.rows(
        """
        SELECT incident.ref FROM incidents_incident AS incident
        WHERE NOT EXISTS (SELECT FROM alerts_alert AS alert
                          WHERE alert.incident_id = incident.id AND alert.state <> 'resolved')
          AND NOT EXISTS (SELECT FROM incidents_timelineentry AS entry
                          WHERE entry.incident_id = incident.id AND entry.kind = 'proposed')
        """
    )
    assert unsaid == [], "all their alerts are over, and nobody was told"


def told(stack: Stack, order: tuple[str, ...], key: str) -> list[Letter]:
    """What one client says of a key, each word with a connection of its own."""
    number = int(key.rpartition("-")[2])
    service = stack.world.services[0]
    return [
        letter(stack.doors, number, key, service)
        if word == "trigger"
        else answer(stack.doors, word, key)
        for word in order
    ]


def arrived(stack: Stack, key: str) -> bool:
    return any(key in one.text for one in stack.outside.ledger.all())


@contextmanager
def half_bodies(stack: Stack, whole: Letter) -> Iterator[list[socket.socket]]:
    """Clients that have sent half of this, and wait."""
    head = f"POST {whole.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(whole.body)}\r\n\r\n"
    half = head.encode() + whole.body[: len(whole.body) // 2]
    with ExitStack() as kept:
        clients = [
            kept.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=60))
            for _ in range(SLOW_CLIENTS)
        ]
        for client in clients:
            client.sendall(half)
        yield clients


def readable(clients: list[socket.socket]) -> list[socket.socket]:
    """Those that were answered or cut."""
    poll = select.poll()
    by_number = {client.fileno(): client for client in clients}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(0)]
