"""What pages nobody becomes something to do (C71)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from deadlines.extension import PORTAL
from incidents.enums import EntryKind
from incidents.models import ActionItem, Incident
from incidents.services.record import write_entry
from procedures.rules.policy import Policy, Span

NEXT_SPRINT = timedelta(days=14)
SETTING = "backlog_due_within"


def ensure_backlog_item(incident: Incident, policy: Policy, *, now: datetime) -> ActionItem | None:
    """Where the severity says so, an action item with owner and due date: the primary's, by the end of
    the next sprint (the procedure's setting `backlog_due_within`, two weeks without it). Made once.
    """
    severity = policy.severity(incident.severity)
    if not severity.backlog:
        return None
    span = policy.setting(SETTING)
    within = (
        timedelta(seconds=span.seconds) if isinstance(span, Span) and span.seconds else NEXT_SPRINT
    )
    local = now.astimezone(ZoneInfo(incident.team.zone))
    item, made = ActionItem.objects.get_or_create(
        incident=incident,
        source="backlog",
        defaults={
            "team": incident.team,
            "title": incident.title,
            "owner_id": incident.owner_id,
            "due_on": (local + within).date(),
            "created_at": now,
            "clause": severity.response_clause,
        },
    )
    if made:
        who = f"{item.owner}'s" if item.owner else "the team's"
        write_entry(
            incident,
            EntryKind.NOTE,
            f"Nobody is paged. It is {who} backlog item, due on {item.due_on:%Y-%m-%d}.",
            actor=PORTAL,
            now=now,
            clause=severity.response_clause,
            data={"action_item": item.pk},
        )
    return item
