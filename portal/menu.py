"""The menu, told once: the sidebar of the pages and of the admin read the same list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from incidents.permissions import may_declare


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `icon` is ours (static/css), `symbol` the admin's, `key` what is typed after g."""

    title: str
    url_name: str
    icon: str
    symbol: str
    key: str


ENTRIES = (
    Entry("Home", "home", "home", "home", "h"),
    Entry("Incidents", "incidents:list", "fire", "local_fire_department", "i"),
    Entry("Declare", "incidents:declare", "campaign", "campaign", "d"),
    Entry("On call", "rotations:list", "calendar", "calendar_month", "r"),
    Entry("My shifts", "shifts:mine", "clock", "schedule", "s"),
    Entry("Preview", "preview", "preview", "preview", "p"),
    Entry("Outbox", "notifications:outbox", "outbox", "outbox", "o"),
    Entry("Procedure", "procedures:clauses", "rule", "rule", "c"),
)


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """The lines of the sidebar, the current one marked. One not built in, or closed to the reader, is left out."""
    lines = []
    for entry in ENTRIES:
        try:
            url = reverse(entry.url_name)
        except NoReverseMatch:
            continue
        if entry.url_name == "incidents:declare" and not may_declare(request.user):
            continue
        lines.append(
            {
                "title": entry.title,
                "url": url,
                "icon": entry.icon,
                "symbol": entry.symbol,
                "key": f"g {entry.key}",
                "current": request.path == url
                or (
                    url not in ("/", request.path)
                    and request.path.startswith(url)
                    and not _deeper(request.path, url)
                ),
            }
        )
    return lines


def _deeper(path: str, url: str) -> bool:
    """Whether another entry fits the path more closely than this one."""
    for entry in ENTRIES:
        try:
            other = reverse(entry.url_name)
        except NoReverseMatch:
            continue
        if len(other) > len(url) and path.startswith(other):
            return True
    return False


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The admin's sidebar: the same menu, then every room with the rows the reader may see."""
    groups: list[dict[str, Any]] = [
        {
            "title": "",
            "items": [
                {
                    "title": line["title"],
                    "icon": line["symbol"],
                    "link": line["url"],
                    "active": line["current"],
                }
                for line in menu(request)
            ]
            + [
                {
                    "title": "Operations",
                    "icon": "monitor_heart",
                    "link": reverse("admin:index"),
                    "active": request.path == reverse("admin:index"),
                }
            ],
        }
    ]
    for app in admin.site.get_app_list(request):
        groups.append(
            {
                "title": app["name"],
                "separator": True,
                "collapsible": True,
                "items": [
                    {"title": model["name"], "link": model["admin_url"], "icon": "chevron_right"}
                    for model in app["models"]
                    if model.get("admin_url")
                ],
            }
        )
    return groups
