"""What every test of alerts may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerts.services.overload import limiter
from tests.incidents.factories import World, make_world


@pytest.fixture(autouse=True)
def _empty_buckets() -> Iterator[None]:
    """The limiter belongs to the process: one test's flood must not refuse another's events."""
    limiter.forget()
    yield
    limiter.forget()


@pytest.fixture
def world(db: None) -> World:
    return make_world()
