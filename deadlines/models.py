"""The promises, and the pulse of the processes that enforce them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from deadlines.enums import Nature, Reach, State


class Deadline(models.Model):
    """One promise: what is owed to whom by when, under which clause, and how it ended."""

    kind = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    key = models.CharField(max_length=200, unique=True, help_text="A promise is made once per key.")
    round = models.PositiveIntegerField(default=0)
    clause = models.CharField(max_length=20, blank=True)
    nature = models.CharField(max_length=8, choices=[(n, n.value) for n in Nature])
    reach = models.CharField(max_length=8, choices=[(r, r.value) for r in Reach])
    due_at = models.DateTimeField()
    run_at = models.DateTimeField(
        help_text="When the clock next looks at it: the due time, or later after a failure."
    )
    state = models.CharField(
        max_length=10, choices=[(s, s.value) for s in State], default=State.PENDING
    )
    owed_by_id = models.BigIntegerField(null=True, blank=True)
    owed_by = models.CharField(max_length=200, blank=True)
    team_id = models.BigIntegerField(null=True, blank=True)
    payload = models.JSONField(default=dict, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    late_reason = models.CharField(max_length=200, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    remaining = models.DurationField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["due_at", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["run_at", "id"], name="deadline_due", condition=Q(state="pending")
            ),
            models.Index(fields=["subject_type", "subject_id", "due_at"], name="deadline_subject"),
            models.Index(
                fields=["id"], name="deadline_failing", condition=Q(state="pending", tries__gt=0)
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="deadline_open_or_settled",
                condition=Q(state__in=["pending", "paused"], settled_at__isnull=True)
                | Q(state__in=["met", "missed", "waived", "cancelled"], settled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="deadline_paused_knows_the_rest",
                condition=~Q(state="paused") | Q(paused_at__isnull=False, remaining__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} due {self.due_at:%Y-%m-%d %H:%M:%S} UTC ({self.state})"

    @property
    def late_by(self) -> float | None:
        """Seconds between the due time and the deed; 0 when in time, None while it is not done."""
        done = self.fulfilled_at or (self.settled_at if self.state == State.MET else None)
        return max(0.0, (done - self.due_at).total_seconds()) if done else None


class Pulse(models.Model):
    """The last finished tick of each process that enforces: a dead clock is seen here."""

    name = models.CharField(max_length=80, primary_key=True)
    role = models.CharField(max_length=20)
    ticked_at = models.DateTimeField()
    lag = models.DurationField(help_text="How late the oldest promise of the tick was handled.")
    skew = models.DurationField(help_text="The process's wall clock minus the database's.")
    handled = models.PositiveIntegerField(default=0)
    schedule = models.CharField(
        max_length=16, blank=True, default="", db_default="",
        help_text="Stands for the schedule that its settings want of beat.",
    )  # fmt: skip

    class Meta:
        verbose_name = "pulse"

    def __str__(self) -> str:
        return f"{self.name} at {self.ticked_at:%H:%M:%S} UTC"


class Outage(models.Model):
    """A stretch in which nothing ticked: what fell due in it is marked late."""

    began_at = models.DateTimeField(unique=True)
    ended_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-began_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="outage_has_length", condition=Q(ended_at__gt=models.F("began_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M:%S} to {self.ended_at:%H:%M:%S} UTC"


class StandingMark(models.Model):
    """One of the marks that together are the revision of all standing facts (`deadlines.standing`)."""

    slot = models.PositiveSmallIntegerField(primary_key=True)
    mark = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.slot}: {self.mark}"


class ScheduleRepair(models.Model):
    """One of beat's schedule rows was not as the settings want it, and was restored."""

    at = models.DateTimeField()
    name = models.CharField(max_length=200)
    what = models.CharField(max_length=200, help_text="What had been done to it.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-at", "-id"], name="schedule_repair_newest")
        ]

    def __str__(self) -> str:
        return f"{self.name} was {self.what}, restored at {self.at:%Y-%m-%d %H:%M:%S} UTC"
