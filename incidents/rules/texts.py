"""Words from outside, made fit to keep, to show and to put into a mail's subject."""

from __future__ import annotations

import re
import unicodedata

TITLE_LENGTH = 200
TEXT_LENGTH = 20_000
MARKS_IN_A_ROW = 3
_KEPT = set("\n\t\u200c\u200d")  # the joiners shape words and emoji
_DROPPED = {"Cc", "Cf", "Cs"}
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
# Not assigned yet, and never to be seen when they are.
_IGNORABLE = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]")
_UNSEEN = re.compile("[\\s\u115f\u1160\u200c\u200d\u3164\uffa0]+")


def clean_title(text: str) -> str:
    """One line of at most 200 characters; '' where nothing of it can be seen."""
    words = " ".join(readable(text.replace("\n", " ").replace("\t", " ")).split())
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1] + "…"


def clean_text(text: str) -> str:
    """At most 20,000 characters in lines; '' where nothing of it can be seen."""
    lines = readable(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return lines if len(lines) <= TEXT_LENGTH else lines[: TEXT_LENGTH - 1] + "…"


def readable(text: str) -> str:
    """Without control, direction and invisible characters, and without marks stacked up; '' where nothing
    of it can be seen."""
    words = _CONTROLS.sub("", text) if text.isascii() else _unstacked(text)
    return words if _UNSEEN.sub("", words) else ""


def _unstacked(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for char in _IGNORABLE.sub("", text):
        kind = unicodedata.category(char)
        if kind in _DROPPED and char not in _KEPT:
            continue
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks <= MARKS_IN_A_ROW:
            kept.append(char)
    return "".join(kept)
