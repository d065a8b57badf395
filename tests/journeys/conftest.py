"""What every journey may ask for."""

from __future__ import annotations

import pytest

from tests.incidents.factories import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()
