"""What a page about an incident says, worked out right before it is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from deadlines.enums import Nature, State
from deadlines.models import Deadline
from deadlines.queries import promises_of
from incidents.enums import Promised, Status
from incidents.models import Incident
from incidents.queries.links import links_of
from notifications.enums import Urgency
from notifications.links import phone_url
from notifications.models import PageOut
from notifications.rules.message import Link, Message

SUBJECT = "incident"
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
    zone = ZoneInfo(page_out.user.zone) if page_out.user else ZoneInfo("UTC")
    service = incident.lead_service.name if incident.lead_service else incident.team.name
    tags = [incident.severity]
    if incident.drill:
        tags.insert(0, "DRILL")
    if page_out.urgency == Urgency.LOW:
        tags.append("for your information")
    subject = f"[{' '.join(tags)}] {service}: {incident.title}"
    url = phone_url(page_out)
    lines = [
        f"{incident.severity} {incident.ref}: {incident.title}",
        f"Service: {service}. Since {_clock(incident.started_at, zone)}.",
    ]
    owed = owed_clocks(incident)
    lines += [f"{words} by {_clock(at, zone)} ({clause})." for words, at, clause in owed]
    lines.append(
        f"You are called as: {page_out.step_label}"
        + (f" ({page_out.clause})." if page_out.clause else ".")
    )
    if page_out.round:
        lines.append(f"This is call number {page_out.round + 1}.")
    lines += ["", "Acknowledge, ask for help, or hand it on:", url]
    links = links_of(incident)
    if links:
        lines += ["", *(f"{label}: {address}" for label, address in links)]
    return Message(
        subject=subject,
        text="\n".join(lines) + "\n",
        links=(
            Link("Acknowledge", url),
            *(Link(label, address) for label, address in links),
            Link("The incident's page", f"{settings.BASE_URL}{incident.get_absolute_url()}"),
        ),
        facts={
            "ref": incident.ref,
            "title": incident.title,
            "severity": incident.severity,
            "kind": incident.kind,
            "status": incident.status,
            "service": incident.lead_service.slug if incident.lead_service else None,
            "opened_at": incident.opened_at.isoformat(),
            "step": page_out.step_label,
            "clause": page_out.clause,
            "round": page_out.round,
            "drill": incident.drill,
            "owed": [
                {"what": words, "due_at": at.isoformat(), "clause": clause}
                for words, at, clause in owed
            ],
            "url": url,
        },
    )


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


def _clock(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a %d %b %H:%M} {local.tzname()}"
