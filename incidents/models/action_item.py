"""What is left to do after, or instead of, an incident."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from directory.models import Team
from incidents.models.incident import Incident


class ActionItem(models.Model):
    """Something owed, with an owner and a due date (C71)."""

    incident = models.ForeignKey(
        Incident, on_delete=models.PROTECT, null=True, blank=True, related_name="action_items"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="action_items")
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True,
        related_name="action_items", help_text="Nobody: the team's managers answer for it.",
    )  # fmt: skip
    due_on = models.DateField()
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    clause = models.CharField(max_length=20, blank=True)
    source = models.CharField(max_length=20, default="backlog")

    class Meta:
        ordering: ClassVar[list[str]] = ["due_on", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["due_on", "id"],
                name="action_item_open",
                condition=models.Q(done_at__isnull=True),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["incident", "source"],
                name="action_item_one_backlog_item",
                condition=models.Q(source="backlog"),
            ),
        ]

    def __str__(self) -> str:
        return self.title
