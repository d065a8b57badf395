"""A breach on record is let stand: by whom, when and why."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from deadlines.extension import Actor
from directory.models import User
from directory.permissions import person_of, require_editor
from rotations.models import Breach
from rotations.services.refusal import RotaRefused


@transaction.atomic
def waive_breach(breach_id: int, *, reason: str, actor: Actor, now: datetime) -> Breach:
    """The team's manager lets a breach stand. A second reason does not replace the first.

    Raises PermissionDenied, RotaRefused ("no_reason", "gone", "not_a_person").
    """
    breach = Breach.objects.select_for_update(of=("self",)).get(pk=breach_id)
    require_editor(actor, breach.team_id)
    person = person_of(actor)
    if not isinstance(person, User):
        raise RotaRefused("not_a_person", "Only a person lets a breach stand.")
    if not reason.strip():
        raise RotaRefused("no_reason", "Say why it may stand.")
    if breach.gone_at is not None:
        raise RotaRefused("gone", "This breach is gone already.")
    if breach.waived_at is None:
        breach.waived_by, breach.waived_at, breach.waived_reason = person, now, reason.strip()
        breach.waived_until = breach.ends_at
        breach.save(update_fields=["waived_by", "waived_at", "waived_reason", "waived_until"])
    return breach
