"""What people write is shown as they meant it, and hides nothing."""

from __future__ import annotations

import pytest

from incidents.rules.texts import TEXT_LENGTH, TITLE_LENGTH, clean_text, clean_title

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Redis is down", "Redis is down"),
        ("  two\r\nlines\tand  spaces ", "two lines and spaces"),
        ("nul \x00, escape \x1b[31m, C1 \x9b", "nul , escape [31m, C1"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("in\u200bvi\u2060si\u00adble\ufeff \u200eand \u061cmarked", "invisible and marked"),
        ("tagged\U000e0041\U000e0042", "tagged"),
        ("\u200b\u2060", ""),
        ("\u3164\u115f", ""),
        ("\u200d", ""),
        ("e" + "\u0301" * 300, "e" + "\u0301" * 3),
        ("half \ud800 a pair", "half a pair"),
        (f"{FAMILY} {PERSIAN}", f"{FAMILY} {PERSIAN}"),
        ("\ufdfa", "\ufdfa"),
    ],
)
def test_a_title_is_one_line_that_hides_nothing(said: str, kept: str) -> None:
    assert clean_title(said) == kept


def test_a_text_keeps_its_lines() -> None:
    assert clean_text(" one\r\ntwo\rthree\u202e\n") == "one\ntwo\nthree"
    assert clean_text("\u200b\n\u3164\n") == ""


def test_both_are_cut_at_their_length() -> None:
    assert clean_title("x" * 10_000) == "x" * (TITLE_LENGTH - 1) + "…"
    assert len(clean_text("x" * 100_000)) == TEXT_LENGTH
