"""Registers the rotations app, and which clauses it enforces."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps import AppConfig
from django.apps import apps as registered
from django.db.models.signals import post_migrate


class RotationsConfig(AppConfig):
    name = "rotations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines.extension import contribute
        from notifications.registry import register_message
        from procedures.registry import enforced_by
        from rotations import health
        from rotations.queries.messages import SUBJECT, messages_of
        from rotations.services import looking, swap_notices

        swap_notices.register()
        looking.register()
        register_message(SUBJECT, messages_of)
        contribute("health", "rotations", health.check)
        post_migrate.connect(begin_to_look, sender=self, dispatch_uid="rotations.look")
        enforced_by(["C12", "C14", "C16", "C20", "C23", "X13"], "rotations.rules.roster.Roster")
        enforced_by(["C19"], "rotations.rules.resolver: the secondary, next in order")
        enforced_by(["C22"], "rotations.services.take_over")
        enforced_by(["C11"], "rotations.services: each override, swap and time off is proved")
        enforced_by(
            ["C5", "C7"], "rotations.services.horizon: the shifts, as they were and will be"
        )
        enforced_by(["C6", "C11"], "rotations.services.looking: every hour, to the horizon")


def begin_to_look(apps: Any = registered, **_: Any) -> None:
    """After `migrate`: the roster of a team that is new to this version is drawn and proved at once."""
    from rotations.services.promising import look_at_all

    try:
        apps.get_model("rotations", "Shift")
    except LookupError:  # migrated back to before there were shifts
        return
    look_at_all(now=datetime.now(UTC))  # noqa: TID251 - an edge
