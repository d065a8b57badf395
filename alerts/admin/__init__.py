"""Integrations to edit, alerts to look at."""

from alerts.admin.alert import AlertAdmin
from alerts.admin.integration import IntegrationAdmin

__all__ = ["AlertAdmin", "IntegrationAdmin"]
