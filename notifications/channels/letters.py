"""A message as a mail: text and HTML, an id made of the delivery key, headers that cannot be broken."""

from __future__ import annotations

import hashlib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from notifications.rules.message import Message, one_line


def letter(message: Message, address: str, *, key: str) -> EmailMultiAlternatives:
    """The mail for one address. Its Message-ID is the same in every try, so that servers and
    readers can recognise a repeat."""
    mail = EmailMultiAlternatives(
        subject=one_line(message.subject, 250),
        body=message.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[one_line(address, 500)],
        headers={
            "Message-ID": message_id(key),
            "X-Watchbill-Delivery": one_line(key, 200),
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def message_id(key: str) -> str:
    """The Message-ID of a delivery key, in the sender's domain."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "watchbill.invalid"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"
