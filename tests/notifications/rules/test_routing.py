"""Which of a person's ways are used."""

from __future__ import annotations

import pytest

from notifications.rules.routing import MethodFacts, RuleFacts, Way, ways

CHANNELS = {"mail", "webhook", "file"}
PAGER = MethodFacts(1, "pager", "mail", "pager@x")
HOOK = MethodFacts(2, "webhook", "webhook", "https://x")
PHONE = MethodFacts(3, "phone", "phone", "+49")


def test_without_rules_each_method_at_once_in_order() -> None:
    assert ways([PAGER, HOOK], [], channels=CHANNELS) == [
        Way(1, "mail", "pager@x"),
        Way(2, "webhook", "https://x"),
    ]


def test_rules_choose_method_and_time() -> None:
    rules = [RuleFacts(1, 120), RuleFacts(2, 0), RuleFacts(1, 0)]

    assert ways([PAGER, HOOK], rules, channels=CHANNELS) == [
        Way(2, "webhook", "https://x"),
        Way(1, "mail", "pager@x"),
        Way(1, "mail", "pager@x", 120),
    ]


def test_rules_that_name_only_methods_no_longer_usable_do_not_silence_a_person() -> None:
    assert ways([PAGER], [RuleFacts(99, 0)], channels=CHANNELS) == [Way(1, "mail", "pager@x")]


def test_rules_that_use_only_kinds_not_allowed_give_way_to_what_is() -> None:
    assert ways(
        [PAGER, HOOK], [RuleFacts(1, 0)], channels=CHANNELS, allowed_kinds=("webhook",)
    ) == [Way(2, "webhook", "https://x")]


@pytest.mark.clause("X1")
def test_a_channel_that_is_not_set_up_is_stood_in_for_by_mail() -> None:
    assert ways([PAGER, PHONE], [], channels=CHANNELS, allowed_kinds=("phone",)) == [
        Way(1, "mail", "pager@x", instead_of="phone")
    ]
    assert ways([PHONE], [], channels=CHANNELS, sign_in_address="me@x") == [
        Way(None, "mail", "me@x", instead_of="phone")
    ]


def test_the_same_address_is_not_told_twice_at_once() -> None:
    assert ways([PAGER, PHONE], [], channels=CHANNELS) == [Way(1, "mail", "pager@x")]


def test_nobody_is_reached_without_a_verified_method() -> None:
    assert ways([], [], channels=CHANNELS, sign_in_address="me@x") == []


def test_mail_that_is_turned_off_stands_in_for_nothing() -> None:
    assert ways([PHONE], [], channels={"webhook"}, sign_in_address="me@x") == []
