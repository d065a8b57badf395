"""Every way the outbox may change."""

from notifications.services.contacts import (
    CodeRefused,
    add_method,
    change_address,
    remove_method,
    send_code,
    send_test_message,
    verify_code,
)
from notifications.services.history import record_as_delivered
from notifications.services.paging import (
    PageRequest,
    answer_page,
    mark_opened,
    page_people,
    release_held,
    retry_page,
    supersede,
)
from notifications.services.telling import tell

__all__ = [
    "CodeRefused",
    "PageRequest",
    "add_method",
    "answer_page",
    "change_address",
    "mark_opened",
    "page_people",
    "record_as_delivered",
    "release_held",
    "remove_method",
    "retry_page",
    "send_code",
    "send_test_message",
    "supersede",
    "tell",
    "verify_code",
]
