"""The groups are there from the first migration, each with what it may do."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from directory.enums import Role

pytestmark = pytest.mark.django_db


def test_the_groups_exist() -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= {role.value for role in Role}


@pytest.mark.parametrize(
    ("role", "codename", "given"),
    [
        (Role.ADMIN, "delete_team", True),
        (Role.MANAGER, "change_team", True),
        (Role.MANAGER, "delete_team", False),
        (Role.MANAGER, "add_rota", True),
        (Role.MANAGER, "delete_user", False),
        (Role.ENGINEER, "view_rota", True),
        (Role.ENGINEER, "change_rota", False),
        (Role.RESPONDER, "view_team", False),
        (Role.AUDITOR, "view_team", True),
        (Role.AUDITOR, "change_team", False),
    ],
)
def test_what_a_group_may_do(role: Role, codename: str, given: bool) -> None:
    assert Group.objects.get(name=role).permissions.filter(codename=codename).exists() == given


def test_only_admins_may_do_what_changes_tokens() -> None:
    holders = Group.objects.filter(permissions__codename="change_apitoken")
    assert [group.name for group in holders] == ["Admin"]
