"""The shape of what a person types; what it means is judged by the rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from directory.models import Service
from incidents.enums import Kind
from procedures.rules.policy import Severity

KINDS = [
    (Kind.STANDARD.value, "Something is broken or slow"),
    (
        Kind.SECURITY.value,
        "Security: suspected compromise. Seen only by those called and the security team",
    ),
]


class SituationForm(forms.Form):
    """How bad, of what kind, where: what decides who is paged."""

    severity = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(choices=KINDS, initial=Kind.STANDARD.value, required=False)
    service = forms.ModelChoiceField(
        Service.objects.filter(active=True).select_related("team").order_by("name"),
        to_field_name="slug", label="Service", error_messages={"required": "Name the service: its team answers."},
    )  # fmt: skip

    def __init__(self, *args: Any, severities: tuple[Severity, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["severity"].choices = [("", "By the criteria")] + [  # type: ignore[attr-defined]
            (severity.code, f"{severity.code} {severity.name}") for severity in severities
        ]

    def clean_kind(self) -> str:
        """Standard unless something else is said."""
        return str(self.cleaned_data["kind"] or Kind.STANDARD.value)


class PreviewForm(SituationForm):
    """What would happen if …"""

    at = forms.DateTimeField(
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        label="When",
    )

    def clean_at(self) -> datetime | None:
        """The instant, read in the reader's zone (activated by the view)."""
        at: datetime | None = self.cleaned_data["at"]
        if at is not None and not 2015 <= at.year <= 2050:
            raise forms.ValidationError("Choose a time between 2015 and 2050.")
        return at


class DeclareForm(SituationForm):
    """An incident as a person declares it."""

    title = forms.CharField(max_length=200, label="What is wrong?")
    services = forms.ModelMultipleChoiceField(
        Service.objects.filter(active=True).order_by("name"), to_field_name="slug", required=False,
        label="Also affected",
    )  # fmt: skip
    summary = forms.CharField(required=False, max_length=20_000, label="What is known so far")
    started_at = forms.DateTimeField(
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        label="Since when",
    )
    user_facing = forms.NullBooleanField(required=False)
    drill = forms.BooleanField(required=False, label="This is a drill")
