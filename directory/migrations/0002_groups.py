"""The five groups of people, and what each may do with people and teams.

What they may do to one team's rows is narrowed further by object permissions on the team.
"""

from typing import Any

from django.db import migrations

from directory.grants import DEFAULT_ACTIONS, every, grant

CONFIGURATION = ["team", "membership", "roleholder", "service", "teamchannel"]
EVERYTHING = ["user", "apitoken", *CONFIGURATION]
GRANTS = {
    "Admin": every(DEFAULT_ACTIONS, EVERYTHING),
    "Manager": [
        *every(["view"], [*CONFIGURATION, "user"]),
        *every(["add", "change", "delete"], ["membership", "roleholder", "teamchannel"]),
        *every(["add", "change"], ["service", "user"]),
        "change_team",
    ],
    "Engineer": every(["view"], CONFIGURATION),
    "Responder": [],
    "Auditor": every(["view"], EVERYTHING),
}


def make_groups(apps: Any, schema_editor: Any) -> None:
    grant(apps, "directory", GRANTS)


def remove_groups(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=GRANTS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, remove_groups)]
