"""The outbox in the admin: to look at; the one button tries a message again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from directory.admin.scoped import person
from directory.permissions import is_admin, is_auditor, managed_team_ids
from notifications.admin.buttons import Button, Refused, WithButtons
from notifications.enums import PageState
from notifications.models import Attempt, Page, PageOut
from notifications.permissions import visible_page_outs
from notifications.services import retry_page


class Looked:
    """Managers, admins and auditors look; nobody adds, edits or deletes."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user) or is_auditor(request.user) or _manages(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _manages(request: HttpRequest) -> bool:
    return bool(managed_team_ids(person(request)))


def _may_retry(request: HttpRequest, page: Page) -> bool:
    return page.state in (PageState.QUARANTINED, PageState.FAILED) and (
        is_admin(request.user) or page.page_out.team_id in managed_team_ids(person(request))
    )


def _retry(request: HttpRequest, page: Page) -> str:
    if not retry_page(page.pk, now=timezone.now()):
        raise Refused("It is no longer wanted: the call was answered or ended meanwhile.")
    return "It is tried again now."


class PageRows(Looked, TabularInline):
    model = Page
    fk_name = "page_out"
    extra = 0
    fields: ClassVar = ["channel", "address", "state", "tries", "sent_at", "delivered_at", "error"]
    readonly_fields = fields
    show_change_link = True
    can_delete = False


class AttemptRows(Looked, TabularInline):
    model = Attempt
    extra = 0
    fields: ClassVar = ["started_at", "finished_at", "outcome", "answer"]
    readonly_fields = fields
    can_delete = False


@admin.register(PageOut)
class PageOutAdmin(Looked, ModelAdmin):
    """Who was called for what, and what they said. Never the link or the words."""

    list_display: ClassVar = [
        "created_at", "user", "step_label", "clause", "severity", "round", "state", "answer",
        "held_until",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "purpose", "urgency", "severity"]
    list_select_related: ClassVar = ["user"]
    search_fields: ClassVar = ["user__name", "user__email", "step_label", "clause"]
    date_hierarchy = "created_at"
    inlines: ClassVar = [PageRows]
    fields: ClassVar = [
        "user", "address", "purpose", "subject_type", "subject_id", "step_label", "clause", "round",
        "urgency", "severity", "state", "reason", "created_at", "held_until", "sent_at", "opened_at",
        "answer", "answered_at", "acknowledged_at", "exhausted_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible_page_outs(person(request)).order_by("-created_at", "-id")


@admin.register(Page)
class PageAdmin(Looked, WithButtons):
    """Single messages; one that was set aside or given up can be tried again."""

    list_display: ClassVar = [
        "created_at", "page_out", "channel", "instead_of", "address", "state", "tries",
        "next_try_at", "sent_at", "error",
    ]  # fmt: skip
    list_filter: ClassVar = ["state", "channel", "lane"]
    list_select_related: ClassVar = ["page_out"]
    search_fields: ClassVar = ["address", "delivery_key", "error"]
    date_hierarchy = "created_at"
    inlines: ClassVar = [AttemptRows]
    fields: ClassVar = [
        "page_out", "channel", "instead_of", "address", "lane", "state", "not_before", "next_try_at",
        "lease_until", "leased_by", "tries", "claims", "error", "answer", "provider_id",
        "delivery_key", "bundle", "created_at", "sent_at", "delivered_at",
    ]  # fmt: skip
    buttons = (Button("retry", "Retry now", _retry, _may_retry),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            Page.objects.filter(page_out__in=visible_page_outs(person(request)).values("pk"))
            .select_related("page_out")
            .order_by("-id")
        )
