"""Buttons on a row's page: each a POST-only address that calls one verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin


@dataclass(frozen=True, slots=True)
class Button:
    """`press` does it and returns what to say; `asks` is the label of a text the button takes along."""

    name: str
    title: str
    press: Callable[[HttpRequest, Any], str]
    shown: Callable[[HttpRequest, Any], bool]
    asks: str = ""


class Refused(Exception):
    """A verb said no; the text is shown to the person."""


class WithButtons(ModelAdmin):
    """Shows the buttons that apply above the form."""

    buttons: tuple[Button, ...] = ()
    change_form_before_template = "admin/notifications/buttons.html"

    def get_urls(self) -> list[URLPattern]:
        place = f"{self.opts.app_label}_{self.opts.model_name}_press"
        own = path(
            "<int:row_id>/<slug:name>/press/",
            self.admin_site.admin_view(require_POST(self.press)),
            name=place,
        )
        urls: list[URLPattern] = [own, *super().get_urls()]
        return urls

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        context = dict(extra_context or {})
        if row is not None:
            context["row_buttons"] = [
                {"title": button.title, "asks": button.asks, "url": self._place(row, button)}
                for button in self.buttons
                if button.shown(request, row)
            ]
        page: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return page

    def press(self, request: HttpRequest, row_id: int, name: str) -> HttpResponse:
        """Does what the button says, for a row the person may see and a button they are shown."""
        row = self.get_queryset(request).filter(pk=row_id).first()
        button = next((button for button in self.buttons if button.name == name), None)
        if row is None or button is None:
            raise Http404("There is no such row.")
        if not button.shown(request, row):
            raise PermissionDenied
        try:
            messages.success(request, button.press(request, row))
        except Refused as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row_id])
        )

    def _place(self, row: Model, button: Button) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_press", args=[row.pk, button.name]
        )
