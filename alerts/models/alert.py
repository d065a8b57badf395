"""An alert: one thing that fired, however often it was told."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from alerts.enums import AlertKind, AlertState
from alerts.models.integration import Integration
from directory.models import Service


class Alert(models.Model):
    """One alert of one sender, from its first event until it is resolved; what fires again is a new row."""

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="alerts")
    dedup_key = models.CharField(max_length=255)
    state = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in AlertState],
        default=AlertState.FIRING.value,
    )
    count = models.PositiveBigIntegerField(default=1, help_text="How often it was told.")
    title = models.CharField(max_length=250)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=16)
    severity_word = models.CharField(
        max_length=60, blank=True, help_text="The source's own word: another word is judged anew."
    )
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in AlertKind])
    rule = models.CharField(max_length=200)
    group_key = models.CharField(
        max_length=80, help_text="Alerts with the same key belong to one incident."
    )
    source = models.CharField(max_length=250, blank=True)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="alerts")
    incident = models.ForeignKey(
        "incidents.Incident", on_delete=models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    labels = models.JSONField(default=dict, blank=True)
    links = models.JSONField(default=list, blank=True)
    payload = models.JSONField(default=dict, blank=True, help_text="The first event, cleaned.")
    raw = models.BinaryField(
        default=b"", blank=True, help_text="The first event as it came, truncated."
    )
    started_at = models.DateTimeField(help_text="When it began, as the source says.")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(
        null=True, blank=True, help_text="When its source acknowledged it."
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=200, blank=True)
    false_positive_at = models.DateTimeField(null=True, blank=True)
    false_positive_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    false_positive_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-first_seen_at", "-id"]
        # last_seen_at and count stand in no index, so that a repeat is an update in place.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["group_key", "-first_seen_at", "-id"], name="alert_group"),
            models.Index(fields=["incident", "state"], name="alert_of_incident"),
            models.Index(fields=["-first_seen_at", "-id"], name="alert_newest"),
            models.Index(
                fields=["id"],
                name="alert_homeless",
                condition=Q(incident__isnull=True, state="firing"),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["integration", "dedup_key"],
                name="alert_open_once",
                condition=~Q(state="resolved"),
            ),
            models.CheckConstraint(
                name="alert_state_known", condition=Q(state__in=[s.value for s in AlertState])
            ),
            models.CheckConstraint(
                name="alert_resolved_knows_when",
                condition=Q(state="resolved", resolved_at__isnull=False)
                | (~Q(state="resolved") & Q(resolved_at__isnull=True)),
            ),
            models.CheckConstraint(name="alert_counts_from_one", condition=Q(count__gte=1)),
            models.CheckConstraint(
                name="alert_seen_in_order", condition=Q(last_seen_at__gte=F("first_seen_at"))
            ),
        ]

    def __str__(self) -> str:
        return self.title
