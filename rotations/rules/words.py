"""How a plan's turns are said to a person."""

from __future__ import annotations

import calendar
from datetime import time

from rotations.enums import Unit


def turns_in_words(
    *,
    unit: str,
    length: int,
    handoff_weekday: int,
    handoff_time: time,
    zone: str,
    hours: str = "",
    base: str = "",
    offset: int = 1,
) -> str:
    """One sentence without its full stop: "Every week from Monday 09:00 Europe/Berlin".

    `base` is the name of the rota it is derived from, empty when it has people of its own.
    """
    if base:
        place = "the next person" if offset == 1 else f"the person {offset} places further"
        said = f"Follows {base}, {place} in order"
    else:
        every = f"Every {unit}" if length == 1 else f"Every {length} {unit}s"
        at = f"{handoff_time:%H:%M} {zone}"
        match unit:
            case Unit.WEEK:
                said = f"{every} from {calendar.day_name[handoff_weekday]} {at}"
            case Unit.HOUR:
                said = f"{every}, counted from {at}"
            case _:
                said = f"{every} from {at}"
    return f"{said}; only {hours}" if hours else said
