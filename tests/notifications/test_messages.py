"""What a page says: enough to act on within ten seconds, half asleep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifications.links import phone_url
from notifications.models import PageOut
from notifications.rendering import render_bundle, render_notes, render_page
from notifications.rules.message import Link, Message, Owed, PageFacts, ago, clock_time, one_line
from notifications.services import page_people
from tests.notifications.factories import NOON, make_person, page_request


def facts(**fields: object) -> PageFacts:
    values: dict[str, object] = {
        "severity": "P1",
        "what": "orchestrator",
        "title": "Orchestrator is down",
        "ref": "INC-2026-0001",
        "since": NOON - timedelta(minutes=4),
        "why": "You are the primary on call.",
        "zone": "Europe/Berlin",
        "owed": (Owed("Acknowledge", NOON + timedelta(minutes=1), "C27"),),
        "links": (Link("Runbook", "https://example.org/runbook"),),
        **fields,
    }
    return PageFacts(**values)  # type: ignore[arg-type]


@pytest.fixture
def out(db: None) -> PageOut:
    [out] = page_people([page_request(make_person())], now=NOON)
    return out


def test_subject_says_severity_service_and_what(out: PageOut) -> None:
    assert render_page(out, facts(), now=NOON).subject == "P1 orchestrator: Orchestrator is down"


def test_body_says_since_when_what_is_owed_by_when_why_and_where_to_answer(out: PageOut) -> None:
    message = render_page(out, facts(others="Bo, Cy"), now=NOON)

    for body in (message.text, message.html):
        assert "12:56 CET" in body
        assert "4 min ago" in body
        assert "Acknowledge by 13:01 CET" in body
        assert "C27" in body
        assert "You are the primary on call." in body
        assert "Also called: Bo, Cy." in body
        assert phone_url(out) in body
        assert "https://example.org/runbook" in body
    assert message.links[0].url == phone_url(out)


def test_what_is_overdue_says_so(out: PageOut) -> None:
    late = facts(owed=(Owed("Acknowledge", NOON - timedelta(minutes=11), "C27"),))

    assert "Acknowledge by 12:49 CET: overdue by 11 min." in render_page(out, late, now=NOON).text


def test_a_drill_says_so_first(out: PageOut) -> None:
    message = render_page(out, facts(drill=True), now=NOON)

    assert message.subject.startswith("DRILL P1")
    assert message.text.startswith("This is a drill.")


def test_markup_in_a_title_stays_text(out: PageOut) -> None:
    message = render_page(
        out,
        facts(title="<script>alert(1)</script>", links=(Link("x", "javascript:alert(1)"),)),
        now=NOON,
    )

    assert "<script>" not in message.html
    assert "javascript:" not in message.html + message.text


def test_things_one_is_told_together_are_each_said_in_full() -> None:
    messages = [Message(f"Your shifts have changed: {name}", f"Before: {name}") for name in "ab"]
    told = render_notes(messages)
    assert told.subject == "Your shifts have changed: a (+ 1 more)"
    assert "Before: a" in told.text
    assert "Before: b" in told.text
    assert "Before: b" in told.html


def test_a_bundle_leads_with_the_newest() -> None:
    messages = [Message(f"P1 thing {number}", "text") for number in (9, 8)]

    assert render_bundle(messages, 2).subject == "P1 thing 9 (+ 1 more)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb", "a b"),
        ("  a \t b ", "a b"),
        ("a\u202eb\u200b", "ab"),
        ("x" * 200, "x" * 179 + "…"),
        ("", ""),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_times_name_the_day_when_it_is_another_one_and_survive_an_unknown_zone() -> None:
    assert clock_time(NOON, "Asia/Tokyo", near=NOON) == "21:00 JST"
    assert clock_time(NOON, "Asia/Tokyo", near=NOON + timedelta(days=1)) == "Wed 4 Mar 21:00 JST"
    assert clock_time(NOON, "Mars/Olympus", near=NOON) == "12:00 UTC"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "less than a minute"), (4, "4 min"), (60, "1 h"), (130, "2 h 10 min"), (4320, "3 days")],
)
def test_how_long_ago(minutes: int, text: str) -> None:
    assert ago(NOON, NOON + timedelta(minutes=minutes)) == text
