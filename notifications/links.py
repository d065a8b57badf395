"""The secret links in messages. Only a salt and a hash are stored; the link is derived again when it is sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid

from django.conf import settings

from notifications.models import PageOut

TOKEN_BYTES = 24
PURPOSE = b"watchbill.phone-page"


def new_salt() -> str:
    return secrets.token_urlsafe(16)


def derive_token(key: uuid.UUID, salt: str, *, secret: str | None = None) -> str:
    """The token of a page-out: 192 bits of HMAC-SHA256 over its key and salt, URL-safe."""
    material = b"\0".join((PURPOSE, key.bytes, salt.encode()))
    digest = hmac.digest((secret or settings.SECRET_KEY).encode(), material, "sha256")
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def token_of(page_out: PageOut) -> str:
    """The token whose hash is stored, also when the secret key was rotated since.

    When no known key yields it, a new one is issued and stored: links sent before stop working,
    the next message carries one that works.
    """
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        token = derive_token(page_out.key, page_out.token_salt, secret=secret)
        if hmac.compare_digest(hash_token(token), page_out.token_hash):
            return token
    page_out.token_salt = new_salt()
    token = derive_token(page_out.key, page_out.token_salt)
    page_out.token_hash = hash_token(token)
    PageOut.objects.filter(pk=page_out.pk).update(
        token_salt=page_out.token_salt, token_hash=page_out.token_hash
    )
    return token


def phone_url(page_out: PageOut) -> str:
    """The address of the phone page of one page-out: never to be logged."""
    return f"{settings.BASE_URL}/p/{token_of(page_out)}/"
