"""What differs between two documents, in lines a manager can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

IDENTITIES = ("code", "slug", "key", "level", "service", "severity")
_LONGEST = 160


def identity(item: Any) -> str:
    """How an item of a list is called, by its own short name; "" when it has none."""
    if isinstance(item, Mapping):
        for name in IDENTITIES:
            if isinstance(item.get(name), str) and item[name]:
                return str(item[name])
    return ""


def changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[str]:
    """One line for each difference from `old` to `new`, both as JSON documents; none when equal."""
    if old is None:
        return ["First version."]
    return list(_tables(old, new, ""))


def _tables(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        place = f"{where} › {name}" if where else name
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _tables(before, after, place)
        elif _is_items(before) or _is_items(after):
            yield from _items(before or [], after or [], place)
        else:
            yield f"{place}: {_shown(before)} → {_shown(after)}"


def _items(old: list[Any], new: list[Any], where: str) -> Iterator[str]:
    before, after = _named(old), _named(new)
    for name, item in before.items():
        if name not in after:
            yield f"{where} {name}: removed"
        else:
            yield from _tables(item, after[name], f"{where} {name}")
    for name in after:
        if name not in before:
            yield f"{where} {name}: added"
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    if kept_before != kept_after:
        yield f"{where}: order {', '.join(kept_before)} → {', '.join(kept_after)}"[:400]


def _named(items: list[Any]) -> dict[str, Any]:
    return {identity(item) or str(place): item for place, item in enumerate(items, start=1)}


def _is_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _shown(value: Any) -> str:
    if value in (None, "", []):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
