"""What the views of rotas share: who asks, what for, and how a refusal reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from directory.api.fields import instant
from directory.api.problems import Refused
from directory.models import User
from rotations import services
from rotations.api.serializers import person_meant
from rotations.models import Rota
from rotations.permissions import visible_rotas
from rotations.rules.proof import Breach


@contextmanager
def refusals() -> Iterator[None]:
    """What the verbs refuse, as problems with their code; a broken roster with its breaches as `reasons`."""
    try:
        yield
    except services.RosterBroken as broken:
        reasons = [readable_breach(breach) for breach in broken.breaches]
        raise Refused(broken.code, broken.message, reasons) from broken
    except services.RotaRefused as refusal:
        raise Refused(refusal.code, refusal.message) from refusal


def readable_breach(breach: Breach) -> dict[str, Any]:
    """What the proof found, as a reason of a refusal."""
    return {
        "code": breach.kind.value,
        "text": breach.said,
        "clause": breach.clause,
        "waivable": True,
        "level": breach.level,
        "users": list(breach.user_ids),
        "starts_at": instant(breach.starts_at),
        "ends_at": instant(breach.ends_at),
    }


def asked(query: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """What stands in the address; a dict, so that an empty value is a fault and not a default."""
    found = query(data=request.query_params.dict())
    found.is_valid(raise_exception=True)
    return cast(dict[str, Any], found.validated_data)


def sent(body: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """What stands in the body."""
    found = body(data=request.data)
    found.is_valid(raise_exception=True)
    return cast(dict[str, Any], found.validated_data)


def person(request: Request) -> User:
    """Who asks."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def somebody(text: str, request: Request, field: str) -> User:
    """The person meant by an address, an id or “me”; a fault of this field where there is none."""
    found = person_meant(text, person(request))
    if found is None:
        raise ValidationError({field: "Nobody has this address or id."})
    return found


def seen_rota(slug: str, request: Request) -> Rota:
    """The rota of this slug, if who asks may look at it; else there is none."""
    return get_object_or_404(visible_rotas(request.user), slug=slug)
