"""Roles, rotas' rules and chat channels."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from procedures.admin.rows import DraftAdmin, TabularRows
from procedures.models import ChatChannel, Role, RoleMethod, RotaRule


class MethodRows(TabularRows):
    model = RoleMethod


@admin.register(Role)
class RoleAdmin(DraftAdmin):
    list_display: ClassVar = [
        "name",
        "procedure",
        "from_rota",
        "tertiary",
        "backup_required",
        "backup_role",
        "clause",
    ]
    search_fields: ClassVar = ["name", "slug"]
    inlines: ClassVar = [MethodRows]


@admin.register(RotaRule)
class RotaRuleAdmin(DraftAdmin):
    list_display: ClassVar = [
        "name",
        "procedure",
        "level",
        "length",
        "unit",
        "handoff_weekday",
        "handoff_time",
        "derived_from",
    ]
    search_fields: ClassVar = ["name"]


@admin.register(ChatChannel)
class ChatChannelAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "procedure", "purpose", "what_is_posted", "clause"]
    search_fields: ClassVar = ["name", "purpose"]

    @admin.display(description="routes")
    def what_is_posted(self, channel: ChatChannel) -> str:
        return ", ".join(channel.routes)
