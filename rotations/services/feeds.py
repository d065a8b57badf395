"""Feeds of shifts: made, revoked, opened by their key."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q

from deadlines.extension import PORTAL, Actor
from directory.models import User
from directory.permissions import is_admin, person_of
from directory.services import hash_of
from rotations.models import Feed
from rotations.permissions import visible_rotas

KEY_MARK = "wbf_"
TOUCH_EVERY = timedelta(minutes=1)


@transaction.atomic
def make_feed(*, rota_id: int | None, actor: Actor, now: datetime) -> tuple[Feed, str]:
    """A feed of the actor's own shifts, or of a rota they see, with its key, which is shown this once.

    The one before it is revoked. Raises PermissionDenied for who is no person or does not see the rota.
    """
    person = person_of(actor)
    if not isinstance(person, User):
        raise PermissionDenied("Only a person has a calendar.")
    if rota_id is not None and not visible_rotas(person).filter(pk=rota_id).exists():
        raise PermissionDenied("Only who sees the rota may have its calendar.")
    User.objects.select_for_update(of=("self",)).get(pk=person.pk)  # one after another
    Feed.objects.filter(user=person, rota=rota_id, revoked_at=None).update(revoked_at=now)
    key = KEY_MARK + secrets.token_urlsafe(32)
    feed = Feed.objects.create(
        user=person, rota_id=rota_id, prefix=key[:10], sha256=hash_of(key), created_at=now
    )
    return feed, key


def revoke_feed(feed_id: int, *, actor: Actor, now: datetime) -> None:
    """Ends a feed: its address answers nothing from now on. Harmless when it is ended or gone.

    Raises PermissionDenied for anybody but its person and admins.
    """
    feed = Feed.objects.filter(pk=feed_id).first()
    if feed is None:
        return
    own = actor.kind == "user" and actor.id == feed.user_id
    if not (own or actor == PORTAL or is_admin(person_of(actor))):
        raise PermissionDenied("Only the person or an admin may do this.")
    Feed.objects.filter(pk=feed_id, revoked_at=None).update(revoked_at=now)


def use_feed(key: str, *, rota_slug: str | None, now: datetime) -> Feed | None:
    """The feed a key opens; None for one unknown, revoked, of another rota, of an inactive person, or of a
    rota its person no longer sees.

    The time of its last use is kept to the minute.
    """
    feed = (
        Feed.objects.select_related("user", "rota__team")
        .filter(sha256=hash_of(key), revoked_at=None, user__is_active=True)
        .filter(Q(rota=None) if rota_slug is None else Q(rota__slug=rota_slug))
        .first()
    )
    if feed is None or (
        feed.rota_id is not None and not visible_rotas(feed.user).filter(pk=feed.rota_id).exists()
    ):
        return None
    if feed.last_used_at is None or feed.last_used_at <= now - TOUCH_EVERY:
        Feed.objects.filter(pk=feed.pk).update(last_used_at=now)
    return feed
