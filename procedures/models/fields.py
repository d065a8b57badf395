"""Columns made for procedures: lengths of time, and lists of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from procedures.rules.spans import BadSpan, format_span, parse_span

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
    _ArrayField = ArrayField[list[str], list[str]]
else:
    _CharField, _ArrayField = models.CharField, ArrayField


def validate_span(value: str) -> None:
    """Refuses what is no length of time."""
    try:
        parse_span(value)
    except BadSpan as error:
        raise ValidationError(str(error)) from error


class SpanField(_CharField):
    """A length of time as the procedure writes it, "15m" or "1 business day"; empty means none."""

    default_validators = [validate_span]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 32, "blank": True, "default": "", **kwargs})

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "")
        try:
            return format_span(parse_span(text)) if text else ""
        except BadSpan:
            return text


class WordsField(_ArrayField):
    """A list of words or lines, edited one per line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            **{
                "base_field": models.TextField(),
                "blank": True,
                "default": list,
                **{key: value for key, value in kwargs.items() if key != "base_field"},
            }
        )

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("base_field", None)
        return name, path, args, kwargs
