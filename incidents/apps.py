"""Registers the incidents app."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = "Incidents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines.extension import contribute
        from incidents import clauses, receivers  # noqa: F401 - the receivers listen
        from incidents.permissions import without_hidden
        from incidents.queries import health
        from incidents.queries.messages import messages_of
        from incidents.services import clockwork
        from notifications.registry import register_message

        clockwork.register()
        register_message("incident", messages_of)
        contribute("health", "incidents", health.check)
        contribute("metrics", "incidents", health.metrics)
        contribute("deadline.visible", "incidents", without_hidden)
        contribute("outcome.visible", "incidents", without_hidden)
        contribute("outbox.visible", "incidents", without_hidden)
        clauses.register()
