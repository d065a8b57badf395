"""Registers the directory app."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines.extension import contribute
        from directory import permissions
        from directory.api import schema  # noqa: F401 - the schema's extensions register by being imported
        from procedures.registry import enforced_by

        contribute("procedure.publisher", "directory", permissions.manages_procedure)

        enforced_by(["C35", "X2", "X10", "X21"], "directory.rules.calendar.due_at")
        enforced_by(["C21"], "directory.models.Service.smes")
