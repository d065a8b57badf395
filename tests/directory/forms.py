"""What a browser would post back from an admin page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.forms import BaseForm


def form_of(answer: Any) -> dict[str, Any]:
    """The fields of the page's form and inlines, with the values they show."""
    assert answer.status_code == 200, answer.status_code
    data: dict[str, Any] = {}
    for form in _forms(answer.context):
        for field in form:
            value = field.value()
            if value is None or value is False or field.field.disabled:
                continue
            name = field.html_name
            if isinstance(value, list | tuple):
                data[name] = [str(getattr(item, "pk", item)) for item in value]
                if not _is_many(field):
                    data[name] = ",".join(data[name])
            elif hasattr(value, "values_list"):
                data[name] = [str(item.pk) for item in value]
            elif hasattr(field.field.widget, "widgets"):
                parts = field.field.widget.decompress(value)
                data |= {f"{name}_{place}": str(part or "") for place, part in enumerate(parts)}
            else:
                data[name] = "on" if value is True else str(value)
    return data


def _is_many(field: Any) -> bool:
    return bool(getattr(field.field.widget, "allow_multiple_selected", False))


def _forms(context: Any) -> Iterator[BaseForm]:
    yield context["adminform"].form
    for inline in context["inline_admin_formsets"]:
        yield inline.formset.management_form
        yield from inline.formset.forms
