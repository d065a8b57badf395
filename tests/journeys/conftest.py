"""What every journey may ask for."""

from __future__ import annotations

import pytest

from tests.incidents.factories import World, make_procedure, make_world, procedure_text


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def other(world: World) -> World:
    """A second team under the same procedure."""
    return make_world()


@pytest.fixture
def other_procedure(db: None) -> World:
    """A team in Tokyo whose procedure counts in seconds."""
    text = procedure_text().replace('slug = "mother-harness"', 'slug = "quick"')
    text = text.replace('acknowledge_within = "15m"', 'acknowledge_within = "3s"')
    return make_world(procedure=make_procedure(text), zone="Asia/Tokyo")
