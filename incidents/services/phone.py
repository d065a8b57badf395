"""What a person says from the phone page of a page-out, without signing in."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from directory.permissions import actor_of
from incidents.enums import UpdateKind
from incidents.models import Incident
from incidents.permissions import SUBJECT
from incidents.services.answering import acknowledge, cannot_take, need_help, post_update
from incidents.services.errors import Forbidden
from incidents.services.record import locked
from notifications.enums import Reply
from notifications.models import PageOut
from notifications.services import answer_page


@transaction.atomic
def answer_from_phone(
    page_out: PageOut,
    reply: Reply,
    *,
    now: datetime,
    text: str = "",
    kind: str = UpdateKind.STATUS.value,
) -> PageOut:
    """Does what the button says in the name of the person paged, and keeps it on the page-out.

    The incident is locked before the page-out. A subject other than an incident is answered only.
    Raises what the verb raises, and `Forbidden` for a person who has left. Honours C22, C39, C74, C219.
    """
    if page_out.user is None or not page_out.user.is_active:
        raise Forbidden("This person is not active any more.")
    if page_out.subject_type == SUBJECT:
        incident: Incident = locked(page_out.subject_id)
        actor = actor_of(page_out.user)
        match reply:
            case Reply.ACKNOWLEDGED:
                acknowledge(incident.pk, actor=actor, now=now)
            case Reply.NEED_HELP:
                need_help(incident.pk, actor=actor, now=now)
            case Reply.CANNOT_TAKE:
                cannot_take(incident.pk, actor=actor, now=now)
            case Reply.UPDATE:
                post_update(incident.pk, text=text, kind=kind, actor=actor, now=now)
    if reply == Reply.UPDATE and page_out.answer:
        return page_out
    return answer_page(page_out.pk, reply, now=now)
