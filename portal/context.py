"""What every page knows: the time it was made, the reader's zone, the menu, whether this is a demo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest

from portal.menu import menu


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Reads nothing from the database."""
    user = getattr(request, "user", None)
    return {
        "now": datetime.now(UTC),
        "zone": zone_named(getattr(user, "zone", "") or "UTC"),
        "menu": menu(request) if user is not None and user.is_authenticated else [],
        "demo": settings.DEMO,
    }


def zone_named(name: str) -> ZoneInfo:
    """The zone, or UTC when a row holds a name nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
