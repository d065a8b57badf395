"""Rows that belong to a team: its manager and admins edit them, others only look."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.postgres.fields import ArrayField
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from directory.models import Team, User
from directory.models.fields import zone_names
from directory.permissions import editable_teams, is_admin, managed_team_ids, may_edit_team


def person(request: HttpRequest) -> User:
    """Who asks; the admin lets nobody in who has not signed in."""
    return cast(User, request.user)


def edits_some_team(request: HttpRequest) -> bool:
    """Whether the person may edit any team's rows at all."""
    return is_admin(request.user) or bool(managed_team_ids(person(request)))


def team_id_of(row: Model) -> int | None:
    """The team a row belongs to: itself, or by its `team`, or by its rota's."""
    if isinstance(row, Team):
        return row.pk
    if hasattr(row, "team_id"):
        return cast("int | None", row.team_id)
    return team_id_of(row.rota) if hasattr(row, "rota") else None


def may_edit_row(request: HttpRequest, row: Model | None) -> bool:
    """Whether the person may edit the row; without one, whether there can be any they may edit."""
    if row is None:
        return edits_some_team(request)
    team_id = team_id_of(row)
    return team_id is not None and may_edit_team(person(request), team_id)


class ZoneChoices(BaseModelAdmin[Any]):
    """A time zone is chosen from those this machine knows."""

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "zone":
            kwargs["widget"] = UnfoldAdminSelect2Widget(
                choices=[(z, z) for z in sorted(zone_names())]
            )
        elif isinstance(db_field, ArrayField):
            kwargs.setdefault("widget", UnfoldAdminTextInputWidget())
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class OwnTeamChoices(BaseModelAdmin[Any]):
    """Fields that name a team or a thing of one offer only those the person may edit."""

    team_lookups: ClassVar[dict[str, str]] = {"team": "pk__in"}

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        lookup = self.team_lookups.get(db_field.name)
        if lookup:
            known = kwargs.get("queryset") or db_field.related_model._default_manager.all()
            kwargs["queryset"] = known.filter(
                **{lookup: editable_teams(person(request)).values("pk")}
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class TeamScopedAdmin(ZoneChoices, OwnTeamChoices, ModelAdmin):
    """A model's own permission lets one in; the team's lets one change the row."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and edits_some_team(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_edit_row(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and may_edit_row(request, obj)


class NamedOnce(AutocompleteSelect):
    """An autocomplete that knows the name of what is selected, instead of asking for it row by row."""

    known: tuple[str, str] | None = None

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> list[Any]:
        if self.known is None or [str(item) for item in value] != [self.known[0]]:
            return super().optgroups(name, value, attrs)
        option = self.create_option(name, *self.known, selected=True, index=0)
        return [(None, [option], 0)]


class NamedOnceFormSet(PaginationInlineFormSet):
    """Gives each row's autocompletes the names that the inline's one query has read."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for name, field in form.fields.items():
            widget = getattr(field.widget, "widget", field.widget)
            if isinstance(widget, NamedOnce) and form.instance.pk:
                chosen = getattr(form.instance, name)
                widget.known = (str(chosen.pk), str(chosen)) if chosen else None


class TeamScopedInline(OwnTeamChoices, TabularInline):
    """Rows within the page of a team's thing; `obj` is that thing. `related` is read with the rows."""

    extra = 0
    formset = NamedOnceFormSet
    related: ClassVar[tuple[str, ...]] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.related) if self.related else rows

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = NamedOnce(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_add_permission(request, obj)  # type: ignore[call-arg]
        return allowed and may_edit_row(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_edit_row(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and may_edit_row(request, obj)
