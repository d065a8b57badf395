"""What a page about an incident says, worked out right before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from deadlines.enums import Nature, State
from deadlines.models import Deadline
from deadlines.queries import open_promises, promises_of
from incidents.enums import Promised, Status
from incidents.models import Incident
from incidents.queries.links import links_of
from notifications.enums import Urgency
from notifications.models import PageOut
from notifications.queries import called_about
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


def messages_of(page_outs: Sequence[PageOut], now: datetime) -> Callable[[PageOut], Message | None]:
    """What builds the message of any of these pages; what they tell of is read in a fixed number of queries.

    A message has severity, service and what in its subject; since when, what is owed by when, who else
    is called and the link in its body. It is None once nobody needs to be called any more: the incident
    is over, or was acknowledged before this page, which only a later step may follow.
    """
    ids = {out.subject_id for out in page_outs}
    incidents = Incident.objects.select_related("lead_service", "team").in_bulk(ids)
    owed = _owed_clocks(ids)
    called = called_about(SUBJECT, ids)
    links: dict[int, tuple[Link, ...]] = {}

    def message_of_one(page_out: PageOut) -> Message | None:
        incident = incidents.get(page_out.subject_id)
        if incident is None or not _still_calls(page_out, incident):
            return None
        if incident.pk not in links:
            links[incident.pk] = _links(incident)
        others = [
            person.name
            for person in called.get(incident.pk, ())
            if person.user_id != page_out.user_id
        ]
        return render_page(
            page_out,
            _facts(
                page_out,
                incident,
                owed.get(incident.pk, ()),
                dict.fromkeys(others),
                links[incident.pk],
            ),
            now=now,
        )

    return message_of_one


def message_of(page_out: PageOut, now: datetime) -> Message | None:
    """The message of one page, as `messages_of` builds it."""
    return messages_of([page_out], now)(page_out)


def _still_calls(page_out: PageOut, incident: Incident) -> bool:
    if incident.status in (Status.RESOLVED, Status.CLOSED):
        return False
    ended = [at for at in (incident.acknowledged_at, incident.mitigated_at) if at is not None]
    return all(page_out.created_at >= at for at in ended)


def _facts(
    page_out: PageOut,
    incident: Incident,
    owed: Sequence[tuple[str, datetime, str]],
    others: Collection[str],
    links: tuple[Link, ...],
) -> PageFacts:
    names = list(others)
    return PageFacts(
        severity=incident.severity,
        what=incident.lead_service.name if incident.lead_service else incident.team.name,
        title=incident.title,
        ref=incident.ref,
        since=incident.started_at,
        why=_why(page_out),
        zone=page_out.user.zone if page_out.user else "UTC",
        owed=tuple(Owed(words, at, clause) for words, at, clause in owed),
        others=", ".join(names[:MOST_NAMES]) + (" and others" if len(names) > MOST_NAMES else ""),
        links=links,
        note="For your information: nobody expects you to get up."
        if page_out.urgency == Urgency.LOW
        else "",
        drill=incident.drill,
    )


def _links(incident: Incident) -> tuple[Link, ...]:
    return (
        *(Link(label, address) for label, address in links_of(incident)),
        Link("The incident", f"{settings.BASE_URL}{incident.get_absolute_url()}"),
    )


def _why(page_out: PageOut) -> str:
    """Why this person: the step they are called for, and how often by now."""
    again = f", call {page_out.round + 1}" if page_out.round else ""
    clause = f" ({page_out.clause})" if page_out.clause else ""
    return f"You are called as: {page_out.step_label}{again}{clause}."


def owed_clocks(incident: Incident) -> list[tuple[str, datetime, str]]:
    """What people owe on the incident, the nearest first: words, instant, clause."""
    return _owed_clocks([incident.pk]).get(incident.pk, [])


def _owed_clocks(incident_ids: Iterable[int]) -> dict[int, list[tuple[str, datetime, str]]]:
    duties = open_promises(SUBJECT, incident_ids).filter(
        kind__in=list(DUTY_WORDS), state=State.PENDING, nature=Nature.DUTY
    )
    found: dict[int, list[tuple[str, datetime, str]]] = {}
    for incident_id, kind, due_at, clause in duties.values_list(
        "subject_id", "kind", "due_at", "clause"
    ):
        found.setdefault(incident_id, []).append((DUTY_WORDS[kind], due_at, clause))
    return found


def next_escalation(
    incident: Incident, now: datetime, *, within: timedelta | None = None
) -> Deadline | None:
    """The next step of the path that the clock will page, at any time or within the time given."""
    steps = promises_of(SUBJECT, incident.pk).filter(kind=Promised.STEP, state=State.PENDING)
    if within is not None:
        steps = steps.filter(due_at__lte=now + within)
    return steps.order_by("due_at", "id").first()
