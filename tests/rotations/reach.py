"""People whom the roster proof lets be on call."""

from __future__ import annotations

from directory.models import User
from notifications.models import ContactMethod


def make_reachable(*people: User) -> None:
    """A verified contact method each."""
    ContactMethod.objects.bulk_create(
        ContactMethod(
            user=person, kind="pager", channel="mail", address=person.email,
            verified_at=person.created_at,
        )
        for person in people
    )  # fmt: skip
