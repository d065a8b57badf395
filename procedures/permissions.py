"""Who may publish a procedure."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from deadlines.extension import Actor
from procedures.models import Procedure


def may_publish(actor: Actor, procedure: Procedure) -> bool:
    """The portal may; a person with the permission may, for all procedures or for this one."""
    if actor.kind == "portal":
        return True
    if actor.kind != "user" or actor.id is None:
        return False
    user = get_user_model()._default_manager.filter(pk=actor.id, is_active=True).first()
    if user is None:
        return False
    wanted = "procedures.publish_procedure"
    return bool(user.has_perm(wanted) or user.has_perm(wanted, procedure))
