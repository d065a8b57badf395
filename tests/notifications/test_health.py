"""The outbox says what is amiss."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifications import health
from notifications.enums import PageState
from notifications.models import Page, PageOut
from notifications.services import page_people
from tests.notifications.factories import NOON, make_person, page_request

pytestmark = pytest.mark.django_db


def names(seconds: float) -> list[tuple[str, str]]:
    return [
        (problem.name, problem.severity)
        for problem in health.check(NOON + timedelta(seconds=seconds))
    ]


def test_all_is_well_with_an_empty_outbox_and_with_a_page_just_made() -> None:
    assert names(0) == []
    page_people([page_request(make_person())], now=NOON)
    assert names(9) == []


def test_a_page_that_does_not_go_out_is_a_warning_and_then_an_error() -> None:
    page_people([page_request(make_person())], now=NOON)

    assert names(11) == [("outbox", "warning")]
    assert names(31) == [("outbox", "error")]


def test_a_held_page_is_no_problem_before_its_time() -> None:
    page_people([page_request(make_person(), held_until=NOON + timedelta(hours=9))], now=NOON)

    assert names(3600) == []


def test_quarantine_failing_channels_and_unreached_people_are_named() -> None:
    page_people([page_request(make_person("a@example.org", "b@example.org"))], now=NOON)
    first, second = Page.objects.order_by("id")
    Page.objects.filter(pk=first.pk).update(state=PageState.QUARANTINED)
    Page.objects.filter(pk=second.pk).update(tries=3, next_try_at=NOON + timedelta(minutes=1))
    unreachable = make_person()
    unreachable.contact_methods.all().delete()
    page_people([page_request(unreachable, 2)], now=NOON)

    assert names(0) == [
        ("quarantine", "error"),
        ("channel mail", "error"),
        ("unreachable", "warning"),
    ]


def test_metrics_tell_the_age_of_the_oldest_and_what_waits() -> None:
    page_people([page_request(make_person())], now=NOON)
    found = {name: samples for name, _, _, samples in health.metrics(NOON + timedelta(seconds=42))}

    assert found["watchbill_outbox_oldest_due_seconds"] == [({}, 42.0)]
    assert found["watchbill_outbox_waiting"] == [({"channel": "mail", "state": "pending"}, 1.0)]
    assert PageOut.objects.count() == 1
