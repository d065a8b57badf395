"""The only door of the ledger of outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deadlines.rows import insert_unless_there
from procedures.enums import Result
from procedures.models import Outcome


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """What became of one clause in one case. With a `key`, the same case is recorded once."""

    clause: str
    subject_type: str
    subject_id: int
    result: Result
    at: datetime
    subject_label: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    version_id: int | None = None
    team_id: int | None = None
    key: str = ""


def record_outcomes(outcomes: Iterable[OutcomeFacts]) -> int:
    """Writes outcomes in one insert; those whose key and clause are there already are passed over.

    Returns how many were given. Outcomes are never edited: what came later is another row.
    """
    rows = [
        Outcome(
            key=facts.key[:240],
            clause=facts.clause,
            subject_type=facts.subject_type,
            subject_id=facts.subject_id,
            subject_label=facts.subject_label[:200],
            result=facts.result.value,
            at=facts.at,
            evidence=facts.evidence,
            version_id=facts.version_id,
            team_id=facts.team_id,
        )
        for facts in outcomes
    ]
    insert_unless_there(rows)
    return len(rows)
