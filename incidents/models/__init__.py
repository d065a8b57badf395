"""Incidents and what is remembered of them."""

from incidents.models.action_item import ActionItem
from incidents.models.alert_tally import AlertTally
from incidents.models.incident import Incident, IncidentGroupGrant, IncidentUserGrant
from incidents.models.role import IncidentRole
from incidents.models.timeline import TimelineEntry

__all__ = [
    "ActionItem",
    "AlertTally",
    "Incident",
    "IncidentGroupGrant",
    "IncidentRole",
    "IncidentUserGrant",
    "TimelineEntry",
]
