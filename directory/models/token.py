"""A key to the JSON API."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class ApiToken(models.Model):
    """One person's key to the API. Only its hash is kept; the key is shown once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=120, help_text="What uses it.")
    prefix = models.CharField(max_length=16, help_text="The key's beginning, to tell keys apart.")
    sha256 = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(
        models.CharField(max_length=40), default=list, blank=True,
        help_text="Empty: all that the person may do. “read”: reading only.",
    )  # fmt: skip
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
