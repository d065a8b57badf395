"""Channels, limits and allowed targets: for admins."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin

from directory.permissions import is_admin, is_auditor
from notifications.models import AllowedTarget, Channel, PagingLimits


class ForAdmins(ModelAdmin):
    """Admins edit, auditors look."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user) or is_auditor(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user)


@admin.register(Channel)
class ChannelAdmin(ForAdmins):
    """A channel comes with its module; it is turned off here, not deleted."""

    list_display: ClassVar = ["name", "slug", "enabled", "concurrency"]
    readonly_fields: ClassVar = ["slug"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PagingLimits)
class PagingLimitsAdmin(ForAdmins):
    """The one row: the list leads straight to it."""

    fieldsets = (
        ("Bundling", {"fields": ("bundle_seconds", "bundle_cap_seconds", "bundle_lists")}),
        (
            "Trying again",
            {"fields": ("retry_seconds", "retry_cap_seconds", "next_method_after", "max_tries")},
        ),
        ("Links and codes", {"fields": ("link_days", "code_minutes", "code_attempts")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user) and not PagingLimits.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: PagingLimits, form: Any, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        if self.has_view_permission(request) and PagingLimits.objects.exists():
            return redirect("admin:notifications_paginglimits_change", 1)
        page: HttpResponse = super().changelist_view(request, extra_context)
        return page


@admin.register(AllowedTarget)
class AllowedTargetAdmin(ForAdmins):
    """Inner addresses the portal may connect to. Each is a door in a wall: it needs a reason."""

    list_display: ClassVar = ["host", "port", "reason"]
    search_fields: ClassVar = ["host", "reason"]
