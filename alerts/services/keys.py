"""The life of an integration's keys: made, shown once, rotated without a gap, withdrawn."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alerts.models import Integration, IntegrationKey
from alerts.queries import hash_of
from deadlines.extension import Actor

# As long as PagerDuty's routing keys, because some clients refuse any other length.
KEY_LENGTH = 32
PREFIX_LENGTH = 6
ROTATION = timedelta(days=7)
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `key` is shown once and kept nowhere."""

    row: IntegrationKey
    key: str


def create_key(integration_id: int, *, actor: Actor, now: datetime) -> NewKey:
    """A new key of the integration, beside those it has."""
    key = "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))
    return NewKey(keep_key(integration_id, key, actor=actor, now=now), key)


def keep_key(integration_id: int, key: str, *, actor: Actor, now: datetime) -> IntegrationKey:
    """Accepts a key made elsewhere (another system's routing key). Its hash alone is kept."""
    return IntegrationKey.objects.create(
        integration_id=integration_id,
        prefix=key[:PREFIX_LENGTH],
        sha256=hash_of(key),
        created_at=now,
        created_by=actor.label,
    )


def rotate_key(
    integration_id: int, *, actor: Actor, now: datetime, overlap: timedelta = ROTATION
) -> NewKey:
    """A new key; the ones before it stay good for `overlap`, so that no alert is refused meanwhile."""
    with transaction.atomic():
        Integration.objects.select_for_update(no_key=True).get(pk=integration_id)
        end = now + overlap
        living = Q(expires_at__isnull=True) | Q(expires_at__gt=end)
        IntegrationKey.objects.filter(living, integration_id=integration_id).update(expires_at=end)
        return create_key(integration_id, actor=actor, now=now)


def withdraw_key(key: IntegrationKey, *, now: datetime) -> None:
    """The key is refused from now on, in every process: validity is judged by each statement."""
    IntegrationKey.objects.filter(pk=key.pk).update(expires_at=max(now, key.created_at))
