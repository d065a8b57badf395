"""Every way an incident may change, one verb each.

Each verb is one transaction: the incident is locked first, then its promises, then its pages. It
checks the permission of the actor and the rule, writes the row and its timeline entry together,
settles and schedules promises and fills the outbox. Saying it twice is harmless.
"""

from directory.permissions import actor_of
from incidents.services.answering import (
    acknowledge,
    add_note,
    add_services,
    all_hands,
    assign_role,
    cannot_take,
    escalate,
    need_help,
    post_update,
)
from incidents.services.declaring import DeclareFacts, declare
from incidents.services.ending import (
    close,
    mark_false_positive,
    mitigate,
    propose_resolution,
    relapse,
    reopen,
    resolve,
    undo,
)
from incidents.services.errors import Forbidden, GatesUnmet, VerbRefused
from incidents.services.judging import (
    confirm_breach,
    mark_major,
    may_be_raised,
    raise_severity,
    set_severity,
)
from incidents.services.storms import note_alerts

__all__ = [
    "DeclareFacts",
    "Forbidden",
    "GatesUnmet",
    "VerbRefused",
    "acknowledge",
    "actor_of",
    "add_note",
    "add_services",
    "all_hands",
    "assign_role",
    "cannot_take",
    "close",
    "confirm_breach",
    "declare",
    "escalate",
    "mark_false_positive",
    "mark_major",
    "may_be_raised",
    "mitigate",
    "need_help",
    "note_alerts",
    "post_update",
    "propose_resolution",
    "raise_severity",
    "relapse",
    "reopen",
    "resolve",
    "set_severity",
    "undo",
]
