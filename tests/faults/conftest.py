"""One stack for the session. Each test begins with everything alive and nothing burning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SERVERS, template_name
from tests.faults.harness.outside import Outside, outside
from tests.faults.harness.profile import Profile, chosen
from tests.faults.harness.stack import Stack, running

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def profile() -> Profile:
    return chosen()


@pytest.fixture(scope="session")
def world_outside() -> Iterator[Outside]:
    with outside() as servers:
        yield servers


@pytest.fixture(scope="session")
def whole_stack(world_outside: Outside, profile: Profile) -> Iterator[Stack]:
    with running(Stack(SERVERS.home / "faults", profile, world_outside, template_name())) as stack:
        yield stack


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    whole_stack.heal()
    whole_stack.clean()  # what a failed test left may make it unready
    whole_stack.wait_until_up()
    whole_stack.clean()
    return whole_stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(chosen().timeout))
