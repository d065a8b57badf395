"""Who may publish a procedure."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from deadlines.extension import Actor, contributions
from procedures.models import Procedure


def may_publish(actor: Actor, procedure: Procedure) -> bool:
    """The portal may, and a person with the permission, for all procedures or for this one.

    Rooms above say who else, by the point `procedure.publisher`: managers, for their own teams'.
    """
    if actor.kind == "portal":
        return True
    if actor.kind != "user" or actor.id is None:
        return False
    user = get_user_model()._default_manager.filter(pk=actor.id, is_active=True).first()
    if user is None:
        return False
    wanted = "procedures.publish_procedure"
    if user.has_perm(wanted) or user.has_perm(wanted, procedure):
        return True
    return any(may(user, procedure.pk) for _, may in contributions("procedure.publisher"))
