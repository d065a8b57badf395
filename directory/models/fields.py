"""Fields and validators the room shares."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

import holidays
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import Combinable


class LowerEmailField(models.EmailField[str | Combinable, str]):
    """An address kept and looked up in lower case, so that uniqueness ignores case."""

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared.lower() if isinstance(prepared, str) else prepared

    def to_python(self, value: Any) -> Any:
        converted = super().to_python(value)
        return converted.strip().lower() if isinstance(converted, str) else converted


@cache
def zone_names() -> frozenset[str]:
    """The names of the time zones this machine knows."""
    return frozenset(available_timezones())


def validate_zone(value: str) -> None:
    if value not in zone_names():
        raise ValidationError(
            "“%(zone)s” is no time zone; write one like Europe/Berlin.", params={"zone": value}
        )


@cache
def holiday_calendars() -> dict[str, list[str]]:
    """The countries whose public holidays are known, each with its subdivisions."""
    return holidays.list_supported_countries()


def validate_country(value: str) -> None:
    if value not in holiday_calendars():
        raise ValidationError(
            "No holiday calendar is known for “%(code)s”.", params={"code": value}
        )
