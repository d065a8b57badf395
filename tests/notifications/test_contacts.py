"""A contact method is used once a code that went over it has come back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from notifications import delivery
from notifications.enums import MethodKind
from notifications.models import ContactMethod, PageOut
from notifications.services import (
    CodeRefused,
    add_method,
    change_address,
    send_code,
    send_test_message,
    verify_code,
)
from tests.notifications.factories import NOON, MailServer, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def method() -> ContactMethod:
    return add_method(
        user_id=make_person().pk,
        kind=MethodKind.PAGER,
        channel="mail",
        address="new@example.org",
        now=NOON,
    )


def code_in(smtp: MailServer) -> str:
    text = smtp.taken[-1][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    found = re.search(r"\b\d{6}\b", text)
    assert found
    return found.group()


def test_the_code_travels_over_the_method_itself_and_verifies_it(
    smtp: MailServer, method: ContactMethod
) -> None:
    send_code(method.pk, now=NOON)
    delivery.deliver_due(now=NOON)

    assert smtp.recipients == ["new@example.org"]
    verified = verify_code(method.pk, f" {code_in(smtp)} ", now=NOON + timedelta(minutes=1))
    assert verified.verified_at == NOON + timedelta(minutes=1)


def test_the_code_is_not_in_the_database(smtp: MailServer, method: ContactMethod) -> None:
    send_code(method.pk, now=NOON)
    delivery.deliver_due(now=NOON)

    rows = [
        ContactMethod.objects.filter(pk=method.pk).values().get(),
        PageOut.objects.values().get(),
    ]
    assert code_in(smtp) not in str(rows)


def test_too_many_wrong_codes_end_it_also_for_the_right_one(
    smtp: MailServer, method: ContactMethod
) -> None:
    send_code(method.pk, now=NOON)
    delivery.deliver_due(now=NOON)
    right = code_in(smtp)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(CodeRefused, match="not the code"):
            verify_code(method.pk, wrong, now=NOON)

    with pytest.raises(CodeRefused, match="Too many"):
        verify_code(method.pk, right, now=NOON)


def test_an_old_code_is_refused(smtp: MailServer, method: ContactMethod) -> None:
    send_code(method.pk, now=NOON)
    delivery.deliver_due(now=NOON)

    with pytest.raises(CodeRefused, match="older than 15 minutes"):
        verify_code(method.pk, code_in(smtp), now=NOON + timedelta(minutes=16))


def test_without_a_code_sent_nothing_verifies(method: ContactMethod) -> None:
    with pytest.raises(CodeRefused, match="Ask for one first"):
        verify_code(method.pk, "", now=NOON)


def test_codes_are_not_sent_in_a_burst_and_a_new_one_replaces_the_old(
    smtp: MailServer, method: ContactMethod
) -> None:
    send_code(method.pk, now=NOON)
    delivery.deliver_due(now=NOON)
    old = code_in(smtp)
    with pytest.raises(CodeRefused, match="half a minute"):
        send_code(method.pk, now=NOON + timedelta(seconds=29))
    send_code(method.pk, now=NOON + timedelta(seconds=30))
    delivery.deliver_due(now=NOON + timedelta(seconds=30))

    assert len(smtp.taken) == 2
    if old != code_in(smtp):
        with pytest.raises(CodeRefused):
            verify_code(method.pk, old, now=NOON + timedelta(seconds=31))
    assert verify_code(method.pk, code_in(smtp), now=NOON + timedelta(seconds=31)).usable


def test_another_address_has_to_be_verified_anew(method: ContactMethod) -> None:
    ContactMethod.objects.filter(pk=method.pk).update(verified_at=NOON)

    assert change_address(method.pk, address="new@example.org").verified_at == NOON
    assert change_address(method.pk, address="other@example.org").verified_at is None


def test_a_channel_that_is_not_set_up_takes_no_code() -> None:
    method = add_method(
        user_id=make_person().pk, kind=MethodKind.PHONE, channel="phone", address="+49", now=NOON
    )
    with pytest.raises(CodeRefused, match="not set up"):
        send_code(method.pk, now=NOON)


@pytest.mark.parametrize(
    ("channel", "address"),
    [("mail", "nobody"), ("mail", "a@b.org\r\nBcc: c@d.org"), ("webhook", "javascript:alert(1)"),
     ("webhook", "ftp://example.org"), ("mail", "   ")],
)  # fmt: skip
def test_an_address_that_could_never_work_is_refused(channel: str, address: str) -> None:
    with pytest.raises(ValidationError):
        add_method(
            user_id=make_person().pk,
            kind=MethodKind.MAIL,
            channel=channel,
            address=address,
            now=NOON,
        )


def test_a_test_message_goes_out_at_once_and_is_no_page(
    smtp: MailServer, method: ContactMethod, providers: Any
) -> None:
    send_test_message(method.pk, now=NOON)
    delivery.deliver_due(now=NOON)

    assert smtp.subjects == ["Test from Watchbill: nothing to do"]
