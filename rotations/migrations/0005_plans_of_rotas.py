"""Each rota's turns become its first plan, in force since ever; each team gets its roster rules; grants."""

from typing import Any

from django.db import migrations

from directory.grants import DEFAULT_ACTIONS, every, grant

TURNS = (
    "unit", "length", "handoff_weekday", "handoff_time", "zone", "starts_on", "derived_from_id", "offset",
)  # fmt: skip
EDITED = ["plan", "planmember", "timeoff", "rosterrules"]
LOOKED_AT = ["plan", "planmember", "timeoff", "rosterrules", "shift", "swap", "breach"]
GRANTS = {
    "Admin": every(DEFAULT_ACTIONS, EDITED) + every(["view"], LOOKED_AT),
    "Manager": every(DEFAULT_ACTIONS, EDITED) + every(["view"], LOOKED_AT),
    "Engineer": every(["view"], LOOKED_AT),
    "Auditor": every(["view"], LOOKED_AT),
}


def carry_over(apps: Any, schema_editor: Any) -> None:
    rota, member = apps.get_model("rotations", "Rota"), apps.get_model("rotations", "RotaMember")
    plan, place = apps.get_model("rotations", "Plan"), apps.get_model("rotations", "PlanMember")
    for row in rota.objects.all():
        made = plan.objects.create(
            rota=row, state="published", **{name: getattr(row, name) for name in TURNS}
        )
        place.objects.bulk_create(
            place(plan=made, user_id=one.user_id, position=one.position)
            for one in member.objects.filter(rota=row)
        )
    rules = apps.get_model("rotations", "RosterRules")
    teams = apps.get_model("directory", "Team").objects.all()
    rules.objects.bulk_create(rules(team=team) for team in teams)


def give(apps: Any, schema_editor: Any) -> None:
    grant(apps, "rotations", GRANTS)


class Migration(migrations.Migration):
    dependencies = [("rotations", "0004_plans")]

    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RunPython(give, migrations.RunPython.noop),
    ]
