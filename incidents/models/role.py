"""Who is what on an incident."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from incidents.enums import RoleName
from incidents.models.incident import Incident


class IncidentRole(models.Model):
    """A person in a role of one incident, since when."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=30, choices=[(role.value, role.value) for role in RoleName])
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="incident_roles"
    )
    since = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["role", "since", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["incident", "role", "user"], name="incident_role_once"),
            models.UniqueConstraint(
                fields=["incident", "role"],
                name="incident_role_held_by_one",
                condition=models.Q(
                    role__in=[
                        RoleName.COMMANDER.value,
                        RoleName.OPS_LEAD.value,
                        RoleName.COMMUNICATIONS_LEAD.value,
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.user}"
