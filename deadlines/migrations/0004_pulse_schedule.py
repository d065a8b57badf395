from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deadlines", "0003_schedule_repair"),
    ]

    operations = [
        migrations.AddField(
            model_name="pulse",
            name="schedule",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Stands for the schedule that its settings want of beat.",
                max_length=16,
            ),
        ),
    ]
