"""Registers the alerts app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alerts import health, panels, queries, receivers
        from deadlines.extension import contribute

        receivers.register()
        contribute("health", "alerts", health.check)
        contribute("metrics", "alerts", health.metrics)
        contribute("incident.links", "alerts", queries.labelled_links)
        contribute("incident.alerts", "alerts", queries.brief_alerts)
        contribute("incident.panel", "alerts", panels.of_incident)
