"""What the clock announces."""

from deadlines.extension import DomainEvent

promises_settled = DomainEvent("promises_settled")
"""Promises were met, missed or waived. Facts: `deadline_ids` (list of int), `now` (ISO instant)."""
