"""The words of the shifts' pages."""

from __future__ import annotations

from datetime import timedelta

from django import template

register = template.Library()


@register.filter
def in_hours(length: timedelta) -> str:
    """A length of time as hours, without a fraction nobody needs: 168, 12.5."""
    return f"{round(length / timedelta(hours=1), 1):g}"
