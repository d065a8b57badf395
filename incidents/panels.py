"""Parts that upper rooms add to an incident's page and to the home page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deadlines.extension import contributions


@dataclass(frozen=True, slots=True)
class Panel:
    """One part: its title, the template that draws it and what the template needs."""

    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


def panels(point: str, *facts: Any, now: datetime) -> list[Panel]:
    """The parts contributed to a point, by their names; a provider with nothing to show gives None."""
    found = (provider(*facts, now=now) for _, provider in contributions(point))
    return [panel for panel in found if panel is not None]
