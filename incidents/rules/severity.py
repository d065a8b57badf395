"""Which severity follows from what is known."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping

from procedures.rules.policy import Criterion, Severity

_COMPARISONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}


def severity_of(
    severities: Iterable[Severity], readings: Mapping[str, float | bool]
) -> tuple[Severity, Criterion] | None:
    """The worst severity with a criterion that holds, and that criterion; None when none does.

    `readings` says of a criterion's key whether it is ticked, or of a measure how much it is. Exactly
    on the border of two severities the worse one wins (X9): the border belongs to it.
    """
    for severity in sorted(severities, key=lambda one: one.rank):
        for criterion in severity.criteria:
            if _holds(criterion, readings):
                return severity, criterion
    return None


def _holds(criterion: Criterion, readings: Mapping[str, float | bool]) -> bool:
    if readings.get(criterion.key) is True:
        return True
    if not criterion.measure or criterion.threshold is None:
        return False
    value = readings.get(criterion.measure)
    if value is None or isinstance(value, bool):
        return False
    if value == criterion.threshold:
        return True
    if value <= 0:
        return False
    compare = _COMPARISONS.get(criterion.comparison)
    return bool(compare and compare(value, criterion.threshold))
