"""Services in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin

from directory.admin.scoped import TeamScopedAdmin
from directory.models import Service


@admin.register(Service)
class ServiceAdmin(TeamScopedAdmin):
    """What alerts and incidents are about; edited by its team's manager."""

    list_display = ("name", "team", "user_facing", "active")
    list_filter = ("team", "user_facing", "active")
    list_select_related = ("team",)
    search_fields = ("name", "slug", "description")
    autocomplete_fields: ClassVar[list[str]] = ["smes"]
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    fieldsets = (
        (
            None,
            {"fields": ("name", "slug", "team", "description", ("user_facing", "active"), "smes")},
        ),
        ("Links", {"fields": ("runbook_url", "dashboard_url", "logs_url")}),
    )

    def get_prepopulated_fields(self, request: Any, obj: Service | None = None) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)
