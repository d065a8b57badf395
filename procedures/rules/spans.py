"""Lengths of time as the procedure writes them: "3s", "1h30m", "7d", "1 business day"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ELAPSED = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_BUSINESS = re.compile(r"(\d+) business days?")
_DAY = 86_400
_LONGEST = 3_660 * _DAY


class BadSpan(ValueError):
    """A length of time that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: elapsed seconds, or whole business days. Never both, never negative."""

    seconds: int = 0
    business_days: int = 0

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.business_days < 0:
            raise BadSpan("a time cannot be negative")
        if self.seconds and self.business_days:
            raise BadSpan("a time is either elapsed or in business days")
        if self.seconds > _LONGEST or self.business_days * _DAY > _LONGEST:
            raise BadSpan("a time cannot be longer than ten years")

    def __str__(self) -> str:
        return format_span(self)


def parse_span(text: str) -> Span:
    """Reads "3s", "15m", "1h30m", "24h", "7d", "1 business day". Raises `BadSpan`, saying why."""
    written = text.strip()
    if written.startswith(("-", "−")):
        raise BadSpan(f"a time cannot be negative: {text!r}")
    if business := _BUSINESS.fullmatch(written):
        return Span(business_days=_whole(business[1]))
    found = _ELAPSED.fullmatch(written) if written.isascii() else None
    if not written or found is None:
        raise BadSpan(f'write a time like "3s", "15m", "1h30m", "7d", "1 business day": {text!r}')
    days, hours, minutes, seconds = (_whole(part or "0") for part in found.groups())
    return Span(seconds=days * _DAY + hours * 3600 + minutes * 60 + seconds)


def format_span(span: Span) -> str:
    """Writes a span so that `parse_span` reads the same one. Days begin at three: "48h", "3d"."""
    if span.business_days:
        return f"{span.business_days} business day{'s' if span.business_days > 1 else ''}"
    rest = span.seconds
    days = rest // _DAY if rest >= 3 * _DAY else 0
    rest -= days * _DAY
    parts = [(days, "d"), (rest // 3600, "h"), (rest % 3600 // 60, "m"), (rest % 60, "s")]
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"


def _whole(digits: str) -> int:
    if len(digits) > 9:
        raise BadSpan("a time cannot be longer than ten years")
    return int(digits)
