"""What the rotas say of themselves: for `/readyz`."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from deadlines.enums import State
from deadlines.extension import Problem
from deadlines.models import Deadline
from rotations.queries.messages import SUBJECT
from rotations.services.promising import LOOK, look_at_all, published_rotas

GRACE = timedelta(minutes=10)
TOO_LONG = timedelta(hours=2)


def check(now: datetime) -> list[Problem]:
    """Rosters that nobody looks at, which is mended here and now; and those not looked at for long."""
    looks = Deadline.objects.filter(subject_type=SUBJECT, kind=LOOK, state=State.PENDING)
    forgotten = (
        published_rotas()
        .filter(~Exists(looks.filter(subject_id=OuterRef("team_id"))))
        .filter(active=True, created_at__lt=now - GRACE)
        .values("team_id")
        .distinct()
        .count()
    )
    found = []
    if forgotten:
        look_at_all(now=now)
        found.append(
            Problem(
                "rosters",
                f"The rosters of {forgotten} teams were not looked at. From now on they are.",
                "warning",
            )
        )
    overdue = looks.filter(due_at__lt=now - TOO_LONG).count()
    if overdue:
        found.append(
            Problem("rosters", f"The rosters of {overdue} teams have not been proved for hours.")
        )
    return found
