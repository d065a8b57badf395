"""Words from outside, made fit to keep, to show and to put into a mail's subject."""

from __future__ import annotations

import re
import unicodedata

TITLE_LENGTH = 200
TEXT_LENGTH = 20_000
MARKS_IN_A_ROW = 3
_KEPT = set("\n\t\u200c\u200d")  # the joiners shape words and emoji
_UNSEEN = re.compile("[\\s\u115f\u1160\u200c\u200d\u3164\uffa0]+")


def clean_title(text: str) -> str:
    """One line of at most 200 characters; '' where nothing of it can be seen."""
    words = " ".join(_readable(text.replace("\n", " ").replace("\t", " ")).split())
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1] + "…"


def clean_text(text: str) -> str:
    """At most 20,000 characters in lines; '' where nothing of it can be seen."""
    lines = _readable(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return lines if len(lines) <= TEXT_LENGTH else lines[: TEXT_LENGTH - 1] + "…"


def _readable(text: str) -> str:
    """Without control, direction and invisible characters, and without marks stacked up."""
    kept: list[str] = []
    marks = 0
    for char in text:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks <= MARKS_IN_A_ROW and (char in _KEPT or kind not in ("Cc", "Cf", "Cs")):
            kept.append(char)
    words = "".join(kept)
    return words if _UNSEEN.sub("", words) else ""
