"""What people say of an alert."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alerts.models import Alert
from alerts.rules import cleaning
from deadlines.extension import Actor
from directory.models import User
from incidents import services as incidents
from incidents.models import Incident
from incidents.permissions import Verb, may


def mark_false_positive(alert_id: int, *, reason: str, actor: Actor, now: datetime) -> Alert:
    """C216: the alert fired for nothing; the incident's timeline says so, the weekly review reads the reason.

    Refused before somebody has acknowledged, and without a reason; there is no waiver. Said twice, the
    first reason stays. Raises Alert.DoesNotExist, VerbRefused.
    """
    said = cleaning.text(reason, 500)
    if not said:
        raise incidents.VerbRefused(
            "no_reason", "Say why it was a false positive; the weekly review reads it."
        )
    incident_id = Alert.objects.values_list("incident_id", flat=True).get(pk=alert_id)
    if incident_id is None:
        raise _not_acknowledged()
    with transaction.atomic():
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        alert = Alert.objects.select_for_update(no_key=True).get(pk=alert_id)
        if actor.kind == "user" and not may(_person(actor), Verb.FALSE_POSITIVE, incident):
            raise incidents.Forbidden("You are not one of those who may say so of this incident.")
        if alert.false_positive_at is not None:
            return alert
        if incident.acknowledged_at is None:
            raise _not_acknowledged()
        alert.false_positive_at = now
        alert.false_positive_by_id = actor.id if actor.kind == "user" else None
        alert.false_positive_reason = said
        alert.save(
            update_fields=["false_positive_at", "false_positive_by", "false_positive_reason"]
        )
        _tell_incident(incident, alert, said, actor=actor, now=now)
    return alert


def _tell_incident(
    incident: Incident, alert: Alert, reason: str, *, actor: Actor, now: datetime
) -> None:
    """When every alert of it was false, so was the incident; otherwise its timeline says it of this one."""
    if Alert.objects.filter(incident=incident, false_positive_at=None).exists():
        text = f"The alert “{alert.title}” was a false positive: {reason}"
        incidents.add_note(incident.pk, text=text, actor=actor, now=now)
    else:
        incidents.mark_false_positive(incident.pk, reason=reason, actor=actor, now=now)


def _person(actor: Actor) -> User:
    return User.objects.get(pk=actor.id or 0)


def _not_acknowledged() -> incidents.VerbRefused:
    return incidents.VerbRefused(
        "not_acknowledged",
        "Acknowledge it first: even a false positive is not to be ignored (C216).",
    )
