"""Reads of incidents: what the rules need to know, what pages and messages show."""

from incidents.queries.facts import (
    alert_count,
    facts_of,
    incident_by_ref,
    label_of,
    lock,
    paths_of,
    policy_of_incident,
    staff_for,
)

__all__ = [
    "alert_count",
    "facts_of",
    "incident_by_ref",
    "label_of",
    "lock",
    "paths_of",
    "policy_of_incident",
    "staff_for",
]
