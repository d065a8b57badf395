"""A flood of one service's alerts does not drown another's."""

from __future__ import annotations

from tests.faults.harness.crowd import Crowd, letter, one_alert_each, paged_first
from tests.faults.harness.invariants import assert_held, wait_until_quiet
from tests.faults.harness.stack import Stack
from tests.faults.harness.waiting import until

KEYS = 50
AT_ONCE = 64


def test_a_fresh_alert_of_another_service_reaches_the_mail_server_during_a_storm(
    stack: Stack,
) -> None:
    """Five seconds from the sender's first try are promised: the full profile and the bench hold them. The
    short one shares its cores with the rest of the suite and holds fifteen: there a storm that drowns the
    others is found, a slow one is not."""
    alerts, seconds, times, within = (
        (10_000, 60, 10, 5) if stack.profile.full else (1_500, 10, 3, 15)
    )
    doors, patience = stack.doors, stack.profile.patience
    calm = one_alert_each(stack)
    (fresh, _), (stormy, _) = paged_first(stack, "mail"), paged_first(stack, "webhook")
    storm = Crowd(
        stack.port,
        [[letter(doors, n % KEYS, f"storm-{n % KEYS}", stormy)] for n in range(alerts)],
        at_once=AT_ONCE,
        patience=patience,
        rate=alerts / seconds,
    ).start()
    took = []
    senders = [calm]
    for turn in range(times):
        reached = alerts * (turn + 1) // (times + 2)
        until(lambda reached=reached: len(storm.sent) >= reached, what=f"{reached} alerts")  # type: ignore[misc]
        key = f"fresh-{1001 + turn}"
        one = letter(doors, 1001 + turn, key, fresh)
        senders.append(Crowd(stack.port, [[one]], at_once=1, patience=patience).start())
        took.append(until(lambda key=key: mailed_at(stack, key), what=key) - one.sent.began)  # type: ignore[misc]
        assert storm.running

    wait_until_quiet(stack, storm, *senders)
    assert_held(stack, storm, *senders, exactly_once=True)
    assert not [sent for sent in storm.sent if sent.accepted is None]
    assert max(took) < within, took


def mailed_at(stack: Stack, key: str) -> float | None:
    return next(
        (
            one.monotonic
            for one in stack.outside.ledger.all()
            if one.channel == "mail" and key in one.text
        ),
        None,
    )
