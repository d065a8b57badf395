"""Filters that refuse what they cannot read: leaving it out would answer another question."""

from __future__ import annotations

from typing import Any

from django import forms
from django_filters import rest_framework as filters
from django_filters.widgets import BooleanWidget


class _Word(BooleanWidget):
    """Hands on what it does not know."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        known = super().value_from_datadict(data, files, name)
        return data.get(name) if known is None else known


class _TrueOrFalseField(forms.NullBooleanField):
    def clean(self, value: Any) -> bool | None:
        if value in (None, "", True, False):
            return None if value == "" else value
        raise forms.ValidationError("Say true or false.", code="invalid")


class TrueOrFalse(filters.BooleanFilter):
    """`true` or `false`; anything else is refused."""

    field_class = _TrueOrFalseField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=_Word, **kwargs)
