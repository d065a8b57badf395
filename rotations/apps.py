"""Registers the rotations app, and which clauses it enforces."""

from django.apps import AppConfig


class RotationsConfig(AppConfig):
    name = "rotations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from procedures.registry import enforced_by
        from rotations.services import swap_notices

        swap_notices.register()
        enforced_by(["C12", "C14", "C16", "C20", "C23", "X13"], "rotations.rules.roster.Roster")
        enforced_by(["C19"], "rotations.rules.resolver: the secondary, next in order")
        enforced_by(["C22"], "rotations.services.take_over")
