"""Registers the procedures app."""

from django.apps import AppConfig


class ProceduresConfig(AppConfig):
    name = "procedures"
    verbose_name = "Procedures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from procedures import receivers  # noqa: F401 - listens to the clock
        from procedures.registry import enforced_by

        enforced_by(["C1", "C83", "X5"], "procedures.rules.policy.Policy")
        enforced_by(["C2", "C3", "C261", "X8"], "procedures.models.Procedure.review_due_on")
        enforced_by(["C260"], "procedures.services.publish")
