"""People and groups in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from directory.admin.scoped import ZoneChoices, person
from directory.enums import Role
from directory.models import User
from directory.permissions import is_admin, managed_team_ids

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    """The roles. Admins look; only superusers change what a role may do."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return is_admin(request.user)


class NewPersonForm(UserCreationForm):
    """A new person; without a password nobody can sign in as them yet."""

    class Meta:
        model = User
        fields = ("email", "name", "zone")


@admin.register(User)
class PersonAdmin(ZoneChoices, BaseUserAdmin[User], ModelAdmin):
    """Admins edit everybody; a manager their team's people, but not their rights, addresses or passwords.

    Rooms above add their inlines (contact methods) with `PersonAdmin.inlines.append`.
    """

    form = UserChangeForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    inlines: ClassVar[list[Any]] = []
    list_display = ("name", "email", "team_names", "roles", "is_active")
    list_filter = ("is_active", "groups", "memberships__team", "is_demo")
    search_fields = ("name", "email")
    ordering = ("name", "id")
    readonly_fields = ("last_login", "created_at")
    autocomplete_fields: ClassVar[list[str]] = []
    filter_horizontal: ClassVar[tuple[str, ...]] = ()
    fieldsets = (
        (None, {"fields": ("name", "email", "password", "zone", "is_active", "is_demo")}),
        ("Rights", {"fields": ("groups", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "name", "zone", "usable_password", "password1", "password2")}),
    )
    managers_may_edit = frozenset({"name", "zone"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        return people.prefetch_related("memberships__team", "groups")

    @display(description="teams")
    def team_names(self, user: User) -> str:
        return ", ".join(membership.team.name for membership in user.memberships.all())

    @display(description="groups")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        asker = person(request)
        if is_admin(asker):
            return obj is None or asker.is_superuser or not obj.is_superuser
        if obj is None:
            return bool(managed_team_ids(asker))
        return obj == asker or self._leads(asker, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj) and is_admin(request.user)
        return allowed and self.has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None or person(request).is_superuser:
            return self.readonly_fields
        if is_admin(request.user):
            return (*self.readonly_fields, "is_superuser")
        every = [name for _, part in self.fieldsets for name in part["fields"]]
        return tuple(name for name in every if name not in self.managers_may_edit)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None or is_admin(request.user):
            return super().get_fieldsets(request, obj)
        return tuple(
            (title, {"fields": tuple(name for name in part["fields"] if name != "password")})
            for title, part in self.fieldsets
        )

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj and not is_admin(request.user):
            kwargs["form"] = ModelForm
        return super().get_form(request, obj, change=change, **kwargs)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """A password opens everything the person may do: only admins set another's."""
        if not is_admin(request.user):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def _leads(self, asker: User, somebody: User) -> bool:
        """Whether somebody is in a team that the asker manages, and is neither admin nor manager."""
        higher = {Role.ADMIN, Role.MANAGER} & {group.name for group in somebody.groups.all()}
        if somebody.is_superuser or higher:
            return False
        teams = {membership.team_id for membership in somebody.memberships.all()}
        return bool(teams & managed_team_ids(asker))
