"""Registers the notifications app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as registered
from django.db.models.signals import post_migrate


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from deadlines.extension import contribute
        from notifications import egress, health

        egress.install()
        contribute("health", "outbox", health.check)
        contribute("metrics", "outbox", health.metrics)
        post_migrate.connect(make_rows, sender=self, dispatch_uid="notifications.rows")


def make_rows(using: str, apps: Any = registered, **_: Any) -> None:
    """After `migrate`: a row for each channel that exists, and the row of limits, to be edited."""
    from notifications.registry import CHANNELS

    try:
        channel = apps.get_model("notifications", "Channel")
        limits = apps.get_model("notifications", "PagingLimits")
    except LookupError:  # migrated back to before this app
        return
    for slug, facts in CHANNELS.items():
        channel.objects.using(using).get_or_create(slug=slug, defaults={"name": facts.name})
    limits.objects.using(using).get_or_create(pk=1)
