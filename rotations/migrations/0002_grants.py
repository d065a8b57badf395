"""What the groups may do with rotas."""

from typing import Any

from django.db import migrations

from directory.grants import DEFAULT_ACTIONS, every, grant

MODELS = ["rota", "rotamember", "override"]
GRANTS = {
    "Admin": every(DEFAULT_ACTIONS, MODELS),
    "Manager": every(DEFAULT_ACTIONS, MODELS),
    "Engineer": every(["view"], MODELS),
    "Auditor": every(["view"], MODELS),
}


def give(apps: Any, schema_editor: Any) -> None:
    grant(apps, "rotations", GRANTS)


def take_back(apps: Any, schema_editor: Any) -> None:
    through = apps.get_model("auth", "Group").permissions.through
    through.objects.filter(
        group__name__in=GRANTS, permission__content_type__app_label="rotations"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("rotations", "0001_initial"), ("directory", "0002_groups")]

    operations = [migrations.RunPython(give, take_back)]
