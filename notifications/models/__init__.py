"""Ways to reach people, the outbox, and its limits."""

from notifications.models.contact import ContactMethod, NotificationRule
from notifications.models.outbox import Attempt, Pace, Page, PageOut
from notifications.models.setup import AllowedTarget, Channel, PagingLimits

__all__ = [
    "AllowedTarget",
    "Attempt",
    "Channel",
    "ContactMethod",
    "NotificationRule",
    "Pace",
    "Page",
    "PageOut",
    "PagingLimits",
]
