"""A waiver knows how far what it let stand went."""

from typing import Any

from django.db import migrations, models
from django.db.models import F


def as_they_stand(apps: Any, schema_editor: Any) -> None:
    apps.get_model("rotations", "Breach").objects.filter(waived_at__isnull=False).update(
        waived_until=F("ends_at")
    )


class Migration(migrations.Migration):
    dependencies = [("rotations", "0008_feeds_of_shifts")]

    operations = [
        migrations.AddField(
            model_name="breach",
            name="waived_until",
            field=models.DateTimeField(
                blank=True, help_text="Until when it went when it was let stand.", null=True
            ),
        ),
        migrations.RunPython(as_they_stand, migrations.RunPython.noop),
    ]
