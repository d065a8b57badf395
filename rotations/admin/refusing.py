"""What a service refuses is said in the form, with everything that was typed; times are on the reader's clock."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.options import BaseModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from directory.admin.scoped import person
from rotations.admin.asking import WaiverForm, ask
from rotations.admin.told import instant
from rotations.queries.own import zone_of
from rotations.services import RotaRefused


class RefusableForm(forms.ModelForm[Any]):
    """A form that comes back with what the service said, and takes a reason to let breaches stand."""

    refusal: ClassVar[RotaRefused | None] = None
    waive = forms.CharField(
        required=False, max_length=300, label="If the roster would break",
        widget=UnfoldAdminTextInputWidget,
        help_text="Why a manager lets it stand; kept with your name. Leave it empty to be refused instead.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refusal is not None:
            self.add_error(None, self.refusal.message)
        return cleaned


class Refusing(BaseModelAdmin[Any]):
    """An admin of stretches, whose saving and deleting may be refused; `take_back` deletes by the service.

    Its pages read and show times on the reader's clock, and say which that is.
    """

    @display(description="from", ordering="starts_at")
    def begins(self, row: Any) -> str:
        return instant(row.starts_at, timezone.get_current_timezone_name())

    @display(description="until", ordering="ends_at")
    def ends(self, row: Any) -> str:
        return instant(row.ends_at, timezone.get_current_timezone_name())

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)  # type: ignore[misc]
        form.refusal = getattr(request, "_refusal", None)
        for name in ("starts_at", "ends_at"):
            if name in form.base_fields:
                form.base_fields[name].help_text = f"On your clock, {zone_of(person(request))}."
        return form

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with _own_clock(request):
            answer = super().changelist_view(request, extra_context)  # type: ignore[misc]
            return _rendered(answer)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        shown: Any = super()
        with _own_clock(request):
            try:
                answer = shown.changeform_view(request, object_id, form_url, extra_context)
            except RotaRefused as refused:
                request._refusal = refused  # type: ignore[attr-defined]
                answer = shown.changeform_view(request, object_id, form_url, extra_context)
            return _rendered(answer)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Asks, and says whom it tells; what is refused is said there."""
        own: Any = self
        row = own.get_object(request, object_id)
        listed = reverse(f"admin:{own.opts.app_label}_{own.opts.model_name}_changelist")
        if row is None or not own.has_delete_permission(request, row):
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)  # type: ignore[misc]
            return answer
        return ask(
            request,
            title=f"Take this back: {row}?",
            says="What has not begun is removed; what runs ends now, and what was stays on record."
            " Those whose shifts move are told.",
            button="Take back",
            form_class=WaiverForm,
            do=lambda given: self.take_back(request, row, given["waiver_reason"].strip()),
            back=listed,
            opts=own.opts,
            row=row,
            dangerous=True,
        )

    def take_back(self, request: HttpRequest, row: Any, waiver_reason: str) -> None:
        """Deletes the row by its service."""
        raise NotImplementedError


def _own_clock(request: HttpRequest) -> timezone.override:
    return timezone.override(zone_of(person(request)))


def _rendered(answer: HttpResponse) -> HttpResponse:
    """The page, written while the reader's clock counts."""
    return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer
