"""Words from outside, made fit to keep, to show and to put into a mail's subject."""

from __future__ import annotations

import unicodedata

TITLE_LENGTH = 200
TEXT_LENGTH = 20_000
_KEPT = {"\n", "\t"}
_DIRECTIONS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_title(text: str) -> str:
    """One line of at most 200 characters, without control or direction characters."""
    words = " ".join(_readable(text.replace("\n", " ").replace("\t", " ")).split())
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1] + "…"


def clean_text(text: str) -> str:
    """At most 20,000 characters in lines, without control or direction characters."""
    lines = _readable(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return lines if len(lines) <= TEXT_LENGTH else lines[: TEXT_LENGTH - 1] + "…"


def _readable(text: str) -> str:
    return "".join(
        char
        for char in text
        if char in _KEPT
        or (unicodedata.category(char) not in ("Cc", "Cs") and char not in _DIRECTIONS)
    )
