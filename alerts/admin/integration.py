"""An integration: how its words are read, its keys, its test."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, ForeignKey, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action, display

from alerts import services
from alerts.enums import AlertState, IntegrationKind
from alerts.models import HeartbeatMonitor, Integration, IntegrationKey
from alerts.queries import address_of, editable_integrations
from directory.admin.dialogs import leave_for
from directory.models import Service, Team, User
from directory.permissions import actor_of, editable_teams, is_admin, may_edit_team
from procedures.models import ProcedureVersion
from procedures.queries import current_version, policy_of


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


class IntegrationForm(forms.ModelForm[Integration]):
    """Checks that the severities exist in the team's procedure, so that no alert meets an unknown one."""

    class Meta:
        model = Integration
        fields = (
            "name", "slug", "kind", "team", "default_service", "enabled", "severity_map", "severity_labels",
            "default_severity", "service_labels", "security_labels", "mapping", "group_window_seconds",
            "resolve_mode", "rate_per_minute", "all_teams",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        team = cleaned.get("team")
        if team is not None:
            self._check_severities(team, cleaned)
        return cleaned

    def _check_severities(self, team: Team, cleaned: dict[str, Any]) -> None:
        try:
            policy = policy_of(current_version(team.procedure_id).pk)
        except ProcedureVersion.DoesNotExist:
            return
        known = [severity.code for severity in policy.severities]
        mapped = cleaned.get("severity_map")
        if isinstance(mapped, dict):
            unknown = sorted({str(code) for code in mapped.values()} - set(known))
            if unknown:
                self.add_error(
                    "severity_map",
                    f"The procedure of {team} knows {', '.join(known)}, not {', '.join(unknown)}.",
                )
        if cleaned.get("default_severity") not in known:
            self.add_error("default_severity", f"One of {', '.join(known)}.")


class KeyInline(TabularInline):
    """The keys by their beginnings; they are made and withdrawn by the buttons above."""

    model = IntegrationKey
    extra = 0
    max_num = 0
    can_delete = False
    fields = ("prefix", "created_at", "created_by", "expires_at")
    readonly_fields = fields
    verbose_name_plural = "keys (each was shown once, when it was made)"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class HeartbeatInline(StackedInline):
    """How often it must be heard from."""

    model = HeartbeatMonitor
    extra = 1
    max_num = 1
    can_delete = False
    fields = ("interval_seconds", "grace_seconds", "severity", "state", "last_beat_at", "beats")
    readonly_fields = ("state", "last_beat_at", "beats")


@admin.register(Integration)
class IntegrationAdmin(ModelAdmin):
    """Admins edit every integration, a manager those of their team. Alerts keep it: it is never deleted."""

    form = IntegrationForm
    list_display = (
        "name",
        "kind",
        "team",
        "default_service",
        "open_alerts",
        "last_alert",
        "enabled",
    )
    list_filter = ("kind", "enabled")
    list_select_related = ("team", "default_service")
    search_fields = ("name", "slug")
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    actions_detail = ("send_test", "rotate", "withdraw_older")
    fieldsets = (
        (None, {"fields": ("name", "slug", "kind", "team", "default_service", "enabled", "address")}),
        ("What an alert means", {"fields": (
            "severity_map", "severity_labels", "default_severity", "service_labels", "security_labels",
            "mapping",
        )}),
        ("What becomes of it", {"fields": (
            "group_window_seconds", "resolve_mode", "rate_per_minute", "all_teams",
        )}),
    )  # fmt: skip

    # --- who may -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        """With the count of open alerts; those of restricted incidents are in no count."""
        open_to_all = Q(alerts__incident__isnull=True) | Q(alerts__incident__restricted=False)
        return (
            editable_integrations(request.user)
            .annotate(
                open_count=Count(
                    "alerts", filter=~Q(alerts__state=AlertState.RESOLVED.value) & open_to_all
                ),
                newest_at=Max("alerts__first_seen_at", filter=open_to_all),
            )
            .order_by("name", "id")
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and editable_teams(request.user).exists()

    def has_view_permission(self, request: HttpRequest, obj: Integration | None = None) -> bool:
        return self._edits(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._edits(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Integration | None = None) -> bool:
        return self._edits(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Integration | None = None) -> bool:
        return False

    def has_key_permission(self, request: HttpRequest, object_id: str) -> bool:
        return self.get_object(request, object_id) is not None

    def _edits(self, request: HttpRequest, obj: Integration | None) -> bool:
        if obj is None:
            return self.has_module_permission(request)
        return may_edit_team(_person(request), obj.team_id)

    # --- the form ------------------------------------------------------------------------------

    def get_readonly_fields(
        self, request: HttpRequest, obj: Integration | None = None
    ) -> list[str]:
        fixed = ["address"]
        if obj:
            fixed += ["kind", "slug"]
        if not is_admin(request.user):
            fixed.append("all_teams")
        return fixed

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Integration | None = None
    ) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def get_inlines(self, request: HttpRequest, obj: Integration | None) -> list[Any]:
        if obj is None:
            return []
        return (
            [HeartbeatInline, KeyInline] if obj.kind == IntegrationKind.HEARTBEAT else [KeyInline]
        )

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        teams = editable_teams(request.user)
        if db_field.name == "team":
            kwargs["queryset"] = teams
        if db_field.name == "default_service":
            kwargs["queryset"] = Service.objects.filter(team__in=teams, active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Integration, form: Any, change: bool) -> None:
        now = timezone.now()
        super().save_model(request, obj, form, change)
        if change:
            return
        if obj.kind == IntegrationKind.HEARTBEAT:
            services.make_monitor(
                obj, interval_seconds=300, grace_seconds=60, severity=obj.default_severity, now=now
            )
        made = services.create_key(obj.pk, actor=actor_of(_person(request)), now=now)
        self._show_key(request, obj, made.key)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        monitor = HeartbeatMonitor.objects.filter(integration=form.instance).first()
        if monitor is None:
            return
        if form.instance.enabled:
            services.watch(monitor, now=timezone.now())
        else:
            services.stop_watching(monitor, now=timezone.now())

    # --- what is shown -------------------------------------------------------------------------

    @display(description="open alerts", ordering="open_count")
    def open_alerts(self, integration: Integration) -> int:
        return integration.open_count  # type: ignore[attr-defined]

    @display(description="last new alert", ordering="newest_at")
    def last_alert(self, integration: Integration) -> Any:
        return integration.newest_at or "none yet"  # type: ignore[attr-defined]

    @display(description="send to")
    def address(self, integration: Integration) -> str:
        return address_of(integration) if integration.kind else "shown once it is saved"

    # --- the buttons ---------------------------------------------------------------------------

    @action(description="Send test alert", url_path="send-test", permissions=["key"])
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the page that shows how far a test comes; nothing is sent by this step."""
        return redirect("test-alert", int(object_id))

    @action(
        description="New key",
        url_path="rotate",
        permissions=["key"],
        dialog={
            "title": "Make a new key?",
            "description": "The keys before it stay good for 7 days, so that senders can change over.",
        },
    )
    def rotate(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        integration = self.get_queryset(request).get(pk=object_id)
        made = services.rotate_key(
            integration.pk, actor=actor_of(_person(request)), now=timezone.now()
        )
        self._show_key(request, integration, made.key)
        return _back_to(request, integration)

    @action(
        description="Withdraw older keys",
        url_path="withdraw-older",
        permissions=["key"],
        dialog={
            "title": "Withdraw all keys but the newest?",
            "description": "Whoever still sends with one of them is refused at once.",
        },
    )
    def withdraw_older(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        integration = self.get_queryset(request).get(pk=object_id)
        older = list(integration.keys.order_by("-created_at", "-id")[1:])
        for key in older:
            services.withdraw_key(key, now=timezone.now())
        messages.success(request, f"{len(older)} older keys are withdrawn.")
        return _back_to(request, integration)

    def _show_key(self, request: HttpRequest, integration: Integration, key: str) -> None:
        messages.warning(
            request,
            format_html(
                "The key is <code>{}</code>. It is shown now and never again. Send to <code>{}</code>.",
                key,
                address_of(integration).replace("KEY", key),
            ),
        )


def _back_to(request: HttpRequest, integration: Integration) -> HttpResponse:
    return leave_for(request, reverse("admin:alerts_integration_change", args=[integration.pk]))
