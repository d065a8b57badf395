"""What monitoring sends, and who may send it."""

from alerts.models.alert import Alert
from alerts.models.heartbeat import HeartbeatMonitor
from alerts.models.integration import Integration, IntegrationKey
from alerts.models.test_run import TestRun

__all__ = ["Alert", "HeartbeatMonitor", "Integration", "IntegrationKey", "TestRun"]
