"""Who may look at the clock: its promises, its pulses, and what beat sends."""

from typing import Any

from django.db import migrations

from directory.grants import every, grant

CLOCK = ["deadline", "pulse", "outage", "schedulerepair"]
READERS = ("Admin", "Auditor")


def give(apps: Any, schema_editor: Any) -> None:
    grant(apps, "deadlines", {name: every(["view"], CLOCK) for name in READERS})
    grant(apps, "django_celery_beat", {name: ["view_periodictask"] for name in READERS})


def take_back(apps: Any, schema_editor: Any) -> None:
    through = apps.get_model("auth", "Group").permissions.through
    through.objects.filter(
        group__name__in=READERS,
        permission__content_type__app_label__in=["deadlines", "django_celery_beat"],
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0003_standing_facts_noted"),
        ("deadlines", "0003_schedule_repair"),
        ("django_celery_beat", "0001_initial"),
    ]

    operations = [migrations.RunPython(give, take_back)]
