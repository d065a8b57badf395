"""It is Wednesday morning, and everybody has a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from deadlines.extension import PORTAL
from directory import services as directory
from directory.enums import Role
from directory.models import User
from tests.incidents.factories import WEDNESDAY, World, make_user, make_world

SignedIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        yield


@pytest.fixture
def signed_in() -> SignedIn:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def outsider(world: World) -> User:
    return make_world("elsewhere", procedure=world.team.procedure).engineer


@pytest.fixture
def responder(db: None) -> User:
    user = make_user("Responder")
    directory.grant_role(user.pk, Role.RESPONDER, actor=PORTAL)
    return user


@pytest.fixture
def auditor(db: None) -> User:
    user = make_user("Auditor")
    directory.grant_role(user.pk, Role.AUDITOR, actor=PORTAL)
    return user
