"""The outbox: who is called for what, over which ways, and each attempt. A row is never lost, only ended."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from notifications.enums import Lane, Outcome, PageOutState, PageState, Purpose, Reply, Urgency


class PageOut(models.Model):
    """One person called once: one subject, one step, one round. It fans out into pages."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(
        max_length=8, choices=[(p, p.value) for p in Purpose], default=Purpose.PAGE
    )
    subject_type = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
        related_name="page_outs", help_text="Empty for somebody outside, reached by address.",
    )  # fmt: skip
    address = models.CharField(max_length=500, blank=True)
    team_id = models.BigIntegerField(null=True, blank=True)
    step_key = models.CharField(max_length=120)
    step_label = models.CharField(max_length=200, blank=True)
    clause = models.CharField(max_length=20, blank=True)
    round = models.PositiveIntegerField(default=0)
    urgency = models.CharField(
        max_length=4, choices=[(u, u.value) for u in Urgency], default=Urgency.HIGH
    )
    severity = models.CharField(max_length=20, blank=True)
    state = models.CharField(
        max_length=12, choices=[(s, s.value) for s in PageOutState], default=PageOutState.WAITING
    )
    reason = models.CharField(
        max_length=300, blank=True, help_text="Why it ended without an answer."
    )
    allowed_kinds = ArrayField(
        models.CharField(max_length=10), null=True, blank=True,
        help_text="The kinds of contact methods the procedure allows; empty allows each.",
    )  # fmt: skip
    message = models.JSONField(
        default=dict, blank=True, editable=False,
        help_text="What is said, when no provider of the subject builds it.",
    )  # fmt: skip
    created_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(
        null=True, blank=True, help_text="When the link was first followed."
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=12, choices=[(r, r.value) for r in Reply], blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    exhausted_at = models.DateTimeField(null=True, blank=True)
    exhaustion_told_at = models.DateTimeField(null=True, blank=True, editable=False)
    token_salt = models.CharField(max_length=43, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token_expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "step_key", "round", "user", "address"],
                name="page_out_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="page_out_has_somebody", condition=Q(user__isnull=False) | ~Q(address="")
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-created_at"], name="page_out_of_person"),
            models.Index(
                fields=["id"], name="page_out_untold",
                condition=Q(exhausted_at__isnull=False, exhaustion_told_at__isnull=True),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.step_label or self.step_key} ({self.state})"


class Page(models.Model):
    """One message to one address over one channel. `next_try_at` is when it is next looked at.

    While it is being sent that is the end of the lease, so that a dead sender's work comes back.
    """

    page_out = models.ForeignKey(PageOut, on_delete=models.CASCADE, related_name="pages")
    method = models.ForeignKey(
        "notifications.ContactMethod", null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    channel = models.SlugField(max_length=30, help_text="The channel that is really used.")
    instead_of = models.SlugField(
        max_length=30, blank=True, help_text="The channel it stands in for, which is not set up."
    )
    address = models.CharField(max_length=500)
    lane = models.CharField(max_length=8, choices=[(x, x.value) for x in Lane], default=Lane.HIGH)
    position = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(
        max_length=12, choices=[(s, s.value) for s in PageState], default=PageState.PENDING
    )
    not_before = models.DateTimeField()
    next_try_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    leased_by = models.CharField(max_length=120, blank=True)
    tries = models.PositiveIntegerField(default=0)
    claims = models.PositiveIntegerField(
        default=0, help_text="Claims since the last result; too many put it into quarantine."
    )
    error = models.CharField(max_length=500, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    delivery_key = models.CharField(max_length=60, unique=True)
    bundle = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="bundled",
        help_text="The page whose message spoke for this one too.",
    )  # fmt: skip
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When `page_sent` was announced."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_try_at", "id"], name="page_due",
                condition=Q(state__in=["pending", "held", "sending"]),
            ),
            models.Index(
                fields=["channel", "address", "lane"], name="page_open_of_address",
                condition=Q(state__in=["pending", "held", "sending"]),
            ),
            models.Index(
                fields=["id"], name="page_untold",
                condition=Q(sent_at__isnull=False, told_at__isnull=True),
            ),
            models.Index(fields=["id"], name="page_quarantined", condition=Q(state="quarantined")),
        ]  # fmt: skip
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="page_sending_is_leased",
                condition=~Q(state="sending") | Q(lease_until__isnull=False) & ~Q(leased_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.address} ({self.state})"


class Attempt(models.Model):
    """One try to send a page, written before the message is handed over, and what the channel answered."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=10, choices=[(o, o.value) for o in Outcome], default=Outcome.BEGUN
    )
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="attempt_begun_or_finished",
                condition=Q(outcome="begun", finished_at__isnull=True)
                | (~Q(outcome="begun") & Q(finished_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M:%S} UTC: {self.outcome}"


class Pace(models.Model):
    """Until when one address is left in peace on one lane: what comes meanwhile goes as one message."""

    channel = models.SlugField(max_length=30)
    address = models.CharField(max_length=500)
    lane = models.CharField(max_length=8)
    quiet_until = models.DateTimeField()
    streak = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["channel", "address", "lane"], name="pace_once")
        ]

    def __str__(self) -> str:
        return f"{self.address} quiet until {self.quiet_until:%H:%M:%S} UTC"
