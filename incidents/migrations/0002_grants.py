"""What the groups may do with incidents and what is left to do after them."""

from typing import Any

from django.db import migrations

from directory.grants import every, grant

READ = ["incident", "timelineentry", "incidentrole"]
GRANTS = {
    "Admin": [*every(["view"], READ), *every(["view", "add", "change"], ["actionitem"])],
    "Manager": [*every(["view"], READ), *every(["view", "add", "change"], ["actionitem"])],
    "Engineer": [*every(["view"], READ), *every(["view", "add", "change"], ["actionitem"])],
    "Responder": every(["view"], READ),
    "Auditor": every(["view"], [*READ, "actionitem"]),
}


def give(apps: Any, schema_editor: Any) -> None:
    grant(apps, "incidents", GRANTS)


def take_back(apps: Any, schema_editor: Any) -> None:
    through = apps.get_model("auth", "Group").permissions.through
    through.objects.filter(
        group__name__in=GRANTS, permission__content_type__app_label="incidents"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial"), ("directory", "0002_groups")]

    operations = [migrations.RunPython(give, take_back)]
