"""What upper rooms tell the clock: the kinds of promises, and how to lock what a promise is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deadlines.enums import Nature, Reach
from deadlines.models import Deadline


@dataclass(frozen=True, slots=True)
class Due:
    """What a handler is told of the moment: the instant, and whether the portal was down when it fell due."""

    now: datetime
    late: bool = False
    late_reason: str = ""


Handler = Callable[[Deadline, Due], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of promise. The handler runs with its subject locked, writes rows only, returns evidence."""

    name: str
    nature: Nature
    reach: Reach
    handler: Handler
    title: str


@dataclass(frozen=True, slots=True)
class Subject:
    """`lock(id)` takes the row with SKIP LOCKED: True locked, False somebody has it. `label(id)` names it."""

    lock: Callable[[int], bool]
    label: Callable[[int], str]


_kinds: dict[str, Kind] = {}
_subjects: dict[str, Subject] = {}


def register_kind(kind: Kind) -> None:
    """Called in `AppConfig.ready()`; a second registration replaces the first."""
    _kinds[kind.name] = kind


def register_subject(
    subject_type: str, *, lock: Callable[[int], bool], label: Callable[[int], str]
) -> None:
    """Called in `AppConfig.ready()`: how the clock locks and names a subject."""
    _subjects[subject_type] = Subject(lock, label)


def kind_named(name: str) -> Kind:
    """The kind, or a LookupError that names what is missing."""
    try:
        return _kinds[name]
    except KeyError:
        raise LookupError(f"no app has registered the kind of promise {name!r}") from None


def subject_named(subject_type: str) -> Subject:
    """The subject's lock and label, or a LookupError that names what is missing."""
    try:
        return _subjects[subject_type]
    except KeyError:
        raise LookupError(f"no app has registered the subject {subject_type!r}") from None


def kinds() -> list[Kind]:
    return sorted(_kinds.values(), key=lambda kind: kind.name)
