"""What rotations announce."""

from deadlines.extension import DomainEvent

pager_taken = DomainEvent("pager_taken")
"""Somebody took a rota over now (C22). Facts: `rota_id`, `team_id`, `level`, `from_user_id` (None where nobody
held it), `to_user_id`, `now` (ISO)."""
