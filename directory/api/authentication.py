"""Who calls the API: a bearer of a token."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from directory.enums import Scope
from directory.models import ApiToken, User
from directory.services import use_token


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer KEY`. A token narrowed to reading may only read."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, key = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = use_token(key.strip().decode("latin-1"), now=timezone.now())
        if token is None:
            raise AuthenticationFailed(
                "The token is unknown, has ended, or its person is inactive."
            )
        if Scope.READ in token.scopes and request.method not in SAFE_METHODS:
            raise PermissionDenied("This token may only read.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Watchbill"'
