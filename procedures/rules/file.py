"""The procedure's file: TOML for people, in a stable order, and where each key stands in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date, time
from typing import Any

import tomlkit

from procedures.rules.document import Document, Facts

type Place = tuple[str | int, ...]

PREFACE = """\
# An on-call procedure for Watchbill: rules, never people. Who holds a role, a rota or a channel is
# kept per team. `manage.py load_procedure FILE` reads this file and `manage.py dump_procedure`
# writes it back, key by key in this order. What is left out has its default.
#
# Times read "3s", "15m", "1h30m", "48h", "7d" or "1 business day"; no time means no clock.
# Whom a step reaches: "rota primary", "role engineering-manager", "team all-hands",
# "lead service smes". When: "at once", "unacknowledged", "unacknowledged 10m", "unresolved 30m",
# "on demand", "flag major". Clauses are listed at the end; C is the document, X a reading of it."""

_CHAPTERS = {
    "procedure": "The document",
    "severity": "Severities: how they are told apart, and what is owed at each",
    "path": "Escalation paths: whom, when, under which clause",
    "role": "Roles: backups, and the methods allowed at each severity",
    "rota": "The rotation",
    "channel": "Chat channels, and what is posted to each",
    "phase": "The phases of the response",
    "log_location": "Where the logs are",
    "recipe": "Common mitigations",
    "postmortem_section": "The post-mortem's template",
    "template": "Texts to post and to send",
    "checklist": "Checklists, reviews, training, rules to keep in mind",
    "war_room_trigger": "When to declare a war room",
    "war_room_role": "Who is who in a war room",
    "playbook": "Playbooks",
    "runbook": "Runbooks",
    "setting": "Single values that rules read by their key",
    "clause": "Every clause of the document, then how its holes are read",
}
# Written even when they are the default: a procedure has to say its hours (X10).
_ALWAYS = {
    ("procedure", name)
    for name in (
        "zone",
        "workdays",
        "opens",
        "closes",
        "holiday_country",
        "incident_channel_pattern",
    )
}
_WIDTH = 100
_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=\s*(.*)$")
_ERROR_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")


class UnreadableFile(ValueError):
    """The file is no TOML. `line` says where, when that is known."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def read_file(text: str) -> dict[str, Any]:
    """The tables of a file. Raises `UnreadableFile`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _ERROR_LINE.search(str(error))
        message = _ERROR_LINE.sub("", str(error))
        raise UnreadableFile(message, int(found[1]) if found else None) from error
    except (RecursionError, ValueError) as error:
        raise UnreadableFile(str(error), None) from error


def preface_of(text: str) -> str:
    """The comment the file begins with."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.rstrip())
    return "\n".join(lines)


def write_file(document: Document, preface: str = "") -> str:
    """The document as TOML. What has its default is left out; reading it gives the same document."""
    chapters = [preface or PREFACE]
    for name in Document.model_fields:
        content = getattr(document, name)
        if isinstance(content, Facts):
            tables = list(_table(f"[{name}]", name, content))
        else:
            tables = [table for item in content for table in _table(f"[[{name}]]", name, item)]
        if tables:
            rule = f"# --- {_CHAPTERS[name]} "
            chapters.append("\n\n".join([rule.ljust(_WIDTH, "-"), *tables]))
    return "\n\n".join(chapters) + "\n"


def _table(header: str, path: str, facts: Facts) -> Iterator[str]:
    lines, inner = [header], []
    for name, field in type(facts).model_fields.items():
        value = getattr(facts, name)
        if isinstance(value, list) and value and isinstance(value[0], Facts):
            inner.append((f"{path}.{name}", value))
        elif field.is_required() or value != field.get_default() or (path, name) in _ALWAYS:
            lines.append(f"{name} = {_value(value)}")
    yield "\n".join(lines)
    for inner_path, items in inner:
        for item in items:
            yield from _table(f"[[{inner_path}]]", inner_path, item)


def _value(value: Any) -> str:
    if isinstance(value, bool | date | time):
        return tomlkit.item(value).as_string()
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    if isinstance(value, list):
        items = [_value(item) for item in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= _WIDTH - 20 and "\n" not in line:
            return line
        return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    return _string(str(value))


def _string(text: str) -> str:
    printable = all(char == "\n" or char.isprintable() for char in text)
    if "\n" in text and printable and "'''" not in text:
        return f"'''\n{text}'''"
    wants_literal = '"' in text or "\\" in text
    if wants_literal and printable and "'" not in text and "\n" not in text:
        return tomlkit.string(text, literal=True).as_string()
    return tomlkit.string(text).as_string()


def places(text: str) -> dict[Place, int]:
    """The line of every table and key of a file, by its place: ("severity", 0, "rank")."""
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if closing:
            closing = "" if closing in line else closing
        elif header := _HEADER.match(line):
            table = _open_table(header[2].split("."), header[1] == "[[", counts)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, key[1]), number)
            closing = _left_open(key[2])
    return found


def _open_table(names: list[str], repeated: bool, counts: dict[Place, int]) -> Place:
    place: Place = ()
    for depth, name in enumerate(names, start=1):
        place = (*place, name)
        last = depth == len(names)
        if last and repeated:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def _left_open(value: str) -> str:
    for quotes in ('"""', "'''"):
        if value.startswith(quotes) and quotes not in value[3:]:
            return quotes
    return ""
