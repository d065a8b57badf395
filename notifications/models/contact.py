"""How one person wants to be reached."""

from __future__ import annotations

from typing import ClassVar

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models

from deadlines.standing import noted
from notifications.enums import MethodKind, Urgency


@pghistory.track(exclude=["code_salt", "code_attempts"])
class ContactMethod(models.Model):
    """One address of a person on one channel. Only a verified one is used."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="contact_methods"
    )
    kind = models.CharField(max_length=10, choices=[(k, k.value) for k in MethodKind])
    channel = models.SlugField(
        max_length=30, help_text="How it is reached: mail, webhook …; one that is not set up is stood in for by mail."
    )  # fmt: skip
    address = models.CharField(max_length=500)
    position = models.PositiveSmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    code_salt = models.CharField(max_length=40, blank=True, editable=False)
    code_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    code_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["user_id", "position", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "kind", "channel", "address"], name="contact_method_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.address}"

    @property
    def usable(self) -> bool:
        return self.enabled and self.verified_at is not None


@pghistory.track()
class NotificationRule(models.Model):
    """A person's wish: for this urgency, use this method so many seconds after the page was made."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_rules"
    )
    urgency = models.CharField(
        max_length=4, choices=[(u, u.value) for u in Urgency], default=Urgency.HIGH
    )
    after_seconds = models.PositiveIntegerField(default=0)
    method = models.ForeignKey(ContactMethod, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = [
            "user_id", "urgency", "after_seconds", "position", "id",
        ]  # fmt: skip
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "urgency", "method", "after_seconds"], name="notification_rule_once"
            )
        ]

    def __str__(self) -> str:
        when = f"after {self.after_seconds} s" if self.after_seconds else "at once"
        return f"{self.urgency}: {self.method} {when}"
