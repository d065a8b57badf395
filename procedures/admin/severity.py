"""Severities with their criteria."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from procedures.admin.rows import DraftAdmin, StackedRows
from procedures.models import Criterion, Severity


class CriterionRows(StackedRows):
    model = Criterion
    fields: ClassVar = [
        "position",
        "key",
        "text",
        ("measure", "comparison", "threshold", "unit"),
        "flag",
        "clause",
        "also_clauses",
    ]


@admin.register(Severity)
class SeverityAdmin(DraftAdmin):
    list_display: ClassVar = [
        "code",
        "name",
        "procedure",
        "acknowledge_within",
        "first_update_within",
        "update_every",
        "resolve_within",
        "clock",
        "pages",
    ]
    search_fields: ClassVar = ["code", "name", "impact", "response", "criteria__text"]
    inlines: ClassVar = [CriterionRows]
    fieldsets: ClassVar = [
        (None, {"fields": ["procedure", ("code", "rank", "name"), "position"]}),
        (
            "What is owed",
            {
                "fields": [
                    ("acknowledge_within", "acknowledge_clock", "acknowledge_clause"),
                    ("first_update_within", "first_update_clause"),
                    ("update_every", "update_is_reminder", "update_clause"),
                    ("resolve_within", "resolve_clause"),
                    "clock",
                ]
            },
        ),
        (
            "Whom it wakes",
            {
                "fields": [
                    ("pages", "hold_until_business_hours", "wake_after_ack", "backlog"),
                    ("incident_channel", "freezes_deploys", "war_room"),
                ]
            },
        ),
        (
            "How it is told",
            {
                "fields": [
                    ("impact", "impact_clause"),
                    ("response", "response_clause"),
                    ("examples", "examples_clause"),
                ]
            },
        ),
        (
            "Afterwards",
            {
                "fields": [
                    ("postmortem", "postmortem_clause"),
                    ("public_update", "public_update_clause"),
                    (
                        "customer_mail",
                        "customer_mail_downtime_over",
                        "customer_mail_clause",
                    ),
                    "also_clauses",
                ]
            },
        ),
    ]
