"""Contact methods: added, verified by a code that travels over the channel itself, changed."""

from __future__ import annotations

import hmac
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import transaction

from notifications import nudge
from notifications.enums import Lane, MethodKind, PageOutState, PageState, Purpose, Urgency
from notifications.links import derive_token, hash_token, new_salt
from notifications.models import ContactMethod, Page, PageOut
from notifications.queries import channel_rows, limits
from notifications.rules.message import Message, message_to_json

PAUSE_BETWEEN_CODES = timedelta(seconds=30)
METHOD_SUBJECT = "notifications.method"


class CodeRefused(Exception):
    """A code was not sent or not taken; the text says why and what to do."""


def add_method(
    *,
    user_id: int,
    kind: MethodKind,
    channel: str,
    address: str,
    now: datetime,
    position: int = 0,
    verified: bool = False,
) -> ContactMethod:
    """Adds a way to reach a person; the same one again is found, not doubled.

    It is not used before it is verified; `verified` is for rows whose address is known to be right
    (sample data, an import by an admin). Raises ValidationError for an address that cannot be one.
    """
    address = clean_address(channel, address)
    method, _ = ContactMethod.objects.get_or_create(
        user_id=user_id,
        kind=kind,
        channel=channel,
        address=address,
        defaults={"position": position, "verified_at": now if verified else None},
    )
    return method


def change_address(method_id: int, *, address: str) -> ContactMethod:
    """Gives a method another address, which has to be verified anew; the old one is no longer used."""
    with transaction.atomic():
        method = ContactMethod.objects.select_for_update().get(pk=method_id)
        address = clean_address(method.channel, address)
        if address != method.address:
            method.address = address
            method.verified_at = None
            method.code_salt = ""
            method.code_sent_at = None
            method.save(update_fields=["address", "verified_at", "code_salt", "code_sent_at"])
    return method


def remove_method(method_id: int) -> None:
    """A way is no longer used; what was sent over it stays on the record, what waits still goes out."""
    ContactMethod.objects.filter(pk=method_id).delete()


def clean_address(channel: str, address: str) -> str:
    """The address as it is kept. Raises ValidationError for one the channel could never use."""
    address = address.strip()
    if not address or any(ord(character) < 32 for character in address):
        raise ValidationError("Write an address on one line.")
    if channel == "mail":
        validate_email(address)
    if channel == "webhook":
        URLValidator(schemes=["http", "https"])(address)
    return address


def send_code(method_id: int, *, now: datetime) -> PageOut:
    """Sends a fresh six-digit code over the method itself; an earlier one stops working.

    Raises CodeRefused when one went out less than 30 seconds ago, or the channel is not set up.
    """
    with transaction.atomic():
        method = (
            ContactMethod.objects.select_for_update(of=("self",))
            .select_related("user")
            .get(pk=method_id)
        )
        if method.code_sent_at and now - method.code_sent_at < PAUSE_BETWEEN_CODES:
            raise CodeRefused("A code is on its way. Wait half a minute before asking for another.")
        if method.channel not in channel_rows():
            raise CodeRefused(
                f"The channel “{method.channel}” is not set up; no code can be sent over it."
            )
        method.code_salt = new_salt()
        method.code_sent_at = now
        method.code_attempts = 0
        method.save(update_fields=["code_salt", "code_sent_at", "code_attempts"])
        return _send_direct(method, purpose=Purpose.CODE, message=None, now=now)


def verify_code(method_id: int, code: str, *, now: datetime) -> ContactMethod:
    """Takes the code a person typed and marks the method verified; a verified one stays so.

    Raises CodeRefused for a wrong or old code, and after too many wrong ones until a new code is
    sent. Each try is counted and the count committed, in its own transaction.
    """
    in_force = limits()
    with transaction.atomic():
        method = ContactMethod.objects.select_for_update().get(pk=method_id)
        if method.verified_at is not None:
            return method
        refusal = _refusal(method, code, in_force.code_minutes, in_force.code_attempts, now)
        if refusal:
            method.code_attempts += 1
            method.save(update_fields=["code_attempts"])
        else:
            method.verified_at = now
            method.code_salt = ""
            method.save(update_fields=["verified_at", "code_salt"])
    if refusal:
        raise CodeRefused(refusal)
    return method


def _refusal(method: ContactMethod, code: str, minutes: int, attempts: int, now: datetime) -> str:
    if not method.code_salt or method.code_sent_at is None:
        return "No code was sent. Ask for one first."
    if now - method.code_sent_at > timedelta(minutes=minutes):
        return f"The code is older than {minutes} minutes. Ask for a new one."
    if method.code_attempts >= attempts:
        return "Too many wrong codes. Ask for a new one."
    given = "".join(character for character in code if character.isdigit())
    if not hmac.compare_digest(given, code_of(method)):
        left = attempts - method.code_attempts - 1
        return f"That is not the code. {left} more {'try' if left == 1 else 'tries'}."
    return ""


def code_of(method: ContactMethod) -> str:
    """The six digits now expected; derived, so that the database does not hold them."""
    material = f"watchbill.code\0{method.pk}\0{method.address}\0{method.code_salt}".encode()
    digest = hmac.digest(settings.SECRET_KEY.encode(), material, "sha256")
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def send_test_message(method_id: int, *, now: datetime) -> PageOut:
    """Sends "this is a test" over one method, as a page would go."""
    method = ContactMethod.objects.select_related("user").get(pk=method_id)
    return _send_direct(
        method,
        purpose=Purpose.TEST,
        message=Message(
            subject="Test from Watchbill: nothing to do",
            text=(
                f"This is a test of the way a page would reach you ({method.kind}).\n"
                "Nothing is burning and nothing is asked of you.\n"
            ),
        ),
        now=now,
    )


def _send_direct(
    method: ContactMethod, *, purpose: Purpose, message: Message | None, now: datetime
) -> PageOut:
    key, salt = uuid.uuid4(), new_salt()
    with transaction.atomic():
        page_out = PageOut.objects.create(
            key=key,
            purpose=purpose,
            subject_type=METHOD_SUBJECT,
            subject_id=method.pk,
            user=method.user,
            step_key=f"{purpose}:{key}",
            step_label="Verification code" if purpose == Purpose.CODE else "Test message",
            urgency=Urgency.HIGH,
            state=PageOutState.WAITING,
            message=message_to_json(message) if message else {},
            created_at=now,
            token_salt=salt,
            token_hash=hash_token(derive_token(key, salt)),
            token_expires_at=now,
        )
        Page.objects.create(
            page_out=page_out,
            method=method,
            channel=method.channel,
            address=method.address,
            lane=Lane.DIRECT,
            state=PageState.PENDING,
            not_before=now,
            next_try_at=now,
            delivery_key=f"{key}.0",
            created_at=now,
        )
        nudge.after_commit()
    return page_out
