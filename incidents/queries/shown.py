"""What the pages show of incidents: clocks, timeline, pages sent, the next step. Values, in few queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Max, Prefetch, Q

from deadlines.enums import Nature, State
from deadlines.models import Deadline
from deadlines.queries import promises_of
from incidents.enums import Promised, Status
from incidents.models import Incident, TimelineEntry
from incidents.permissions import SUBJECT
from incidents.queries.facts import facts_of, policy_of_incident
from incidents.rules.escalation import next_step
from notifications.models import Page, PageOut
from procedures.rules.policy import Policy

WORDS: dict[str, str] = {
    Promised.ACKNOWLEDGE: "Acknowledge",
    Promised.FIRST_UPDATE: "First update",
    Promised.UPDATE: "Update",
    Promised.RESOLVE: "Mitigate or resolve",
    Promised.REPEAT: "The steps reached are paged again",
    Promised.OPENING: "Held pages go out",
    Promised.NUDGE: "The update is asked for again",
    Promised.ALERT_COUNT: "Counted alerts are written down",
}
UPDATES: tuple[str, ...] = (Promised.FIRST_UPDATE, Promised.UPDATE)
TIMELINE_SHOWN = 100
PAGES_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Owed:
    """One promise in words: what, by whom, and the row with its clock."""

    what: str
    who: str
    deadline: Deadline

    @property
    def open(self) -> bool:
        """Still to be done: running, stopped for the moment, or past due and undone."""
        return self.deadline.state in (State.PENDING, State.PAUSED) or (
            self.deadline.state == State.MISSED and self.deadline.fulfilled_at is None
        )

    @property
    def duty(self) -> bool:
        """Owed by a person, not done by the portal."""
        return self.deadline.nature == Nature.DUTY


def owed_of(incident: Incident) -> list[Owed]:
    """Every promise of an incident in words, by due time."""
    policy = policy_of_incident(incident)
    rows = promises_of(SUBJECT, incident.pk).order_by("due_at", "id")
    return [in_words(row, incident, policy) for row in rows]


def in_words(deadline: Deadline, incident: Incident, policy: Policy) -> Owed:
    """What a promise says in words. A duty is its owner's, an act the portal's."""
    if deadline.nature == Nature.ACT:
        who = "Watchbill"
    else:
        who = str(incident.owner) if incident.owner else deadline.owed_by or "whoever is on call"
    if deadline.kind == Promised.STEP:
        return Owed(f"{_label_of_step(deadline, policy)} is paged", who, deadline)
    plain = deadline.kind.rpartition(".")[2].replace("_", " ").capitalize()
    return Owed(WORDS.get(deadline.kind, plain), who, deadline)


def _label_of_step(deadline: Deadline, policy: Policy) -> str:
    wanted = (deadline.payload.get("path"), deadline.payload.get("step"))
    return next(
        (
            step.label
            for path in policy.paths
            for step in path.steps
            if (path.slug, step.key) == wanted
        ),
        "The next step",
    )


def running(owed: Iterable[Owed]) -> list[Owed]:
    """The clocks of the header: the duties still open, the most pressing first."""
    return [item for item in owed if item.open and item.duty]


def coming(owed: Iterable[Owed]) -> list[Owed]:
    """What the portal does next by itself."""
    return [item for item in owed if item.deadline.state == State.PENDING and not item.duty]


def soonest_step(owed: Iterable[Owed]) -> Owed | None:
    """The next escalation step the clock pages by itself."""
    return next((item for item in coming(owed) if item.deadline.kind == Promised.STEP), None)


def nearest_clocks(incidents: Sequence[Incident]) -> dict[int, Owed]:
    """The most pressing open duty of each incident, in one query."""
    by_id = {incident.pk: incident for incident in incidents}
    rows = Deadline.objects.filter(
        Q(state__in=[State.PENDING, State.PAUSED])
        | Q(state=State.MISSED, fulfilled_at__isnull=True),
        subject_type=SUBJECT,
        subject_id__in=list(by_id),
        nature=Nature.DUTY,
    ).order_by("due_at", "id")
    nearest: dict[int, Owed] = {}
    for row in rows:
        if row.subject_id not in nearest:
            incident = by_id[row.subject_id]
            nearest[row.subject_id] = in_words(row, incident, policy_of_incident(incident))
    return nearest


def timeline_of(
    incident: Incident, *, after: int = 0, before: int | None = None, limit: int = TIMELINE_SHOWN
) -> list[TimelineEntry]:
    """Entries newest first: those numbered after one, or the stretch before one."""
    entries = TimelineEntry.objects.filter(incident=incident, number__gt=after)
    if before is not None:
        entries = entries.filter(number__lt=before)
    return list(entries.order_by("-number")[:limit])


def pages_of(incident: Incident, *, limit: int = PAGES_SHOWN) -> list[PageOut]:
    """Who was called, newest first, each with its pages; two queries."""
    return list(
        PageOut.objects.filter(subject_type=SUBJECT, subject_id=incident.pk)
        .select_related("user")
        .prefetch_related(Prefetch("pages", queryset=Page.objects.order_by("position", "id")))
        .order_by("-created_at", "-id")[:limit]
    )


def version_of(incident: Incident) -> str:
    """Changes whenever the incident's page would: one cheap query beside the row."""
    pages = Page.objects.filter(
        page_out__subject_type=SUBJECT, page_out__subject_id=incident.pk
    ).aggregate(
        made=Count("id"),
        tries=Max("tries"),
        sent=Count("id", filter=Q(sent_at__isnull=False)),
        delivered=Count("id", filter=Q(delivered_at__isnull=False)),
    )
    return f"{incident.revision}.{pages['made']}.{pages['tries'] or 0}.{pages['sent']}.{pages['delivered']}"


@dataclass(frozen=True, slots=True)
class Next:
    """The next thing to do, in one sentence, the verb that does it, and its clock."""

    say: str
    verb: str
    owed: Owed | None = None


def what_next(incident: Incident, owed: Sequence[Owed]) -> Next:
    """What comes next, by status and by the most pressing clock."""
    open_now = running(owed)
    first = open_now[0] if open_now else None
    update = next((item for item in open_now if item.deadline.kind in UPDATES), None)
    match incident.status:
        case Status.TRIGGERED:
            return Next(
                "Somebody acknowledges: that takes it on and ends any paging.", "acknowledge", first
            )
        case Status.ACKNOWLEDGED if incident.first_update_at is None and update is not None:
            return Next("Post the first findings, even if they are few.", "update", update)
        case Status.ACKNOWLEDGED:
            return Next("Restore the service; a workaround counts. Then say so.", "mitigate", first)
        case Status.MITIGATED:
            return Next(
                "Watch it. When it holds, resolve it; if it comes back, say so.", "resolve", first
            )
        case Status.RESOLVED:
            return Next("Is everything after it done? Then close it.", "close", first)
        case _:
            return Next("Closed. Its record stays.", "", None)


def next_called(incident: Incident) -> str:
    """Whom “need help” pages, in words."""
    found = next_step(policy_of_incident(incident), facts_of(incident))
    return found[1].label if found else "the team's managers and the admins"
