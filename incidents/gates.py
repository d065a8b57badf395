"""What must hold before an incident moves on. Upper rooms register further checks in `AppConfig.ready()`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from incidents.models import Incident


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a transition is refused: a code, a sentence, its clause. Some may be waived, with who and why."""

    code: str
    text: str
    clause: str
    waivable: bool = True


Gate = Callable[[Incident, datetime], Iterable[Reason]]
_gates: dict[str, dict[str, Gate]] = defaultdict(dict)


def register_gate(transition: str, name: str, gate: Gate) -> None:
    """Registers a read-only check for "mitigate", "resolve" or "close"; a second one of a name replaces it."""
    _gates[transition][name] = gate


def missing(transition: str, incident: Incident, now: datetime) -> list[Reason]:
    """Everything that stands between the incident and the transition, hard reasons first."""
    found = [
        reason for _, gate in sorted(_gates[transition].items()) for reason in gate(incident, now)
    ]
    return sorted(found, key=lambda reason: (reason.waivable, reason.clause, reason.code))
