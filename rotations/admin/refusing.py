"""What a service refuses is said in the form, with everything that was typed."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.options import BaseModelAdmin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from rotations.admin.asking import WaiverForm, ask
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
    """An admin whose saving and deleting may be refused; `take_back` deletes by the service."""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)  # type: ignore[misc]
        form.refusal = getattr(request, "_refusal", None)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        shown: Any = super()
        try:
            answer: HttpResponse = shown.changeform_view(
                request, object_id, form_url, extra_context
            )
        except RotaRefused as refused:
            request._refusal = refused  # type: ignore[attr-defined]
            answer = shown.changeform_view(request, object_id, form_url, extra_context)
        return answer

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
