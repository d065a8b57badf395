"""A team: its hours, members, roles, channels and managers."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Field, QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from guardian.admin import GuardedModelAdminMixin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from directory import queries, services
from directory.admin.scoped import TeamScopedAdmin, TeamScopedInline, person
from directory.enums import Role as GroupRole
from directory.models import Membership, RoleHolder, Team, TeamChannel, User
from directory.models.team import WEEKDAYS
from directory.permissions import actor_of, is_admin
from procedures.models import Role


class TeamForm(forms.ModelForm[Team]):
    """A team, and who manages it."""

    workdays = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=list(enumerate(WEEKDAYS)),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[0, 1, 2, 3, 4],
    )
    managers = forms.ModelMultipleChoiceField(
        queryset=User.objects.filter(is_active=True),
        required=False,
        help_text="They edit this team's rows, and no other team's.",
    )

    class Meta:
        model = Team
        fields = (
            "name", "slug", "procedure", "stakeholders", "zone", "workdays", "opens", "closes",
            "holiday_country", "holiday_subdivision", "extra_holidays",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "managers" in self.fields:
            self.fields["managers"].initial = queries.managers_of(self.instance.pk)


class MembershipInline(TeamScopedInline):
    """The team's people, in its order. Who is added here answers the team's incidents."""

    model = Membership
    related = ("team", "user")
    autocomplete_fields: ClassVar[list[str]] = ["user"]
    ordering_field = "position"
    hide_ordering_field = True
    tab = True


class RoleHolderInline(TeamScopedInline):
    """Who holds the procedure's roles for this team."""

    model = RoleHolder
    related = ("user", "backup")
    autocomplete_fields: ClassVar[list[str]] = ["user", "backup"]
    ordering_field = "position"
    hide_ordering_field = True
    tab = True

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name != "role":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return forms.ChoiceField(
            choices=lambda: _roles_of_the_procedure(request),
            widget=UnfoldAdminSelectWidget,
            help_text="A role of the team's procedure.",
        )


def _roles_of_the_procedure(request: HttpRequest) -> list[tuple[str, str]]:
    """The roles of the procedure of the team whose page this is; read once per request."""
    known: list[tuple[str, str]] | None = getattr(request, "_procedure_roles", None)
    if known is None:
        match = request.resolver_match
        team_id = match.kwargs.get("object_id") if match else None
        roles = Role.objects.filter(from_rota="")
        if team_id and str(team_id).isdecimal():
            held = RoleHolder.objects.filter(team_id=team_id).values_list("role", flat=True)
            roles = Role.objects.filter(procedure__teams=team_id)
            extra = [(role, role) for role in held]
        else:
            extra = []
        named = dict(extra) | dict(roles.values_list("slug", "name"))
        known = sorted(named.items(), key=lambda item: item[1])
        request._procedure_roles = known  # type: ignore[attr-defined]
    return [("", "—"), *known]


class TeamChannelInline(TeamScopedInline):
    """Where the procedure's channels really are."""

    model = TeamChannel
    tab = True


