"""What strangers send is made fit to be stored and shown, and two keys never become one."""

from __future__ import annotations

import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import cleaning
from incidents.rules.texts import clean_title

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("disk full", "disk full"),
        ("disk\x00 full\x1b[31m", "disk full[31m"),
        ("a\r\nBcc: all@example.org", "a Bcc: all@example.org"),
        ("\u202egnp.exe", "gnp.exe"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("zero\u200bwidth", "zerowidth"),
        ("\u200b\u2060\ufeff", ""),
        ("\u3164", ""),
        ("\u06dd\u180e", ""),
        ("\u2065\U000e0000\U000e0fff", ""),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 3),
        ("\ufdfa", "\ufdfa"),
        ("🧯" * 300, "🧯" * 249 + "…"),
        (None, ""),
        ({"a": 1}, ""),
        (12.5, "12.5"),
    ],
)
def test_a_title_is_one_harmless_line(said: object, kept: str) -> None:
    assert cleaning.line(said) == kept


def test_an_alert_and_its_incident_agree_on_what_can_be_seen() -> None:
    odd = [
        one
        for one in map(chr, range(sys.maxunicode + 1))
        if one < "\U00010000"
        or "\U000e0000" <= one < "\U000e1000"
        or unicodedata.category(one) not in {"Cn", "Co", "Lo"}
    ]
    assert [
        f"{ord(one):x}" for one in odd if bool(cleaning.line(one)) != bool(clean_title(one))
    ] == []


@given(st.text(alphabet=st.characters(), max_size=400))
def test_a_title_that_an_alert_keeps_names_an_incident(said: str) -> None:
    assert bool(clean_title(cleaning.line(said))) == bool(cleaning.line(said))


def test_ten_megabytes_of_title_are_cut() -> None:
    assert len(cleaning.line("x" * 10_000_000)) == cleaning.TITLE_LENGTH


@given(st.text(alphabet=st.characters(), max_size=400))
def test_whatever_is_said_can_be_encoded_and_is_bounded(said: str) -> None:
    cleaned = cleaning.line(said)
    assert len(cleaned.encode()) <= 4 * cleaning.TITLE_LENGTH
    assert "\x00" not in cleaned
    assert "\n" not in cleaned


@pytest.mark.parametrize("key", ["a", "a%b_c", "k" * 255, "ключ", "caf\u00e9", "cafe\u0301"])
def test_a_key_that_can_be_kept_is_kept_as_it_is(key: str) -> None:
    assert cleaning.key(key) == key


def test_keys_that_cannot_be_kept_stay_different() -> None:
    keys = ["k" * 256, "k" * 257, "a\x00", "a", "a\ud800", "a\ud801", "a\n", "a\u202e"]
    cleaned = [cleaning.key(key) for key in keys]
    assert len(set(cleaned)) == len(keys)
    assert all(len(key) <= 255 for key in cleaned)


@given(
    st.text(alphabet=st.characters(), max_size=300), st.text(alphabet=st.characters(), max_size=300)
)
def test_two_keys_never_become_one(one: str, other: str) -> None:
    assert (cleaning.key(one) == cleaning.key(other)) == (one == other)


def test_a_hundred_thousand_labels_keep_those_that_route() -> None:
    many = {f"label_{number}": "x" for number in range(100_000)} | {
        "severity": "critical",
        "service": "api",
    }
    kept = cleaning.labels(many)
    assert len(kept) == cleaning.LABEL_COUNT
    assert kept["severity"] == "critical"
    assert kept["service"] == "api"


def test_labels_of_any_type_become_texts() -> None:
    said = {
        "__proto__": {"x": 1},
        "n": 5,
        "yes": True,
        "list": [1, "two"],
        "none": None,
        "": "nameless",
    }
    assert cleaning.labels(said) == {
        "__proto__": "",
        "n": "5",
        "yes": "true",
        "list": "1, two",
        "none": "",
    }
    assert cleaning.labels([1, 2]) == {}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("https://example.org/x?a=1#b", "https://example.org/x?a=1#b"),
        ("HTTP://EXAMPLE.ORG", "HTTP://EXAMPLE.ORG"),
        ("javascript:alert(1)", ""),
        ("java\x00script:alert(1)", ""),
        (" https://example.org ", "https://example.org"),
        ("data:text/html,x", ""),
        ("//evil.example.org", ""),
        ("http://", ""),
        ("http://[", ""),
        ('https://example.org/"><script>', ""),
        ("https://example.org/" + "x" * 3000, ""),
        (7, ""),
    ],
)
def test_only_web_addresses_are_links(said: object, kept: str) -> None:
    assert cleaning.href(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2026-03-04T09:58:11.123456789Z", datetime(2026, 3, 4, 9, 58, 11, 123456, tzinfo=UTC)),
        ("2026-03-04T11:00:00+02:00", datetime(2026, 3, 4, 9, 0, tzinfo=UTC)),
        ("2026-03-04T09:59:00.000+0000", datetime(2026, 3, 4, 9, 59, tzinfo=UTC)),
        ("2026-03-04T09:00:00+00:00Z", datetime(2026, 3, 4, 9, 0, tzinfo=UTC)),
        (1772618400, datetime(2026, 3, 4, 10, 0, tzinfo=UTC)),
        (1772618400000, datetime(2026, 3, 4, 10, 0, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("0000-01-01T00:00:00Z", None),
        ("soon", None),
        (float("inf"), None),
        (10**400, None),
        (True, None),
        ([], None),
    ],
)
def test_instants_are_read_or_left_out(said: object, kept: datetime | None) -> None:
    assert cleaning.instant(said) == kept


def test_an_alert_began_neither_in_the_future_nor_years_ago() -> None:
    assert cleaning.started(None, now=NOW) == NOW
    assert cleaning.started(NOW + timedelta(days=1), now=NOW) == NOW
    assert cleaning.started(NOW - timedelta(hours=1), now=NOW) == NOW - timedelta(hours=1)
    assert cleaning.started(datetime(1975, 1, 1, tzinfo=UTC), now=NOW) == NOW - timedelta(days=365)


def test_a_document_is_bounded_in_depth_width_and_size() -> None:
    deep: object = "bottom"
    for _ in range(60):
        deep = {"d": deep}
    wide = {str(number): number for number in range(100_000)}
    kept = cleaning.tree(
        {
            "deep": deep,
            "wide": wide,
            "list": list(range(10_000)),
            "nan": float("nan"),
            "big": 10**90,
        }
    )
    assert "nested too deep" in str(kept["deep"])
    assert len(kept["wide"]) == cleaning.TREE_WIDTH + 1
    assert kept["wide"]["…"] == "99500 more left out"
    assert len(kept["list"]) == cleaning.TREE_WIDTH + 1
    assert kept["nan"] == "nan"
    assert isinstance(kept["big"], str)
