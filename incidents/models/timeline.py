"""The record of an incident, which nothing can edit or delete."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models

from incidents.enums import EntryKind
from incidents.models.incident import Incident


class TimelineEntry(models.Model):
    """One thing that happened, numbered without holes; written with the change it tells of."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="timeline")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in EntryKind])
    actor_kind = models.CharField(max_length=12)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=200)
    text = models.TextField()
    clause = models.CharField(max_length=20, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = "timeline entry"
        verbose_name_plural = "timeline entries"
        ordering: ClassVar[list[str]] = ["incident_id", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["incident", "number"], name="timeline_numbered"),
            models.CheckConstraint(name="timeline_from_one", condition=models.Q(number__gte=1)),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.text[:80]}"
