"""How people are reached, the channels and limits, and the outbox itself, in the admin."""

from notifications.admin.contacts import ContactMethodAdmin, NotificationRuleAdmin
from notifications.admin.outbox import PageAdmin, PageOutAdmin
from notifications.admin.setup import AllowedTargetAdmin, ChannelAdmin, PagingLimitsAdmin

__all__ = [
    "AllowedTargetAdmin",
    "ChannelAdmin",
    "ContactMethodAdmin",
    "NotificationRuleAdmin",
    "PageAdmin",
    "PageOutAdmin",
    "PagingLimitsAdmin",
]
