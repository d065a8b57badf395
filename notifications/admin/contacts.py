"""Contact methods and notification rules: one's own, and for admins everybody's."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from directory.admin.scoped import person
from directory.models import User
from directory.permissions import is_admin, is_auditor
from notifications.admin.buttons import Button, Refused, WithButtons
from notifications.channels.webhook import secret_for
from notifications.models import ContactMethod, NotificationRule
from notifications.permissions import may_change_method, visible_methods
from notifications.services import (
    CodeRefused,
    change_address,
    send_code,
    send_test_message,
    verify_code,
)
from notifications.services.contacts import clean_address


def _is_own(request: HttpRequest, method: ContactMethod) -> bool:
    return method.user_id == request.user.pk


def _may_verify(request: HttpRequest, method: ContactMethod) -> bool:
    return method.verified_at is None and may_change_method(person(request), method)


def _send_code(request: HttpRequest, method: ContactMethod) -> str:
    try:
        send_code(method.pk, now=timezone.now())
    except CodeRefused as error:
        raise Refused(str(error)) from error
    return f"A code is on its way to {method.address}."


def _verify(request: HttpRequest, method: ContactMethod) -> str:
    try:
        verify_code(method.pk, request.POST.get("text", ""), now=timezone.now())
    except CodeRefused as error:
        raise Refused(str(error)) from error
    return "Verified: pages are sent here from now on."


def _send_test(request: HttpRequest, method: ContactMethod) -> str:
    send_test_message(method.pk, now=timezone.now())
    return f"A test is on its way to {method.address}."


class ContactMethodForm(forms.ModelForm[ContactMethod]):
    """What an address has to be depends on its channel."""

    class Meta:
        model = ContactMethod
        fields = ("user", "kind", "channel", "address", "position", "enabled")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        channel, address = cleaned.get("channel"), cleaned.get("address")
        if channel and address:
            try:
                cleaned["address"] = clean_address(channel, address)
            except ValidationError as error:
                self.add_error("address", error)
        return cleaned


class OwnRows(ModelAdmin):
    """Everybody in the admin has rows of their own; admins have everybody's, auditors look."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).select_related("user")
        if is_admin(request.user) or is_auditor(request.user):
            return rows
        return rows.filter(user_id=request.user.pk)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request) and (
            obj is None
            or obj.user_id == request.user.pk
            or is_admin(request.user)
            or is_auditor(request.user)
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request) and (
            obj is None or obj.user_id == request.user.pk or is_admin(request.user)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if not is_admin(request.user):
            if db_field.name == "user":
                kwargs["queryset"] = User.objects.filter(pk=person(request).pk)
                kwargs["initial"] = request.user.pk
            if db_field.name == "method":
                kwargs["queryset"] = visible_methods(person(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(ContactMethod)
class ContactMethodAdmin(WithButtons, OwnRows):
    """An address is used once a code sent to it has come back."""

    form = ContactMethodForm
    list_display: ClassVar = ["user", "kind", "channel", "address", "is_verified", "enabled"]
    list_filter: ClassVar = ["kind", "channel", "enabled"]
    search_fields: ClassVar = ["user__name", "user__email", "address"]
    readonly_fields: ClassVar = ["verified_at", "webhook_secret"]
    fieldsets = (
        (None, {"fields": ("user", ("kind", "channel"), "address", ("position", "enabled"))}),
        ("Verified", {"fields": ("verified_at", "webhook_secret")}),
    )
    buttons = (
        Button("send-code", "Send a code", _send_code, _may_verify),
        Button("verify", "Verify", _verify, _may_verify, asks="The six digits"),
        Button(
            "test",
            "Send a test",
            _send_test,
            lambda request, row: row.usable and may_change_method(person(request), row),
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "user", "kind", "channel") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ContactMethod, form: Any, change: bool) -> None:
        if change and "address" in form.changed_data:
            fresh = change_address(obj.pk, address=obj.address)
            obj.verified_at, obj.code_salt = fresh.verified_at, fresh.code_salt
            obj.code_sent_at = fresh.code_sent_at
        super().save_model(request, obj, form, change)

    @display(description="verified", boolean=True)
    def is_verified(self, method: ContactMethod) -> bool:
        return method.verified_at is not None

    @display(description="signing secret")
    def webhook_secret(self, method: ContactMethod) -> str:
        if method.channel != "webhook" or not method.address:
            return "Only webhooks are signed."
        return secret_for(method.address)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The signing secret is shown to the method's owner alone."""
        if obj is None:
            return self.fieldsets[:1]
        if _is_own(request, obj):
            return self.fieldsets
        return (self.fieldsets[0], ("Verified", {"fields": ("verified_at",)}))


class NotificationRuleForm(forms.ModelForm[NotificationRule]):
    """A rule uses one of the person's own methods."""

    class Meta:
        model = NotificationRule
        fields = ("user", "urgency", "after_seconds", "method", "position")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        user, method = cleaned.get("user"), cleaned.get("method")
        if user and method and method.user_id != user.pk:
            self.add_error("method", "This is another person's method.")
        return cleaned


@admin.register(NotificationRule)
class NotificationRuleAdmin(OwnRows):
    """Without rules every verified method is used at once."""

    form = NotificationRuleForm
    list_display: ClassVar = ["user", "urgency", "after_seconds", "method"]
    list_filter: ClassVar = ["urgency"]
    list_select_related: ClassVar = ["user", "method"]
    search_fields: ClassVar = ["user__name", "user__email"]
