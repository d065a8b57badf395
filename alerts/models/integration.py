"""An integration: one sender, its keys, and how its words are read."""

from __future__ import annotations

import re
from typing import ClassVar

import pghistory
import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from alerts.enums import IntegrationKind, ResolveMode
from alerts.rules.generic import faults
from alerts.rules.judging import Judge
from deadlines.standing import noted
from directory.models import Service, Team

SEVERITY_CODE = re.compile(r"[A-Za-z]\d{1,2}")


def usual_severities() -> dict[str, str]:
    return {
        "critical": "P1", "page": "P1", "emergency": "P1", "fatal": "P1",
        "error": "P2", "high": "P2", "major": "P2",
        "warning": "P3", "medium": "P3", "minor": "P3",
        "info": "P4", "low": "P4", "informational": "P4", "none": "P4", "debug": "P4",
    }  # fmt: skip


def usual_severity_labels() -> list[str]:
    return ["severity", "priority", "level"]


def usual_service_labels() -> list[str]:
    return ["service", "app", "application", "component", "job"]


def usual_security_labels() -> dict[str, list[str]]:
    return {"kind": ["security"], "category": ["security"], "class": ["security"]}


@pghistory.track()
class Integration(models.Model):
    """One sender. What its alerts mean is data of this row, never code."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(
        max_length=20,
        choices=[(kind.value, label) for kind, label in [
            (IntegrationKind.ALERTMANAGER, "Prometheus Alertmanager"),
            (IntegrationKind.GRAFANA, "Grafana"),
            (IntegrationKind.PAGERDUTY, "PagerDuty Events API v2"),
            (IntegrationKind.GENERIC, "Any JSON"),
            (IntegrationKind.HEARTBEAT, "Heartbeat"),
        ]],
    )  # fmt: skip
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="integrations")
    default_service = models.ForeignKey(
        Service, on_delete=models.PROTECT, related_name="default_of_integrations",
        help_text="Where an alert goes that names no service we know: no alert is homeless.",
    )  # fmt: skip
    service_labels = ArrayField(
        models.CharField(max_length=200), default=usual_service_labels, blank=True,
        help_text="Labels that name the service by its slug; the first that is known wins.",
    )  # fmt: skip
    all_teams = models.BooleanField(
        "for all teams", default=False,
        help_text="Its labels may name services of other teams too. Set by an admin.",
    )  # fmt: skip
    severity_map = models.JSONField(
        default=usual_severities,
        help_text="The sender's words and the severity each means: {“critical”: “P1”}. Case does not matter; "
        "a severity's own code (P1) always means itself.",
    )
    severity_labels = ArrayField(
        models.CharField(max_length=200), default=usual_severity_labels, blank=True,
        help_text="Labels looked at, in this order, when the event itself has no word that is known.",
    )  # fmt: skip
    default_severity = models.CharField(
        max_length=16, default="P2",
        help_text="For words that are in no map. P2 wakes somebody: better once too often than never.",
    )  # fmt: skip
    security_labels = models.JSONField(
        default=usual_security_labels, blank=True,
        help_text="Labels and values that make an incident a security incident: {“kind”: [“security”]}.",
    )  # fmt: skip
    group_window_seconds = models.PositiveIntegerField(
        "group within (seconds)", default=86400,
        help_text="A new alert of the same service and rule joins the active incident when the last one came no "
        "longer ago than this. 0: as long as the incident is active.",
    )  # fmt: skip
    resolve_mode = models.CharField(
        "when all its alerts are resolved", max_length=10,
        choices=[
            (ResolveMode.PROPOSE.value, "propose to resolve the incident"),
            (ResolveMode.RESOLVE.value, "resolve the incident"),
        ],
        default=ResolveMode.PROPOSE.value,
    )  # fmt: skip
    rate_per_minute = models.PositiveIntegerField(
        "events a minute", default=60_000,
        help_text="Above it, repeats are refused for a while (each web process counts for itself). The first event "
        "of an alert is always taken. 0: no limit.",
    )  # fmt: skip
    mapping = models.JSONField(
        default=dict, blank=True,
        help_text="For “any JSON”: where each fact stands, as {“title”: “event.message”, “dedup_key”: “event.id”}. "
        "What is not named is looked for under the usual names.",
    )  # fmt: skip
    enabled = models.BooleanField(
        default=True, help_text="Off: its keys are refused as if unknown."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["name", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="integration_kind_known",
                condition=Q(kind__in=[kind.value for kind in IntegrationKind]),
            ),
            models.CheckConstraint(
                name="integration_resolve_mode_known",
                condition=Q(resolve_mode__in=[mode.value for mode in ResolveMode]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def judge(self) -> Judge:
        """How its alerts are judged."""
        return Judge(
            name=self.name,
            severity_map=self.severity_map,
            severity_labels=tuple(self.severity_labels),
            default_severity=self.default_severity,
            security_labels=self.security_labels,
            service_labels=tuple(self.service_labels),
        )

    def clean(self) -> None:
        wrong: dict[str, list[str]] = {}
        if not _is_severity_map(self.severity_map):
            wrong["severity_map"] = [
                "Write words and severities: {“critical”: “P1”, “warning”: “P3”}."
            ]
        if not _is_label_map(self.security_labels):
            wrong["security_labels"] = ["Write labels and lists of values: {“kind”: [“security”]}."]
        if not SEVERITY_CODE.fullmatch(self.default_severity):
            wrong["default_severity"] = ["Write a severity's code, such as P2."]
        if self.mapping and (found := faults(self.mapping)):
            wrong["mapping"] = found
        if (
            self.default_service_id
            and self.team_id
            and self.default_service.team_id != self.team_id
        ):
            wrong["default_service"] = [
                "The default service must be one of the integration's own team."
            ]
        if wrong:
            raise ValidationError(wrong)


class IntegrationKey(models.Model):
    """A key of an integration. Only its hash is kept; the key is shown once.

    Rotating makes a new key and gives the old one an end, so that senders can change over in between.
    """

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=12, help_text="The key's beginning, to tell keys apart.")
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Refused from then on.")

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="integration_key_lives",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


def _is_severity_map(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(code, str) and SEVERITY_CODE.fullmatch(code) for code in value.values()
    )


def _is_label_map(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(words, list) and all(isinstance(word, str) for word in words)
        for words in value.values()
    )
