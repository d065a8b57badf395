"""Settled promises become outcomes of their clauses."""

from __future__ import annotations

import re
from datetime import datetime

from deadlines.enums import Nature, State
from deadlines.events import promises_settled
from deadlines.models import Deadline
from deadlines.registry import subject_named
from procedures.enums import Result
from procedures.services import OutcomeFacts, record_outcomes

_CLAUSE = re.compile(r"[A-Z]{1,3}\d{1,4}")
_RESULTS = {
    State.MET.value: Result.MET,
    State.MISSED.value: Result.MISSED,
    State.WAIVED.value: Result.WAIVED,
}


@promises_settled.listen
def record_settled_promises(deadline_ids: list[int], now: str) -> None:
    """Writes one outcome for each settled promise and clause, all in one insert.

    A promise's payload may name its procedure's version as `version_id`. Drills leave no outcome:
    their promises carry `drill` in the payload.
    """
    settled = Deadline.objects.filter(pk__in=deadline_ids, state__in=_RESULTS).exclude(clause="")
    labels: dict[tuple[str, int], str] = {}
    outcomes = []
    for deadline in settled:
        if deadline.payload.get("drill"):
            continue
        subject = (deadline.subject_type, deadline.subject_id)
        if subject not in labels:
            labels[subject] = _label(*subject)
        outcomes += _outcomes(deadline, labels[subject], datetime.fromisoformat(now))
    if outcomes:
        record_outcomes(outcomes)


def _outcomes(deadline: Deadline, label: str, now: datetime) -> list[OutcomeFacts]:
    late = deadline.late_by
    evidence = {
        **deadline.evidence,
        "promise": deadline.key,
        "kind": deadline.kind,
        "due_at": deadline.due_at.isoformat(),
        "nature": deadline.nature,
    }
    if late:
        evidence["late_by"] = late
    if deadline.late_reason:
        evidence["late_reason"] = deadline.late_reason
    if deadline.owed_by and deadline.nature == Nature.DUTY:
        evidence["owed_by"] = deadline.owed_by
    version = deadline.payload.get("version_id")
    return [
        OutcomeFacts(
            clause=clause,
            subject_type=deadline.subject_type,
            subject_id=deadline.subject_id,
            subject_label=label,
            result=_RESULTS[deadline.state],
            at=deadline.settled_at or now,
            evidence=evidence,
            version_id=version if isinstance(version, int) else None,
            team_id=deadline.team_id,
            key=f"promise:{deadline.pk}:{deadline.state}",
        )
        for clause in dict.fromkeys(_CLAUSE.findall(deadline.clause))
    ]


def _label(subject_type: str, subject_id: int) -> str:
    try:
        return subject_named(subject_type).label(subject_id)
    except LookupError:
        return f"{subject_type} {subject_id}"
