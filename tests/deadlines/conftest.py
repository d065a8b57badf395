"""A subject and kinds of promises made for these tests only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from deadlines import registry
from deadlines.enums import Nature, Reach
from deadlines.models import Deadline
from deadlines.registry import Due, Kind, register_kind, register_subject

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Bell:
    """Remembers what it was rung for; rings false while `broken` says so."""

    rung: list[tuple[str, Due]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def ring(self, deadline: Deadline, due: Due) -> dict[str, Any]:
        if deadline.key in self.broken:
            raise RuntimeError("the bell is broken")
        self.rung.append((deadline.key, due))
        return {"rang": True}

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.rung]


def lock(subject_id: int) -> bool:
    """An advisory lock stands in for a subject's row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [subject_id])
        return bool(cursor.fetchone()[0])


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Bell:
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    monkeypatch.setattr(registry, "_subjects", dict(registry._subjects))
    bell = Bell()
    register_subject("tests.bell", lock=lock, label=lambda subject_id: f"bell {subject_id}")
    register_kind(Kind("tests.duty", Nature.DUTY, Reach.NOW, bell.ring, "A duty"))
    register_kind(Kind("tests.act", Nature.ACT, Reach.WAKE, bell.ring, "An act"))
    return bell
