"""An incident: something burns, and the procedure runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from directory.models import Service, Team
from incidents.enums import Kind, Status
from incidents.rules.lifecycle import ACTIVE, OPEN, TRANSITIONS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from incidents.models.timeline import TimelineEntry

VIEW_RESTRICTED = "view_restricted"


class Incident(models.Model):
    """One incident, under the version of the procedure that was in force when it was opened (C260)."""

    ref = models.CharField(max_length=24, unique=True, editable=False)
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=16)
    kind = models.CharField(
        max_length=10,
        choices=[(kind.value, kind.value) for kind in Kind],
        default=Kind.STANDARD.value,
    )
    status = models.CharField(
        max_length=14,
        choices=[(status.value, status.value) for status in Status],
        default=Status.TRIGGERED.value,
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="incidents")
    lead_service = models.ForeignKey(
        Service, on_delete=models.PROTECT, null=True, blank=True, related_name="led_incidents"
    )
    services = models.ManyToManyField(Service, blank=True, related_name="incidents")
    version = models.ForeignKey(
        "procedures.ProcedureVersion", on_delete=models.PROTECT, related_name="incidents"
    )

    declared_by_kind = models.CharField(max_length=12, default="portal")
    declared_by_id = models.BigIntegerField(null=True, blank=True)
    declared_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(help_text="When the trouble began, as far as is known.")
    opened_at = models.DateTimeField(
        help_text="When the portal learned of it: every clock starts here."
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True,
        related_name="acknowledged_incidents",
    )  # fmt: skip
    first_update_at = models.DateTimeField(null=True, blank=True)
    mitigated_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True,
        related_name="owned_incidents", help_text="Who has it now.",
    )  # fmt: skip
    user_facing = models.BooleanField(default=False)
    criteria = models.JSONField(default=list, blank=True)
    major = models.BooleanField(default=False)
    breach_confirmed = models.BooleanField(default=False)
    restricted = models.BooleanField(
        default=False, help_text="Seen only by those who were granted it."
    )
    drill = models.BooleanField(default=False, help_text="An exercise; no metric counts it.")
    false_positive = models.BooleanField(default=False)
    false_positive_reason = models.CharField(max_length=500, blank=True)
    run = models.JSONField(default=dict, blank=True, help_text="How far its escalation has come.")
    revision = models.PositiveIntegerField(default=1)
    entries = models.PositiveIntegerField(default=0, help_text="How long its timeline is.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-opened_at", "-id"]
        permissions: ClassVar[list[tuple[str, StrOrPromise]]] = [
            (VIEW_RESTRICTED, "May see this restricted incident"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-opened_at", "-id"], name="incident_newest"),
            models.Index(
                fields=["team", "severity"],
                name="incident_active",
                condition=Q(status__in=sorted(ACTIVE)),
            ),
            models.Index(fields=["id"], name="incident_open", condition=Q(status__in=sorted(OPEN))),
            models.Index(fields=["team", "-opened_at"], name="incident_of_team"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="incident_status_known",
                condition=Q(status__in=[status.value for status in Status]),
            ),
            models.CheckConstraint(
                name="incident_security_is_restricted",
                condition=~Q(kind=Kind.SECURITY.value) | Q(restricted=True),
            ),
            models.CheckConstraint(
                name="incident_closed_knows_when",
                condition=Q(status=Status.CLOSED.value, closed_at__isnull=False)
                | (~Q(status=Status.CLOSED.value) & Q(closed_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="incident_resolved_knows_when",
                condition=Q(
                    status__in=[Status.RESOLVED.value, Status.CLOSED.value],
                    resolved_at__isnull=False,
                )
                | Q(
                    status__in=[
                        Status.TRIGGERED.value,
                        Status.ACKNOWLEDGED.value,
                        Status.MITIGATED.value,
                    ],
                    resolved_at__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="incident_mitigated_knows_when",
                condition=~Q(status=Status.MITIGATED.value) | Q(mitigated_at__isnull=False),
            ),
            models.CheckConstraint(
                name="incident_acknowledged_knows_when",
                condition=Q(
                    status__in=[Status.TRIGGERED.value, Status.RESOLVED.value, Status.CLOSED.value]
                )
                | Q(acknowledged_at__isnull=False),
            ),
            models.CheckConstraint(
                name="incident_false_positive_was_acknowledged",
                condition=Q(false_positive=False) | Q(acknowledged_at__isnull=False),
            ),
            models.CheckConstraint(
                name="incident_started_before_it_was_opened",
                condition=Q(started_at__lte=F("opened_at")),
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.FSM(
                name="lifecycle",
                field="status",
                transitions=[
                    (old.value, new.value)
                    for old, news in TRANSITIONS.items()
                    for new in sorted(news)
                ],
            ),
            pgtrigger.Protect(name="keep", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="frozen", fields=["ref", "opened_at", "version", "drill", "declared_by"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    def get_absolute_url(self) -> str:
        return f"/incidents/{self.ref}/"

    @cached_property
    def unwritten(self) -> list[TimelineEntry]:
        """Entries of its timeline that are written when the verb that made them keeps the incident."""
        return []

    @property
    def active(self) -> bool:
        """Triggered, acknowledged, or mitigated and not yet verified."""
        return self.status in ACTIVE


class IncidentUserGrant(UserObjectPermissionBase):
    """A person's object permission on one incident, kept beside it."""

    content_object = models.ForeignKey(Incident, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name = "grant to a person"


class IncidentGroupGrant(GroupObjectPermissionBase):
    """A group's object permission on one incident, kept beside it."""

    content_object = models.ForeignKey(Incident, on_delete=models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        verbose_name = "grant to a group"
