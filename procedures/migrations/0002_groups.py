"""What the groups may do with procedures: admins publish all, managers draft, others read."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

RECORDS = ["procedureversion", "outcome"]


def grant(apps: Any, schema_editor: Any) -> None:
    # Django makes permissions only after the last migration; these are needed now.
    create_permissions(installed.get_app_config("procedures"), verbosity=0)
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ours = Permission.objects.filter(content_type__app_label="procedures")
    rules = ours.exclude(content_type__model__in=RECORDS)
    reading = ours.filter(codename__startswith="view_").exclude(content_type__model="outcome")
    drafting = rules.exclude(codename="publish_procedure")
    ledger = ours.filter(codename="view_outcome")
    grants = {
        "Admin": rules | reading | ledger,
        "Manager": (drafting | reading).exclude(codename__in=["add_procedure", "delete_procedure"]),
        "Engineer": reading,
        "Responder": reading,
        "Auditor": reading | ledger,
    }
    for name, permissions in grants.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.add(*permissions)


def take_back(apps: Any, schema_editor: Any) -> None:
    for group in apps.get_model("auth", "Group").objects.all():
        group.permissions.remove(*group.permissions.filter(content_type__app_label="procedures"))


class Migration(migrations.Migration):
    dependencies = [
        ("procedures", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant, take_back)]
