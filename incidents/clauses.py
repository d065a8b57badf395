"""Which clauses incidents enforce, and where: for the ledger."""

from __future__ import annotations

from procedures.registry import enforced_by


def register() -> None:
    """Called in `AppConfig.ready()`."""
    for where, clauses in {
        "incidents.rules.escalation: whom a step pages, and when": [
            "C13", "C14", "C20", "C23", "C49", "C57", "C64", "C72", "C73", "C75", "C76", "C77", "C78",
            "C80", "C81", "C82", "C83", "X1", "X2", "X3", "X17", "X18",
        ],
        "incidents.rules.escalation: what is owed by when": [
            "C27", "C28", "C29", "C30", "C31", "C32", "C33", "C34", "C35", "C36", "C37", "C38", "C132", "C133", "C134",
            "X20", "X21", "X23",
        ],
        "incidents.services.answering: what settles it": ["C39", "C40", "C19", "C21", "C22", "C74", "C79", "C219"],
        "incidents.services.ending: what ends it": ["C41", "C216", "X6", "X12"],
        "incidents.services.declaring: who owns it, under which version": ["C16", "C260"],
        "incidents.services.backlog: what becomes of a P4": ["C71"],
        "incidents.rules.severity: how bad it is": [
            *(f"C{number}" for number in range(42, 47)), *(f"C{number}" for number in range(50, 55)),
            *(f"C{number}" for number in range(58, 62)), *(f"C{number}" for number in range(65, 69)), "X9",
        ],
    }.items():  # fmt: skip
        enforced_by(clauses, where)
