"""The front page of the admin: the operations dashboard; and the small things of the admin's look."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static


def mark(request: HttpRequest) -> str:
    """The portal's mark, as the admin's icon."""
    return static("watchbill.svg")


def admin_styles(request: HttpRequest) -> str:
    """The few rules our own parts of the admin need beside unfold's."""
    return static("css/admin.css")


def environment(request: HttpRequest) -> list[str] | None:
    """A badge in the admin's header while the people are sample people."""
    return ["Demo", "info"] if settings.DEMO else None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fills the admin's front page."""
    return context
