"""What a group may do, given by a migration. Every app grants its own permissions with this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_ACTIONS = ("add", "change", "delete", "view")


def grant(apps: Any, app_label: str, grants: Mapping[str, Sequence[str]]) -> None:
    """Gives the groups (made when missing) permissions of one app, named as "view_team".

    Permissions are made by Django only after the last migration, so they are made here when missing.
    Saying it twice is harmless. For use in RunPython, with the state's `apps`.
    """
    Group = apps.get_model("auth", "Group")
    for name, codenames in grants.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*(_permission(apps, app_label, codename) for codename in codenames))


def every(action_names: Sequence[str], model_names: Sequence[str]) -> list[str]:
    """The codenames of each action on each model: ("view",), ("team",) gives "view_team"."""
    return [f"{action}_{model}" for model in model_names for action in action_names]


def _permission(apps: Any, app_label: str, codename: str) -> Any:
    action, _, model = codename.partition("_")
    if action not in DEFAULT_ACTIONS:
        raise ValueError(f"{codename} is none of Django's own permissions")
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=app_label, model=model
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename=codename,
        defaults={"name": f"Can {action} {model}"},
    )
    return permission
