"""Keys to the API: made, shown once, revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldBooleanSwitchWidget

from directory import services
from directory.admin.dialogs import leave_for
from directory.admin.scoped import person
from directory.enums import Scope
from directory.models import ApiToken
from directory.permissions import actor_of, is_admin


class TokenForm(forms.ModelForm[ApiToken]):
    """What a new token is for, whose it is, and until when."""

    read_only = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="It may read and change nothing.",
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "expires_at")

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise forms.ValidationError("A token must end in the future.")
        return expires_at


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Admins see every token, others their own. A token is never edited or deleted, only revoked."""

    form = TokenForm
    list_display = (
        "name",
        "user",
        "prefix",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    list_select_related = ("user",)
    list_filter = ("user",)
    search_fields = ("name", "prefix", "user__name", "user__email")
    fields = ("user", "name", "expires_at", "read_only")
    autocomplete_fields = ("user",)
    actions_detail = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens: QuerySet[ApiToken] = super().get_queryset(request)
        return tokens if self._sees_all(request) else tokens.filter(user=person(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        own = obj is None or obj.user_id == request.user.pk
        return self.has_module_permission(request) and (own or self._sees_all(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest, object_id: str) -> bool:
        return self.get_object(request, object_id) is not None

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj:
            return (
                "user",
                "name",
                "prefix",
                "scopes",
                "created_at",
                "expires_at",
                "revoked_at",
                "last_used_at",
            )
        return self.fields if is_admin(request.user) else self.fields[1:]

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        token, key = services.create_token(
            obj.user_id if is_admin(request.user) else person(request).pk,
            obj.name,
            actor=actor_of(person(request)),
            now=timezone.now(),
            scopes=[Scope.READ] if form.cleaned_data["read_only"] else [],
            expires_at=obj.expires_at,
        )
        obj.__dict__.update(token.__dict__)
        messages.warning(
            request,
            format_html("The key is <code>{}</code>. It is shown now and never again.", key),
        )

    @action(
        description="Revoke",
        url_path="revoke",
        permissions=["revoke"],
        dialog={
            "title": "Revoke this token?",
            "description": "Whatever uses it stops working at once.",
            "form_submit_text": "Revoke",
        },
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        services.revoke_token(int(object_id), actor=actor_of(person(request)), now=timezone.now())
        messages.success(request, "The token is revoked.")
        return leave_for(request, reverse("admin:directory_apitoken_changelist"))

    def _sees_all(self, request: HttpRequest) -> bool:
        return request.user.has_perm("directory.view_apitoken")
