"""What an admin sets up: the channels, the limits, the inner targets that may be reached."""

from __future__ import annotations

from typing import ClassVar

import pghistory
import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from deadlines.standing import noted


@pghistory.track()
class Channel(models.Model):
    """A way to reach people: one row here and one module in `notifications.channels`."""

    slug = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=60)
    enabled = models.BooleanField(
        default=True, help_text="A channel that is off is stood in for by mail."
    )
    concurrency = models.PositiveSmallIntegerField(
        default=8, validators=[MinValueValidator(1), MaxValueValidator(64)],
        help_text="Messages on their way at once, in each process that sends.",
    )  # fmt: skip

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        ordering: ClassVar[list[str]] = ["slug"]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class PagingLimits(models.Model):
    """The one row of limits; without it the defaults hold."""

    bundle_seconds = models.PositiveSmallIntegerField(
        default=2,
        help_text="After a message to a person the next ones wait this long and go as one. 0 sends each.",
    )
    bundle_cap_seconds = models.PositiveSmallIntegerField(
        default=30, help_text="In a storm the wait doubles with each bundle, up to this."
    )
    bundle_lists = models.PositiveSmallIntegerField(
        default=20, help_text="How many pages a bundle spells out; the rest are counted."
    )
    max_tries = models.PositiveSmallIntegerField(
        default=40, validators=[MinValueValidator(1)],
        help_text="Tries before others are called instead; a page is still tried, once a minute.",
    )  # fmt: skip
    next_method_after = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1)],
        help_text="After this many failed tries the person's next method starts too.",
    )  # fmt: skip
    retry_seconds = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1)],
        help_text="The wait after the first failed try; it doubles.",
    )  # fmt: skip
    retry_cap_seconds = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(1)], help_text="The longest wait between tries."
    )  # fmt: skip
    link_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1)],
        help_text="How long the link of a phone page opens.",
    )  # fmt: skip
    code_minutes = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(1)],
        help_text="How long the code that verifies a contact method holds.",
    )  # fmt: skip
    code_attempts = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1)],
        help_text="Wrong codes before a new one has to be sent.",
    )  # fmt: skip

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted()]
        verbose_name = "paging limits"
        verbose_name_plural = "paging limits"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="paging_limits_are_one_row", condition=Q(id=1))
        ]

    def __str__(self) -> str:
        return "Paging limits"


@pghistory.track()
class AllowedTarget(models.Model):
    """An inner address the portal may connect to though it is not on the public internet."""

    host = models.CharField(
        max_length=200, help_text="A host name, an address, or a network like 10.1.0.0/16."
    )
    port = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text="Empty allows every port.",
    )  # fmt: skip
    reason = models.CharField(max_length=200, help_text="What is there, and who asked for it.")

    class Meta:
        ordering: ClassVar[list[str]] = ["host", "port"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["host", "port"], name="allowed_target_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host
