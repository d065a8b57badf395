"""What incidents announce. Every event's facts: `incident_id` (int), `now` (ISO instant), and those named."""

from deadlines.extension import DomainEvent

incident_declared = DomainEvent("incident_declared")
"""An incident was opened; its first pages are in the outbox."""

incident_acknowledged = DomainEvent("incident_acknowledged")
"""Somebody took it. `user_id` (int or null)."""

severity_changed = DomainEvent("severity_changed")
"""`old`, `new` (codes)."""

update_posted = DomainEvent("update_posted")
"""`entry_id` (int), `kind` ("initial", "status", "findings"), `user_id`."""

breach_confirmed = DomainEvent("breach_confirmed")
"""A breach was confirmed, signed."""

incident_mitigated = DomainEvent("incident_mitigated")
incident_relapsed = DomainEvent("incident_relapsed")
incident_resolved = DomainEvent("incident_resolved")
incident_reopened = DomainEvent("incident_reopened")
incident_closed = DomainEvent("incident_closed")
"""The way to the end, and back."""
