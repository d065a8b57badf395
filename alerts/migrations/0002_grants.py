"""What the groups may do with integrations and alerts."""

from typing import Any

from django.db import migrations

from directory.grants import DEFAULT_ACTIONS, every, grant

SETTINGS = ["integration", "integrationkey", "heartbeatmonitor"]
GRANTS = {
    "Admin": [*every(DEFAULT_ACTIONS, SETTINGS), "view_alert"],
    "Manager": [*every(DEFAULT_ACTIONS, SETTINGS), "view_alert"],
    "Engineer": ["view_alert"],
    "Responder": ["view_alert"],
    "Auditor": ["view_alert"],
}


def give(apps: Any, schema_editor: Any) -> None:
    grant(apps, "alerts", GRANTS)


def take_back(apps: Any, schema_editor: Any) -> None:
    through = apps.get_model("auth", "Group").permissions.through
    through.objects.filter(
        group__name__in=GRANTS, permission__content_type__app_label="alerts"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial"), ("directory", "0002_groups")]

    operations = [migrations.RunPython(give, take_back)]
