"""A feed: a secret address under which a calendar reads somebody's shifts, or a rota's."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from rotations.models.rota import Rota


class Feed(models.Model):
    """What its person may see, and no more. Only the key's hash is kept; the address is shown once.

    Without a rota: the person's own shifts.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shift_feeds"
    )
    rota = models.ForeignKey(
        Rota, on_delete=models.CASCADE, null=True, blank=True, related_name="feeds"
    )
    prefix = models.CharField(max_length=16, help_text="The key's beginning, to tell keys apart.")
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "rota"], condition=Q(revoked_at__isnull=True),
                nulls_distinct=False, name="feed_one_of_each",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"
