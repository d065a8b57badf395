"""Beat's schedule rows as the settings want them: somebody may delete, stop or edit one by hand."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import current_app
from django.db import connection, transaction
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import ModelEntry

from deadlines.models import ScheduleRepair
from deadlines.queries import amiss_in_schedule, another_schedule_is_wanted, wanted_schedule

logger = logging.getLogger(__name__)

LOCK = 0x53434844  # any number of our own


def restore_schedule(*, now: datetime, quiet: bool = False) -> list[ScheduleRepair]:
    """Makes the rows that the settings name as they are there, and tells beat to read them again.

    What was amiss is kept as a repair and logged; `quiet` keeps nothing, as when a new version brings
    its own schedule. Rows of other names are left alone. Returns the repairs.

    While clocks of two versions tick, what looks edited may be the other's schedule: the row is left as
    the newest start made it until one of them is gone.
    """
    if not _amiss(now, quiet):
        return []
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Several clocks look at the same moment: one restores, the others find nothing amiss.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        amiss = _amiss(now, quiet)
        for name in amiss:
            _write(name)
        if not amiss or quiet:
            return []
        repairs = ScheduleRepair.objects.bulk_create(
            ScheduleRepair(at=now, name=name, what=what) for name, what in amiss.items()
        )
    for repair in repairs:
        logger.error("beat's schedule row %s was %s; it is restored", repair.name, repair.what)
    return repairs


def _amiss(now: datetime, quiet: bool) -> dict[str, str]:
    amiss = amiss_in_schedule()
    if quiet or "edited" not in amiss.values() or not another_schedule_is_wanted(now):
        return amiss
    return {name: what for name, what in amiss.items() if what != "edited"}


def _write(name: str) -> None:
    # What a new version would leave as it is, or refuse to overwrite.
    PeriodicTask.objects.filter(name=name).update(
        enabled=True, one_off=False, start_time=None, expires=None
    )
    ModelEntry.from_entry(name, app=current_app, **wanted_schedule()[name])
    PeriodicTasks.update_changed()
