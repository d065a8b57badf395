"""Keys to the API: shown once, kept as a hash, ended by time or by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied

from deadlines.extension import PORTAL
from directory import services
from directory.enums import Scope
from directory.models import ApiToken, User
from directory.permissions import actor_of
from tests.directory.factories import NOW, make_user

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def user() -> User:
    return make_user()


def test_the_key_opens_and_is_nowhere_kept(user: User) -> None:
    token, key = services.create_token(user.pk, "ci", actor=PORTAL, now=NOW, scopes=[Scope.READ])
    row = ApiToken.objects.values().get()
    assert key not in str(row)
    assert key.startswith(row["prefix"])
    assert len(row["prefix"]) < len(key) / 3
    assert row["scopes"] == ["read"]
    found = services.use_token(key, now=NOW)
    assert found == token
    assert found is not None
    assert found.user == user


@pytest.mark.parametrize("wrong", ["", "wb_", "wb_nothing", "\x00", "\ud800", "ü" * 10_000])
def test_another_key_does_not_open(user: User, wrong: str) -> None:
    services.create_token(user.pk, "ci", actor=PORTAL, now=NOW)
    assert services.use_token(wrong, now=NOW) is None


def test_it_opens_until_it_ends(user: User) -> None:
    key = services.create_token(user.pk, "ci", actor=PORTAL, now=NOW, expires_at=NOW + MINUTE).key
    assert services.use_token(key, now=NOW + MINUTE * 0.99)
    assert services.use_token(key, now=NOW + MINUTE) is None


def test_one_that_has_ended_already_is_refused(user: User) -> None:
    with pytest.raises(ValueError, match="future"):
        services.create_token(user.pk, "ci", actor=PORTAL, now=NOW, expires_at=NOW)


def test_revoked_it_opens_no_more(user: User) -> None:
    token, key = services.create_token(user.pk, "ci", actor=PORTAL, now=NOW)
    services.revoke_token(token.pk, actor=actor_of(user), now=NOW)
    services.revoke_token(token.pk, actor=actor_of(user), now=NOW + MINUTE)
    assert services.use_token(key, now=NOW) is None
    assert ApiToken.objects.get().revoked_at == NOW


def test_another_person_cannot_revoke_it(user: User) -> None:
    token = services.create_token(user.pk, "ci", actor=PORTAL, now=NOW).token
    with pytest.raises(PermissionDenied):
        services.revoke_token(token.pk, actor=actor_of(make_user()), now=NOW)


def test_it_opens_nothing_for_the_inactive(user: User) -> None:
    key = services.create_token(user.pk, "ci", actor=PORTAL, now=NOW).key
    User.objects.update(is_active=False)
    assert services.use_token(key, now=NOW) is None


def test_its_last_use_is_written_once_a_minute(user: User) -> None:
    key = services.create_token(user.pk, "ci", actor=PORTAL, now=NOW).key
    seen = []
    for seconds in (0, 1, 59, 60, 61):
        services.use_token(key, now=NOW + timedelta(seconds=seconds))
        seen.append((ApiToken.objects.get().last_used_at - NOW).total_seconds())  # type: ignore[operator]
    assert seen == [0, 0, 0, 60, 60]
