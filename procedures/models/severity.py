"""Severities and the criteria that make an incident one."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from procedures.models.fields import SpanField
from procedures.models.procedure import Procedure
from procedures.models.rows import (
    CLOCKS,
    Measured,
    Placed,
    clause_field,
    name_field,
    slug_field,
    text_field,
    words,
)


class Severity(Placed):
    """A severity: how it is told from the others, and what is owed at it."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="severities")
    code = models.CharField(max_length=80, help_text="Like P1.")
    rank = models.PositiveSmallIntegerField(help_text="1 is the worst.")
    name = name_field()
    impact = text_field()
    impact_clause = clause_field()
    response = text_field()
    response_clause = clause_field()
    examples = words()
    examples_clause = clause_field()
    acknowledge_within = SpanField(help_text='Like "5m"; empty means no clock.')
    acknowledge_clock = models.CharField(max_length=10, choices=CLOCKS, default="elapsed")
    acknowledge_clause = clause_field()
    first_update_within = SpanField(help_text="Empty means no clock.")
    first_update_clause = clause_field()
    update_every = SpanField(help_text="From the first update on, until resolved (X20).")
    update_is_reminder = models.BooleanField(
        default=False, help_text="A late update is a reminder, not a miss (C134)."
    )
    update_clause = clause_field()
    resolve_within = SpanField(help_text='Like "4h" or "1 business day"; empty means no clock.')
    resolve_clause = clause_field()
    clock = models.CharField(
        max_length=10,
        choices=CLOCKS,
        default="elapsed",
        help_text="On which hours the first update, the resolution and the path's steps run (X2).",
    )
    pages = models.BooleanField(default=True, help_text="Whether anybody is paged at all.")
    hold_until_business_hours = models.BooleanField(
        default=False, help_text="Pages wait for business hours, and are shown as held (C64)."
    )
    wake_after_ack = models.BooleanField(
        default=True, help_text="Whether later steps still wake once it is acknowledged (X2)."
    )
    backlog = models.BooleanField(default=False, help_text="Becomes a backlog item (C71).")
    incident_channel = models.BooleanField(
        default=False, help_text="Whether it gets a chat channel of its own (X22)."
    )
    freezes_deploys = models.BooleanField(
        default=False, help_text="Whether deployments stop while it is active (C221)."
    )
    war_room = models.CharField(
        max_length=10,
        choices=[("automatic", "Automatic"), ("proposed", "Proposed"), ("never", "Never")],
        default="never",
        help_text="X25",
    )
    postmortem = models.CharField(
        max_length=10,
        choices=[
            ("required", "Required"),
            ("offered", "Offered; declining takes a reason"),
            ("button", "A button"),
        ],
        default="button",
        help_text="X7",
    )
    postmortem_clause = clause_field()
    public_update = models.CharField(
        max_length=16,
        choices=[("always", "Always"), ("if user-facing", "If user-facing"), ("no", "No")],
        default="no",
        help_text="Whether the status page must be updated before it is resolved.",
    )
    public_update_clause = clause_field()
    customer_mail = models.CharField(
        max_length=16,
        choices=[("always", "Always"), ("if down longer", "If down longer than"), ("no", "No")],
        default="no",
    )
    customer_mail_downtime_over = SpanField(help_text="The downtime over which customers are told.")
    customer_mail_clause = clause_field()
    also_clauses = words("Further clauses and readings, one per line.")

    class Meta:
        ordering: ClassVar[list[str]] = ["procedure", "position", "id"]
        verbose_name_plural = "severities"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["procedure", "code"], name="severity_code_once"),
            models.UniqueConstraint(
                fields=["procedure", "rank"],
                name="severity_rank_once",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} - {self.name}"


class Criterion(Measured):
    """One reason for a severity. The worst criterion that holds decides."""

    severity = models.ForeignKey(Severity, models.CASCADE, related_name="criteria")
    key = slug_field()
    text = models.TextField()
    flag = models.CharField(
        max_length=40, blank=True, default="", help_text="What ticking it says, like data_loss."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["severity", "position", "id"]
        verbose_name_plural = "criteria"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["severity", "key"], name="criterion_key_once"),
        ]

    def __str__(self) -> str:
        return self.text
