"""Makes what strangers send fit to be stored, shown and spoken, and loses nothing that names an alert.

What is taken out: NUL and other controls (databases, terminals), lone surrogates (cannot be encoded),
direction overrides and invisible characters (a title that reads as another), marks stacked without
end. What is cut: length, depth, the number of labels. The raw bytes are kept beside, truncated.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from incidents.rules.texts import readable

TITLE_LENGTH = 250
TEXT_LENGTH = 4000
KEY_LENGTH = 255
LABEL_COUNT = 200
LABEL_NAME_LENGTH = 200
LABEL_LENGTH = 1000
HREF_LENGTH = 2000
TREE_DEPTH = 16
TREE_WIDTH = 500
TREE_NODES = 5000
TREE_CHARACTERS = 200_000

# Labels that route an alert stay even when a hundred thousand others come before them.
ROUTING_LABELS = (
    "alertname", "severity", "priority", "service", "app", "application", "component", "job",
    "instance", "team", "class", "group", "source", "kind", "category", "watchbill_test",
)  # fmt: skip

_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile("[\r\n\t\u2028\u2029\u0085]+")


def text(value: object, limit: int = TEXT_LENGTH) -> str:
    """The value as text of at most `limit` characters, lines kept. None and containers are ''."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    # Much more than the limit may be taken out, but not all of ten megabytes need be looked at.
    original = str(value)[: limit * 4 + 100]
    if original.isascii() and original.isprintable():
        return _cut(original.strip(), limit)
    return _cut(readable(original.replace("\r\n", "\n").replace("\r", "\n")).strip(), limit)


def line(value: object, limit: int = TITLE_LENGTH) -> str:
    """As `text`, on one line: fit for a title and for a mail's subject."""
    if isinstance(value, str):
        value = _BREAKS.sub(" ", value[: limit * 4 + 100])
    return text(value, limit)


def key(value: object) -> str:
    """A dedup key of at most 255 characters; what cannot be kept of it is kept as its digest.

    Two different keys stay different, however they are cleaned: a merged key would lose a page.
    """
    if value is None or isinstance(value, (dict, list)):
        return ""
    original = str(value)
    if len(original) <= KEY_LENGTH and original.isprintable():
        return original
    cleaned = _UNWANTED.sub("", _BREAKS.sub(" ", original[: KEY_LENGTH * 4]))
    if cleaned == original and len(original) <= KEY_LENGTH:
        return original
    return f"{cleaned[: KEY_LENGTH - 33]}~{digest(original)}"


def digest(value: str) -> str:
    """32 hexadecimal characters that stand for a text of any kind and length."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def labels(value: object) -> dict[str, str]:
    """Names and texts, at most 200; the routing ones are always among them. Not an object: none."""
    if not isinstance(value, Mapping):
        return {}
    names = list(value)
    if len(names) > LABEL_COUNT:
        routing = [name for name in ROUTING_LABELS if name in value]
        rest = (name for name in names if name not in ROUTING_LABELS)
        names = routing + [
            name for name, _ in zip(rest, range(LABEL_COUNT - len(routing)), strict=False)
        ]
    cleaned = {line(name, LABEL_NAME_LENGTH): _label(value[name]) for name in names}
    return {name: content for name, content in cleaned.items() if name}


def href(value: object) -> str:
    """An http or https address, or '' for anything else (javascript:, data:, nonsense)."""
    if not isinstance(value, str) or len(value) > HREF_LENGTH:
        return ""
    address = _UNWANTED.sub("", value).strip()
    try:
        parts = urlsplit(address)
        proper = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    return address if proper and not re.search(r"[\s<>\"]", address) else ""


def instant(value: object) -> datetime | None:
    """An ISO 8601 text or a Unix time as an instant in UTC; None for what says nothing.

    The years 0001 and 9999, with which senders mean "not yet", are as good as nothing.
    """
    try:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, (int, float)):
            seconds = value / 1000 if abs(value) > 1e11 else value
            found = datetime.fromtimestamp(seconds, UTC)
        elif isinstance(value, str):
            found = datetime.fromisoformat(value.strip()[:40].replace("+00:00Z", "Z"))
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return found if 1971 <= found.year <= 9000 else None


def started(at: datetime | None, *, now: datetime) -> datetime:
    """When it began: what the source said, but never in the future nor more than a year ago."""
    return now if at is None else min(max(at, now - timedelta(days=365)), now)


def tree(value: object) -> Any:
    """A parsed document, cleaned for storage: bounded in depth, width, nodes and characters."""
    return _Pruner().pruned(value, TREE_DEPTH)


class _Pruner:
    def __init__(self) -> None:
        self.nodes = TREE_NODES
        self.characters = TREE_CHARACTERS

    def pruned(self, value: object, depth: int) -> Any:
        self.nodes -= 1
        if isinstance(value, str):
            cleaned = text(value, max(0, min(10_000, self.characters)))
            self.characters -= len(cleaned)
            return cleaned
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if abs(value) < 2**63 else line(value, 100)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping):
            return self._object(value, depth)
        if isinstance(value, list):
            return self._list(value, depth)
        return line(value)

    def _object(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        if depth <= 0:
            return {"…": f"{len(value)} more, nested too deep"}
        kept: dict[str, Any] = {}
        for name, content in value.items():
            if self.nodes <= 0 or len(kept) >= TREE_WIDTH:
                kept["…"] = f"{len(value) - len(kept)} more left out"
                break
            kept[line(name, LABEL_NAME_LENGTH)] = self.pruned(content, depth - 1)
        return kept

    def _list(self, value: list[Any], depth: int) -> list[Any]:
        if depth <= 0:
            return [f"… {len(value)} more, nested too deep"]
        kept: list[Any] = []
        for content in value:
            if self.nodes <= 0 or len(kept) >= TREE_WIDTH:
                kept.append(f"… {len(value) - len(kept)} more left out")
                break
            kept.append(self.pruned(content, depth - 1))
        return kept


def _label(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return text(", ".join(text(part, 100) for part in value[:20]), LABEL_LENGTH)
    return text(value, LABEL_LENGTH)


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: max(0, limit - 1)].rstrip() + "…"
