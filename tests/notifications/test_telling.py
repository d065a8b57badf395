"""What informs and wants no answer: at once, or with the day's digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deadlines.enums import Reach
from notifications import delivery
from notifications.models import Page, PageOut
from notifications.rules.message import Message
from notifications.services import supersede, tell
from tests.notifications.factories import NOON, MailServer, make_method, make_person

pytestmark = pytest.mark.django_db

NOTE = Message("Update was due", "Update was due at 03:30.\n")


def note(**fields: Any) -> list[PageOut]:
    values: dict[str, Any] = {
        "key": "reminder-1",
        "subject_type": "tests.fire",
        "subject_id": 1,
        "message": NOTE,
        "now": NOON,
        **fields,
    }
    return tell(**values)


def test_people_and_outsiders_are_told_once_per_key(smtp: MailServer) -> None:
    ann = make_person("ann@example.org")
    assert len(note(user_ids=[ann.pk, ann.pk], addresses=["board@example.org"])) == 2
    assert note(user_ids=[ann.pk], addresses=["board@example.org"]) == []

    delivery.deliver_due(now=NOON)

    assert sorted(smtp.recipients) == ["ann@example.org", "board@example.org"]


def test_a_person_is_told_by_mail_rather_than_by_pager(smtp: MailServer) -> None:
    ann = make_person("pager@example.org")
    make_method(ann, address="desk@example.org", kind="mail", position=1)
    note(user_ids=[ann.pk])

    delivery.deliver_due(now=NOON)

    assert smtp.recipients == ["desk@example.org"]


def test_without_any_method_the_sign_in_address_is_told(smtp: MailServer) -> None:
    ann = make_person()
    ann.contact_methods.all().delete()
    note(user_ids=[ann.pk])

    delivery.deliver_due(now=NOON)

    assert smtp.recipients == [ann.email]


def test_a_note_outlives_an_acknowledgment(smtp: MailServer) -> None:
    note(user_ids=[make_person().pk])
    supersede("tests.fire", 1, now=NOON, reason="acknowledged")

    delivery.deliver_due(now=NOON)

    assert len(smtp.taken) == 1


def test_what_wakes_is_a_page_and_no_note() -> None:
    with pytest.raises(ValueError, match="is a page"):
        note(reach=Reach.WAKE)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-04T12:00", "2026-03-05T08:00"),  # within business hours: the next morning
        ("2026-03-04T03:00", "2026-03-04T08:00"),  # at night: this morning
        ("2026-03-06T12:00", "2026-03-09T08:00"),  # Friday: Monday
        ("2026-03-28T12:00", "2026-03-30T07:00"),  # over the change to summer time
    ],
)
def test_a_digest_waits_for_the_next_opening_in_the_persons_zone(now: str, due: str) -> None:
    ann = make_person(zone="Europe/Berlin")
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    note(user_ids=[ann.pk], reach=Reach.DIGEST, now=at)

    assert Page.objects.get().not_before == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_day_of_digest_notes_is_one_message(smtp: MailServer) -> None:
    ann = make_person()
    for number in range(5):
        note(
            user_ids=[ann.pk],
            key=f"note-{number}",
            reach=Reach.DIGEST,
            now=NOON + timedelta(minutes=number),
            message=Message(f"Thing {number}", f"Do thing {number}.\n"),
        )
    delivery.deliver_due(now=NOON + timedelta(hours=1))
    assert smtp.taken == []

    delivery.deliver_due(now=datetime(2026, 3, 5, 9, 0, tzinfo=UTC))

    [(_, mail)] = smtp.taken
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert str(mail["Subject"]) == "Your day at Watchbill: 5 things"
    assert all(f"Do thing {number}." in text for number in range(5))