@admin.register(Team)
class TeamAdmin(GuardedModelAdminMixin, TeamScopedAdmin):
    """The team's manager edits the team; only admins make teams, name managers or change the procedure."""

    form = TeamForm
    inlines: ClassVar[list[Any]] = [MembershipInline, RoleHolderInline, TeamChannelInline]
    list_display = ("name", "procedure", "zone", "hours", "people")
    list_select_related = ("procedure",)
    search_fields = ("name", "slug")
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "procedure", "managers", "stakeholders")}),
        (
            "Business hours",
            {
                "fields": (
                    "zone",
                    "workdays",
                    ("opens", "closes"),
                    ("holiday_country", "holiday_subdivision"),
                    "extra_holidays",
                )
            },
        ),
    )
    team_lookups: ClassVar[dict[str, str]] = {}
    change_form_template = "admin/directory/team/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(member_count=Count("memberships"))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        context = {**(extra_context or {}), "may_grant": is_admin(request.user)}
        return super().changeform_view(request, object_id, form_url, context)

    @display(description="hours")
    def hours(self, team: Team) -> str:
        return f"{team.opens:%H:%M}–{team.closes:%H:%M}"

    @display(description="members", ordering="member_count")
    def people(self, team: Team) -> int:
        return team.member_count  # type: ignore[attr-defined]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and is_admin(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:
        return () if is_admin(request.user) else ("slug", "procedure")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Team | None = None
    ) -> dict[str, Any]:
        return {} if obj or not is_admin(request.user) else dict(self.prepopulated_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Team | None = None) -> Any:
        if is_admin(request.user):
            return self.fieldsets
        (_, head), *rest = self.fieldsets
        fields = tuple(name for name in head["fields"] if name != "managers")
        return ((None, {"fields": fields}), *rest)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if not is_admin(request.user):
            form.base_fields.pop("managers", None)
        if "managers" in form.base_fields:
            form.base_fields["managers"].widget = AutocompleteSelectMultiple(
                Membership._meta.get_field("user"), self.admin_site
            )
            form.base_fields["managers"].widget.choices = form.base_fields["managers"].choices
        return form

    def save_related(
        self, request: HttpRequest, form: ModelForm[Team], formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        if "managers" not in form.cleaned_data or not is_admin(request.user):
            return
        team_id, actor = form.instance.pk, actor_of(person(request))
        wanted = {user.pk for user in form.cleaned_data["managers"]}
        known = set(queries.managers_of(team_id).values_list("pk", flat=True))
        for user_id in wanted - known:
            services.grant_manager(team_id, user_id, actor=actor)
        for user_id in known - wanted:
            services.withdraw_manager(team_id, user_id, actor=actor)

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet[Any, Any], change: bool
    ) -> None:
        """Members come and go through the verbs, which give and take what goes with membership."""
        if formset.model is not Membership:
            super().save_formset(request, form, formset, change)
            return
        team_id, actor = form.instance.pk, actor_of(person(request))
        changed = formset.save(commit=False)
        for row in formset.deleted_objects:
            services.remove_member(team_id, row.user_id, actor=actor)
        for row in changed:
            before = Membership.objects.filter(pk=row.pk).first() if row.pk else None
            if before and before.user_id != row.user_id:
                services.remove_member(team_id, before.user_id, actor=actor)
            services.add_member(
                team_id, row.user_id, actor=actor, role=_role_kept(row.user), position=row.position
            )

    def obj_perms_manage_view(self, request: HttpRequest, object_pk: str) -> HttpResponse:
        self._may_grant(request, object_pk)
        return super().obj_perms_manage_view(request, object_pk)

    def obj_perms_manage_user_view(
        self, request: HttpRequest, object_pk: str, user_id: str
    ) -> HttpResponse:
        self._may_grant(request, object_pk, user_id)
        return super().obj_perms_manage_user_view(request, object_pk, user_id)

    def obj_perms_manage_group_view(
        self, request: HttpRequest, object_pk: str, group_id: str
    ) -> HttpResponse:
        self._may_grant(request, object_pk, group_id)
        return super().obj_perms_manage_group_view(request, object_pk, group_id)

    def _may_grant(self, request: HttpRequest, object_pk: str, whose: str = "0") -> None:
        """Only admins grant rights over a team; an id that can be no row's is not found."""
        if not is_admin(request.user):
            raise PermissionDenied
        if self.get_object(request, object_pk) is None or not whose.isdecimal():
            raise Http404


def _role_kept(user: User) -> GroupRole:
    """A person known as a responder only stays one; anybody else joins as an engineer."""
    names = set(user.groups.values_list("name", flat=True))
    only_responds = GroupRole.RESPONDER in names and GroupRole.ENGINEER not in names
    return GroupRole.RESPONDER if only_responds else GroupRole.ENGINEER
