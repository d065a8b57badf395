"""How much load, how long the faults, how short the leases: small for every day, large for `make faults`."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Times in seconds. `steps` are those of the escalation path, after the page at once."""

    name: str
    services: int
    people: int
    steps: tuple[int, int, int]
    rate: float
    load_for: float
    fault_after: float
    fault_for: float
    lease: int
    attempt: int
    patience: float
    timeout: int

    @property
    def full(self) -> bool:
        return self.name == "full"


SHORT = Profile(
    name="short", services=4, people=6, steps=(1, 2, 3), rate=6, load_for=2.5,
    fault_after=0.7, fault_for=1, lease=4, attempt=2, patience=60, timeout=180,
)  # fmt: skip
FULL = Profile(
    name="full", services=20, people=20, steps=(5, 10, 15), rate=5, load_for=60, fault_after=20,
    fault_for=20, lease=30, attempt=10, patience=150, timeout=600,
)  # fmt: skip


def chosen() -> Profile:
    """By the environment: FAULTS=full."""
    return FULL if os.environ.get("FAULTS") == "full" else SHORT
