"""Registers the deadlines app."""

from django.apps import AppConfig


class DeadlinesConfig(AppConfig):
    name = "deadlines"
    verbose_name = "The clock"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines import health, receivers
        from deadlines.extension import contribute, keep_failures_with
        from deadlines.services import keep_failed_receiver

        receivers.register()
        keep_failures_with(keep_failed_receiver)
        contribute("health", "clock", health.check)
        contribute("metrics", "clock", health.metrics)
