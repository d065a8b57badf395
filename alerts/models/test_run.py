"""One press of “Send test alert”."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from alerts.models.alert import Alert
from alerts.models.integration import Integration


class TestRun(models.Model):
    """A test alert on its way: who asked for it, and what it has become.

    An event with the label `watchbill_test` and this token opens a drill that pages `user` alone.
    """

    __test__ = False  # pytest takes the name for a class of tests

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="test_runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=40, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    alert = models.ForeignKey(
        Alert, on_delete=models.PROTECT, null=True, blank=True, related_name="test_runs"
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"Test of {self.integration}"
