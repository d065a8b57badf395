"""Phases, log locations, recipes, playbooks and runbooks."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from procedures.admin.rows import DraftAdmin, LineRows
from procedures.models import (
    LogLocation,
    Phase,
    PhaseItem,
    Playbook,
    PlaybookAction,
    Recipe,
    RecipeStep,
    Runbook,
)


class PhaseItemRows(LineRows):
    model = PhaseItem


class RecipeStepRows(LineRows):
    model = RecipeStep


class PlaybookActionRows(LineRows):
    model = PlaybookAction


@admin.register(Phase)
class PhaseAdmin(DraftAdmin):
    list_display: ClassVar = [
        "name",
        "procedure",
        "objective",
        "begins_after",
        "ends_after",
        "clause",
    ]
    search_fields: ClassVar = ["name", "objective", "items__text"]
    inlines: ClassVar = [PhaseItemRows]


@admin.register(LogLocation)
class LogLocationAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "procedure", "service", "command", "clause"]
    search_fields: ClassVar = ["name", "service", "command"]


@admin.register(Recipe)
class RecipeAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "procedure", "clause"]
    search_fields: ClassVar = ["name", "steps__text", "steps__command"]
    inlines: ClassVar = [RecipeStepRows]


@admin.register(Playbook)
class PlaybookAdmin(DraftAdmin):
    list_display: ClassVar = [
        "name",
        "procedure",
        "service",
        "escalate_within",
        "runbook",
        "clause",
    ]
    search_fields: ClassVar = ["name", "symptoms", "actions__text"]
    inlines: ClassVar = [PlaybookActionRows]


@admin.register(Runbook)
class RunbookAdmin(DraftAdmin):
    list_display: ClassVar = ["title", "procedure", "path", "clause"]
    search_fields: ClassVar = ["title", "path"]
