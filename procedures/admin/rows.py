"""What every draft row's admin shares: lists edited a line each, and the way back to publishing."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from procedures.models import Procedure
from procedures.models.fields import WordsField
from procedures.queries import newest_version


class LinesField(forms.CharField):
    """A list edited as text, one entry per line."""

    def __init__(self, *, base_field: Any = None, **kwargs: Any) -> None:
        kwargs.pop("max_length", None)
        super().__init__(**{**kwargs, "widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = str(super().clean(value) or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.clean(data)


OVERRIDES: dict[type[models.Field[Any, Any]], dict[str, Any]] = {
    WordsField: {"form_class": LinesField},
    models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
}


class DraftInline:
    """Rows inside another row's page."""

    extra = 0
    formfield_overrides = OVERRIDES
    ordering_field = "position"
    show_change_link = True


class TabularRows(DraftInline, TabularInline):
    pass


class StackedRows(DraftInline, StackedInline):
    """Rows with many fields, folded to their titles."""

    collapsible = True


LINE_FIELDSETS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {"fields": ["position", "key", "text", "command", "clause"]}),
    (
        "How it is ticked",
        {
            "classes": ["collapse"],
            "fields": [
                ("gate", "optional", "destructive"),
                ("ticked_by", "opens"),
                ("measure", "comparison", "threshold", "unit"),
                "lasts",
                "severities",
                "link",
                "unavailable",
                "also_clauses",
            ],
        },
    ),
]


class LineRows(StackedRows):
    fieldsets = LINE_FIELDSETS


class DraftAdmin(ModelAdmin):
    """A row of a draft. It binds nobody until its procedure is published."""

    formfield_overrides = OVERRIDES
    list_filter: ClassVar[Any] = ["procedure"]
    list_select_related: ClassVar[Any] = ["procedure"]
    list_filter_submit = False
    warn_unsaved_form = True
    readonly_fields: ClassVar[Any] = []

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        remind(request, obj)
        return super().response_change(request, obj)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        remind(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where an admin names no order: what it is first, its clauses and its place last."""
        names = super().get_fields(request, obj)
        if self.fields:
            return names
        last = [name for name in ("clause", "also_clauses", "position") if name in names]
        rest = [name for name in names if name not in ("procedure", *last)]
        return ["procedure", *rest, *last]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row stays with its procedure."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "procedure"] if obj is not None and hasattr(obj, "procedure") else fields


def remind(request: HttpRequest, row: Any) -> None:
    """Says that a draft binds nobody yet, with the way to its differences."""
    procedure = row if isinstance(row, Procedure) else row.procedure
    newest = newest_version(procedure)
    link = reverse("admin:procedures_procedure_change", args=[procedure.pk])
    in_force = f"version {newest.number} stays in force" if newest else "nothing is published yet"
    messages.info(
        request,
        format_html(
            'Saved in the draft; {} until it is published. <a href="{}">See what differs</a>.',
            in_force,
            link,
        ),
    )


class ReadOnly(ModelAdmin):
    """A record: it can be read here and changed nowhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
