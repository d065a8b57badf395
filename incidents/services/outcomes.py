"""What a person decided about a clause, for the ledger. Settled promises write theirs by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from incidents.gates import Reason
from incidents.models import Incident
from incidents.queries.facts import label_of
from procedures.enums import Result
from procedures.services import OutcomeFacts, record_outcomes


def record_waivers(
    incident: Incident, reasons: Iterable[Reason], *, by: str, why: str, now: datetime
) -> None:
    """Each gate that was waived, under its clause, with who and why."""
    record_outcomes(
        [
            OutcomeFacts(
                clause=reason.clause,
                subject_type="incident",
                subject_id=incident.pk,
                subject_label=label_of(incident.pk),
                result=Result.WAIVED,
                at=now,
                evidence={"gate": reason.code, "by": by, "why": why},
                version_id=incident.version_id,
                team_id=incident.team_id,
            )
            for reason in reasons
            if reason.clause
        ]
    )
