"""Fields that the resources share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from directory.models import User

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def instant(at: datetime) -> str:
    """An instant as answers say it: what `Instant` makes of it, where no serializer stands between."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Instant(serializers.DateTimeField):
    """An instant as ISO 8601 in UTC, from 2000 to 2200. Without an offset it is read as UTC.

    In an address a bare “+” arrives as a space; it is read as what was meant.
    """

    default_error_messages = {
        "out_of_range": "An instant must lie between the years 2000 and 2200.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str) and "T" in value:
            value = value.replace(" ", "+")
        try:
            at = super().to_internal_value(value)
            inside = EARLIEST <= at < LATEST
        except OverflowError:
            inside = False
        if not inside:
            self.fail("out_of_range")
        return at


@extend_schema_field({"type": "string", "pattern": r"^\d\d:\d\d:\d\d$"})
class WallTime(serializers.TimeField):
    """A time of the day on somebody's wall clock: without an offset, so not what OpenAPI calls a time."""


class PersonSerializer(serializers.ModelSerializer[User]):
    """A person, as others see them."""

    class Meta:
        model = User
        fields = ["id", "name", "email"]
        read_only_fields = fields
