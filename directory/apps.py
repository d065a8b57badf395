"""Registers the directory app."""

from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "directory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines.extension import contribute
        from directory import permissions
        from directory.api import schema  # noqa: F401 - the schema's extensions register by being imported

        contribute("procedure.publisher", "directory", permissions.manages_procedure)
