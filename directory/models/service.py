"""A service: what alerts and incidents are about."""

from __future__ import annotations

from typing import ClassVar

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models

from deadlines.standing import noted
from directory.models.team import Team


@pghistory.track()
class Service(models.Model):
    """Something that runs, answered for by one team."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="services")
    description = models.TextField(blank=True)
    user_facing = models.BooleanField(default=True, help_text="Customers notice when it fails.")
    active = models.BooleanField(default=True)
    smes = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="expert_services",
        verbose_name="subject matter experts", help_text="Who knows it best, beside whoever is on call.",
    )  # fmt: skip
    runbook_url = models.URLField("runbook", max_length=500, blank=True)
    dashboard_url = models.URLField("dashboard", max_length=500, blank=True)
    logs_url = models.URLField("logs", max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["name", "id"]

    def __str__(self) -> str:
        return self.name
