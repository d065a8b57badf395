"""Which part of the portal enforces which clause. Apps register in `AppConfig.ready()`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

_enforcers: dict[str, list[str]] = defaultdict(list)


def enforced_by(clauses: Iterable[str], where: str) -> None:
    """Says that `where` ("incidents.services.acknowledge") enforces these clauses. Once per pair."""
    for clause in clauses:
        if where not in _enforcers[clause]:
            _enforcers[clause].append(where)


def enforcers() -> dict[str, tuple[str, ...]]:
    """Every clause that has an enforcer, in order, with what enforces it."""
    return {
        clause: tuple(_enforcers[clause])
        for clause in sorted(_enforcers, key=clause_order)
        if _enforcers[clause]
    }


def clause_order(code: str) -> tuple[str, int]:
    """Sorts C9 before C10, and C before X."""
    letters = code.rstrip("0123456789")
    return letters, int(code[len(letters) :] or 0)
