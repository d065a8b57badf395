"""Which status may follow which, and what each word for a set of them means."""

from __future__ import annotations

from incidents.enums import Status

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.TRIGGERED: frozenset(
        {Status.ACKNOWLEDGED, Status.RESOLVED}
    ),  # resolved: by its source only
    Status.ACKNOWLEDGED: frozenset({Status.MITIGATED, Status.RESOLVED}),
    Status.MITIGATED: frozenset({Status.ACKNOWLEDGED, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.ACKNOWLEDGED, Status.MITIGATED, Status.CLOSED}),
    Status.CLOSED: frozenset(),
}
"""From each status, the ones a verb may lead to; X12 for the ways back from resolved."""

ACTIVE = frozenset({Status.TRIGGERED, Status.ACKNOWLEDGED, Status.MITIGATED})
"""Active as the procedure's reading defines it: resolved is not, though its post-mortem may be owed."""

OPEN = frozenset({Status.TRIGGERED, Status.ACKNOWLEDGED, Status.MITIGATED})
"""Still to be answered for: what the watchdog looks at."""

BURNING = frozenset({Status.TRIGGERED, Status.ACKNOWLEDGED})
"""Neither mitigated nor resolved: the clocks of “unresolved” run (X6)."""


def may_become(old: str, new: str) -> bool:
    """Whether the status may change so. Staying as it is, is no change and not asked here."""
    return Status(new) in TRANSITIONS[Status(old)]
