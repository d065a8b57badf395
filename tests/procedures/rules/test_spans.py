from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procedures.rules.spans import BadSpan, Span, format_span, parse_span

spans = st.one_of(
    st.builds(Span, seconds=st.integers(0, 3_660 * 86_400)),
    st.builds(Span, business_days=st.integers(0, 3_660)),
)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("3s", Span(3)),
        ("15m", Span(900)),
        ("1h", Span(3600)),
        ("1h30m", Span(5400)),
        ("1h0m5s", Span(3605)),
        ("24h", Span(86_400)),
        ("48h", Span(172_800)),
        ("7d", Span(604_800)),
        ("0s", Span(0)),
        ("1 business day", Span(business_days=1)),
        ("2 business days", Span(business_days=2)),
    ],
)
def test_a_span_reads_as_the_procedure_writes_it(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90, "1m30s"), (3600, "1h"), (86_400, "24h"), (172_800, "48h"), (604_800, "7d")],
)
def test_a_span_is_written_the_way_people_say_it(seconds: int, text: str) -> None:
    assert format_span(Span(seconds)) == text


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spans)
def test_every_span_survives_writing_and_reading(span: Span) -> None:
    assert parse_span(format_span(span)) == span


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=20))
def test_reading_any_text_gives_a_span_or_says_why_not(text: str) -> None:
    try:
        span = parse_span(text)
    except BadSpan as error:
        assert str(error)  # noqa: PT017 - the text is the point
    else:
        assert parse_span(format_span(span)) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "m",
        "5 minutes",
        "1.5h",
        "30m1h",
        "1 day",
        "1h 30m",
        "٣s",
        "business day",
        "1 business day 3h",
        "99999999999999999999s",
        "4000d",
    ],
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(BadSpan):
        parse_span(text)


@pytest.mark.parametrize("text", ["-5m", "-1 business day", "−5m"])
def test_a_negative_time_is_refused_as_such(text: str) -> None:
    with pytest.raises(BadSpan, match="negative"):
        parse_span(text)


def test_a_span_is_never_negative_and_never_of_two_kinds() -> None:
    with pytest.raises(BadSpan, match="negative"):
        Span(seconds=-1)
    with pytest.raises(BadSpan, match="either"):
        Span(seconds=1, business_days=1)
