"""Pages to one person within seconds: the first at once, the rest as one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from notifications import delivery
from notifications.enums import PageOutState, PageState
from notifications.models import Page, PageOut, PagingLimits
from notifications.rules.message import Link, Message
from notifications.services import page_people, supersede
from tests.notifications.factories import NOON, MailServer, make_person, page_request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fires(providers: dict[str, Any]) -> None:
    providers["tests.fire"] = lambda outs, now: (
        lambda out: Message(
            f"fire {out.subject_id}",
            f"text {out.subject_id}",
            links=(Link("Answer", f"http://x/p/{out.subject_id}/"),),
        )
    )


def seconds(number: float) -> Any:
    return NOON + timedelta(seconds=number)


def test_the_first_goes_at_once_and_what_follows_within_seconds_goes_as_one(
    smtp: MailServer,
) -> None:
    ann = make_person("ann@example.org")
    page_people([page_request(ann, 1)], now=NOON)
    delivery.deliver_due(now=NOON)
    for number in (2, 3, 4):
        page_people([page_request(ann, number)], now=seconds(number / 10))
        delivery.deliver_due(now=seconds(number / 10))
    assert smtp.subjects == ["fire 1"]

    delivery.deliver_due(now=seconds(2))

    assert smtp.subjects == ["fire 1", "fire 4 (+ 2 more)"]
    text = smtp.taken[1][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert [text.index(f"/p/{number}/") for number in (4, 3, 2)] == sorted(
        text.index(f"/p/{number}/") for number in (4, 3, 2)
    )


def test_each_bundled_page_is_recorded_as_delivered_by_the_bundle(smtp: MailServer) -> None:
    ann = make_person()
    page_people([page_request(ann, number) for number in (1, 2, 3)], now=NOON)

    delivery.deliver_due(now=NOON)

    newest = Page.objects.get(page_out__subject_id=3)
    assert [page.state for page in Page.objects.order_by("page_out__subject_id")] == [
        PageState.BUNDLED,
        PageState.BUNDLED,
        PageState.SENT,
    ]
    assert set(newest.bundled.values_list("page_out__subject_id", flat=True)) == {1, 2}
    assert set(Page.objects.values_list("sent_at", flat=True)) == {NOON}
    assert set(PageOut.objects.values_list("state", flat=True)) == {PageOutState.SENT}


def test_three_hundred_incidents_at_once_are_few_messages(smtp: MailServer) -> None:
    ann = make_person()
    for number in range(300):
        page_people([page_request(ann, number)], now=seconds(number / 5))
        delivery.deliver_due(now=seconds(number / 5))
    delivery.deliver_due(now=seconds(100))

    assert len(smtp.taken) <= 8
    assert smtp.subjects[0] == "fire 0"
    reached = Page.objects.filter(state__in=[PageState.SENT, PageState.BUNDLED])
    assert reached.count() == 300


def test_a_bundle_spells_out_the_newest_and_counts_the_rest(smtp: MailServer) -> None:
    PagingLimits.objects.update_or_create(pk=1, defaults={"bundle_lists": 5})
    ann = make_person()
    page_people([page_request(ann, number) for number in range(1, 301)], now=NOON)

    delivery.deliver_due(now=NOON)

    [(_, mail)] = smtp.taken
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert str(mail["Subject"]) == "fire 300 (+ 299 more)"
    assert text.count("/p/") == 5
    assert "And 295 more" in text
    assert Page.objects.filter(state=PageState.BUNDLED).count() == 299


def test_two_people_are_never_in_one_message(smtp: MailServer) -> None:
    people = [make_person(), make_person()]
    page_people([page_request(person, 1) for person in people], now=NOON)

    delivery.deliver_due(now=NOON)

    assert smtp.subjects == ["fire 1", "fire 1"]


def test_bundling_is_switched_off_by_its_limit(smtp: MailServer) -> None:
    PagingLimits.objects.update_or_create(pk=1, defaults={"bundle_seconds": 0})
    page_people([page_request(ann := make_person(), 1), page_request(ann, 2)], now=NOON)

    delivery.deliver_due(now=NOON)

    assert sorted(smtp.subjects) == ["fire 1", "fire 2"]


def test_a_failed_first_message_does_not_hold_the_next_one_back(smtp: MailServer) -> None:
    ann = make_person("ann@example.org")
    smtp.refusals["ann@example.org"] = "451 later"
    page_people([page_request(ann, 1)], now=NOON)
    delivery.deliver_due(now=NOON)
    smtp.refusals.clear()
    page_people([page_request(ann, 2)], now=seconds(0.5))

    delivery.deliver_due(now=seconds(0.5))

    assert smtp.subjects == ["fire 2"]


def test_a_bundle_that_fails_is_tried_again_whole(smtp: MailServer) -> None:
    smtp.data_answer = "451 not now"
    page_people([page_request(ann := make_person(), 1), page_request(ann, 2)], now=NOON)
    delivery.deliver_due(now=NOON)
    smtp.data_answer = ""

    delivery.deliver_due(now=seconds(30))

    assert smtp.subjects == ["fire 2 (+ 1 more)"]


def test_a_page_answered_before_the_bundle_goes_is_left_out_of_it(smtp: MailServer) -> None:
    ann = make_person()
    page_people([page_request(ann, number) for number in (1, 2, 3)], now=NOON)
    supersede("tests.fire", 2, now=NOON, reason="acknowledged")

    delivery.deliver_due(now=NOON)

    assert smtp.subjects == ["fire 3 (+ 1 more)"]


def test_a_collapsed_call_is_recorded_and_only_the_current_step_is_sent(smtp: MailServer) -> None:
    ann = make_person()
    outs = page_people(
        [
            page_request(ann, 1, step_key="primary", collapsed=True),
            page_request(ann, 1, step_key="secondary"),
        ],
        now=NOON,
    )

    delivery.deliver_due(now=NOON)

    assert [out.state for out in outs] == [PageOutState.COLLAPSED, PageOutState.WAITING]
    assert len(smtp.taken) == 1
    assert Page.objects.get().page_out == outs[1]
