"""When a page reaches nobody."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from deadlines.extension import Actor
from incidents.enums import EntryKind
from incidents.models import Incident
from incidents.services.paging import climb_over
from incidents.services.record import SUBJECT, keep, locked, write_entry
from notifications.enums import PageOutState
from notifications.models import PageOut


@transaction.atomic
def person_was_not_reached(
    incident_id: int, *, page_out_id: int, actor: Actor, now: datetime
) -> Incident:
    """Every way to reach a person failed. When nobody else of their step was reached either, the next
    step is paged at once; after the last, the team's managers and the admins. Always recorded.
    """
    incident = locked(incident_id)
    page_out = PageOut.objects.select_related("user").filter(pk=page_out_id).first()
    if page_out is None or not incident.active:
        return incident
    write_entry(
        incident,
        EntryKind.PAGES,
        f"No way led to {page_out.user}: {page_out.step_label}.",
        actor=actor,
        now=now,
        clause=page_out.clause,
        data={"page_out": page_out.pk, "reason": page_out.reason},
    )
    if incident.acknowledged_at is not None and page_out.created_at <= incident.acknowledged_at:
        # Somebody answered while this page was still being tried.
        return keep(incident)
    path, _, rest = page_out.step_key.partition("/")
    step = rest.partition("/")[0]
    others = PageOut.objects.filter(
        subject_type=SUBJECT, subject_id=incident.pk, step_key__startswith=f"{path}/{step}/"
    ).exclude(user=page_out.user)
    if not others.exclude(state=PageOutState.UNREACHABLE).exists():
        climb_over(incident, path, step, why="every way to reach its people failed", now=now)
    return keep(incident)
