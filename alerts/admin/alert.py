"""The alerts, to look at: only the services change them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.models import Alert
from alerts.queries import visible_alerts

RAW_SHOWN = 4000


@admin.register(Alert)
class AlertAdmin(ModelAdmin):
    """Those of the incidents the person may see; a restricted incident's alerts are hidden with it."""

    list_display = (
        "title", "state", "severity", "times", "service", "integration", "incident_link", "first_seen_at",
        "last_seen_at",
    )  # fmt: skip
    list_filter = ("state", "severity", "kind", ("first_seen_at", admin.DateFieldListFilter))
    list_select_related = ("service", "integration", "incident")
    search_fields = ("title", "dedup_key", "rule", "source")
    show_full_result_count = False
    list_per_page = 50
    fieldsets = (
        (None, {"fields": (
            "title", "description", "state", "times", "severity_told", "kind", "rule", "source", "service",
            "integration", "incident_link", "dedup_key",
        )}),
        ("When", {"fields": (
            "started_at", "first_seen_at", "last_seen_at", "acknowledged_at", "resolved_at", "resolved_by",
        )}),
        ("False positive", {"fields": ("false_positive_at", "false_positive_by", "false_positive_reason")}),
        ("What came", {"fields": ("links_shown", "labels_shown", "payload_shown", "raw_shown")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return visible_alerts(request.user).order_by("-first_seen_at", "-id")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="told", ordering="count")
    def times(self, alert: Alert) -> str:
        return "once" if alert.count == 1 else f"{alert.count} times"

    @display(description="severity")
    def severity_told(self, alert: Alert) -> str:
        return (
            f"{alert.severity} (“{alert.severity_word}”)" if alert.severity_word else alert.severity
        )

    @display(description="incident", ordering="incident__ref")
    def incident_link(self, alert: Alert) -> str | SafeString:
        if alert.incident is None:
            return "none yet"
        return format_html(
            '<a href="{}">{}</a>', alert.incident.get_absolute_url(), alert.incident.ref
        )

    @display(description="links")
    def links_shown(self, alert: Alert) -> SafeString:
        rows = ((link["href"], link["label"]) for link in alert.links)
        return format_html_join(" · ", '<a href="{}" rel="noreferrer noopener">{}</a>', rows)

    @display(description="labels")
    def labels_shown(self, alert: Alert) -> SafeString:
        rows = ((name, value) for name, value in sorted(alert.labels.items()))
        return format_html_join("", "<div><b>{}</b> {}</div>", rows)

    @display(description="first event, cleaned")
    def payload_shown(self, alert: Alert) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(alert.payload, indent=2, ensure_ascii=False))

    @display(description="as it came")
    def raw_shown(self, alert: Alert) -> SafeString:
        text = bytes(alert.raw)[:RAW_SHOWN].decode("utf-8", "backslashreplace")
        return format_html("<pre>{}</pre>", text)
