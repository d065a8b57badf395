"""A page that says what a button does and asks before it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextareaWidget

from rotations.rules.proof import Breach
from rotations.services import RotaRefused
from rotations.services.refusal import RosterBroken


class WaiverForm(forms.Form):
    """A reason to let stand what blocks."""

    waiver_reason = forms.CharField(
        required=False, max_length=300, label="If the roster would break: why let it stand",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Kept with your name. Leave it empty to be refused instead.",
    )  # fmt: skip


class ReasonForm(forms.Form):
    """A reason that is needed."""

    reason = forms.CharField(max_length=300, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))


class NothingAsked(forms.Form):
    """Only whether one is sure."""


def ask(
    request: HttpRequest,
    *,
    title: str,
    says: str,
    button: str,
    form_class: type[forms.Form],
    do: Callable[[dict[str, Any]], Any],
    back: str,
    opts: Any,
    row: Any = None,
    dangerous: bool = False,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    """GET asks; POST does it and goes back. What is refused is said above the form, with what was typed."""
    form = form_class(request.POST) if request.method == "POST" else form_class()
    breaches: tuple[Breach, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            do(form.cleaned_data)
        except RosterBroken as broken:
            form.add_error(None, broken.message)
            breaches = broken.breaches
        except RotaRefused as refused:
            form.add_error(None, refused.message)
        else:
            return HttpResponseRedirect(back)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "says": says,
        "button": button,
        "form": form,
        "back": back,
        "opts": opts,
        "original": row,
        "dangerous": dangerous,
        "breaches": breaches,
        **(more or {}),
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/rotations/confirm.html", context, status=status)
