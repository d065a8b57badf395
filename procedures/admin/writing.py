"""Checklists, templates, the post-mortem's sections, the war room and single settings."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from procedures.admin.rows import DraftAdmin, LineRows, TabularRows
from procedures.models import (
    Checklist,
    ChecklistItem,
    MessageTemplate,
    PostmortemField,
    PostmortemSection,
    Setting,
    WarRoomRole,
    WarRoomTrigger,
)


class ChecklistItemRows(LineRows):
    model = ChecklistItem


class PostmortemFieldRows(TabularRows):
    model = PostmortemField


@admin.register(Checklist)
class ChecklistAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "procedure", "section", "every", "when", "clause"]
    list_filter: ClassVar = ["procedure", "section", "every"]
    search_fields: ClassVar = ["name", "items__text"]
    inlines: ClassVar = [ChecklistItemRows]


@admin.register(MessageTemplate)
class MessageTemplateAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "procedure", "kind", "state", "clause"]
    list_filter: ClassVar = ["procedure", "kind"]
    search_fields: ClassVar = ["name", "text"]


@admin.register(PostmortemSection)
class PostmortemSectionAdmin(DraftAdmin):
    list_display: ClassVar = ["heading", "procedure", "required", "clause"]
    search_fields: ClassVar = ["heading", "fields__label"]
    inlines: ClassVar = [PostmortemFieldRows]


@admin.register(WarRoomTrigger)
class WarRoomTriggerAdmin(DraftAdmin):
    list_display: ClassVar = ["text", "procedure", "kind", "after", "clause"]
    search_fields: ClassVar = ["text"]


@admin.register(WarRoomRole)
class WarRoomRoleAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "procedure", "duty", "automatic", "clause"]
    search_fields: ClassVar = ["name", "duty"]


@admin.register(Setting)
class SettingAdmin(DraftAdmin):
    list_display: ClassVar = ["key", "procedure", "value", "about", "clause"]
    list_filter: ClassVar = ["procedure", "kind"]
    search_fields: ClassVar = ["key", "about"]
    fields: ClassVar = [
        "procedure",
        ("key", "kind"),
        "value",
        "about",
        ("clause", "also_clauses"),
        "position",
    ]
