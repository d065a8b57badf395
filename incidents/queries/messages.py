"""What a page about an incident says, worked out right before it is sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from deadlines.enums import Nature, State
from deadlines.models import Deadline
from deadlines.queries import promises_of
from incidents.enums import Promised, Status
from incidents.models import Incident
from incidents.queries.links import links_of
from notifications.enums import Urgency
from notifications.models import PageOut
from notifications.queries import others_paged
from notifications.rendering import render_page
from notifications.rules.message import Link, Message, Owed, PageFacts

SUBJECT = "incident"
MOST_NAMES = 6
DUTY_WORDS = {
    Promised.ACKNOWLEDGE.value: "Acknowledge",
    Promised.FIRST_UPDATE.value: "Post the first findings",
    Promised.UPDATE.value: "Post an update",
    Promised.RESOLVE.value: "Resolve or mitigate",
}


def message_of(page_out: PageOut, now: datetime) -> Message | None:
    """The message of a page: severity, service and what in its subject; since when, what is owed by
    when, who else is called and the link in its body. None once nobody needs to be called any more:
    the incident is over, or was acknowledged before this page, which only a later step may follow.
    """
    incident = (
        Incident.objects.select_related("lead_service", "team")
        .filter(pk=page_out.subject_id)
        .first()
    )
    if incident is None or incident.status in (Status.RESOLVED, Status.CLOSED):
        return None
    ended = [at for at in (incident.acknowledged_at, incident.mitigated_at) if at is not None]
    if any(page_out.created_at < at for at in ended):
        return None
    service = incident.lead_service.name if incident.lead_service else incident.team.name
    others = list(
        dict.fromkeys(str(other.user) for other in others_paged(page_out) if other.user is not None)
    )
    return render_page(
        page_out,
        PageFacts(
            severity=incident.severity,
            what=service,
            title=incident.title,
            ref=incident.ref,
            since=incident.started_at,
            why=_why(page_out),
            zone=page_out.user.zone if page_out.user else "UTC",
            owed=tuple(Owed(words, at, clause) for words, at, clause in owed_clocks(incident)),
            others=", ".join(others[:MOST_NAMES])
            + (" and others" if len(others) > MOST_NAMES else ""),
            links=(
                *(Link(label, address) for label, address in links_of(incident)),
                Link("The incident", f"{settings.BASE_URL}{incident.get_absolute_url()}"),
            ),
            note="For your information: nobody expects you to get up."
            if page_out.urgency == Urgency.LOW
            else "",
            drill=incident.drill,
        ),
        now=now,
    )


def _why(page_out: PageOut) -> str:
    """Why this person: the step they are called for, and how often by now."""
    again = f", call {page_out.round + 1}" if page_out.round else ""
    clause = f" ({page_out.clause})" if page_out.clause else ""
    return f"You are called as: {page_out.step_label}{again}{clause}."


def owed_clocks(incident: Incident) -> list[tuple[str, datetime, str]]:
    """What people owe on the incident, the nearest first: words, instant, clause."""
    duties = promises_of(SUBJECT, incident.pk).filter(
        kind__in=list(DUTY_WORDS), state=State.PENDING, nature=Nature.DUTY
    )
    return [
        (DUTY_WORDS[duty.kind], duty.due_at, duty.clause)
        for duty in duties.order_by("due_at", "id")
    ]


def next_escalation(
    incident: Incident, now: datetime, *, within: timedelta | None = None
) -> Deadline | None:
    """The next step of the path that the clock will page, at any time or within the time given."""
    steps = promises_of(SUBJECT, incident.pk).filter(kind=Promised.STEP, state=State.PENDING)
    if within is not None:
        steps = steps.filter(due_at__lte=now + within)
    return steps.order_by("due_at", "id").first()
