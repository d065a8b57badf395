"""Registers the portal app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines.extension import contribute
        from portal import celery, health  # the Celery app, so that tasks find their broker

        celery.app.set_default()
        contribute("health", "broker", health.check_broker)
        contribute("health", "beat", health.check_beat)
        contribute("health", "clock process", health.check_clock)
        contribute("health", "disk", health.check_disk)
