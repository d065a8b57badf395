"""The ways in for monitoring. No session, no cookie, no CSRF token: the key is all.

A 2xx means that everything is committed. Django logs the path of a refused request, and here the path
holds a key: every answer is marked as logged, and what is worth a line is logged without the path.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from alerts import services
from alerts.enums import IntegrationKind
from alerts.queries import integration_by_key
from alerts.rules import alertmanager, generic, grafana, pagerduty
from alerts.rules.body import parsed
from alerts.rules.facts import AlertFacts, TooLarge, Unreadable
from alerts.services import Busy, Overloaded, UnknownKey
from alerts.views.bodies import OversizedBody, body_of

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
_ROUTING_KEY = re.compile(rb'"routing_key"\s*:\s*"([A-Za-z0-9_-]{1,128})"')
View = Callable[..., HttpResponse]


def door(*methods: str) -> Callable[[View], View]:
    """A view for machines: these methods only, never a redirect, never a traceback, never a logged key."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @transaction.non_atomic_requests
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                response = _refusal(405, f"Send {' or '.join(methods)}.")
                response["Allow"] = ", ".join(methods)
            else:
                response = _answered(view, request, *args, **kwargs)
            response["Cache-Control"] = "no-store"
            response._has_been_logged = True  # type: ignore[attr-defined]
            return response

        return wrapped

    return decorate


def _answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    try:
        return view(request, *args, **kwargs)
    except (DatabaseError, Busy) as error:
        logger.exception("intake could not be committed: %s", type(error).__name__)
    except Exception:
        # A sender that hears 500 may give up; one that hears 503 comes again, when we may be mended.
        logger.exception("intake failed")
    response = _refusal(503, "Not taken just now. Send it again.")
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


@door("POST")
def enqueue(request: HttpRequest) -> HttpResponse:
    """PagerDuty's Events API v2: answers as PagerDuty does, so that a client only changes its address."""
    now = timezone.now()
    try:
        raw = body_of(request)
        document = parsed(raw)
        event = pagerduty.read(document, fresh_key=secrets.token_hex(16))
        shown = pagerduty.without_keys(raw, document)
        services.take(
            event.routing_key, IntegrationKind.PAGERDUTY, [event.facts], raw=shown, now=now
        )
    except OversizedBody as oversized:
        return _oversized_event(oversized)
    except Unreadable as fault:
        return _invalid_event(fault.errors)
    except UnknownKey:
        return _invalid_event(["'routing_key' is invalid"])
    except Overloaded as flood:
        answer = {
            "status": "throttle exceeded",
            "message": "Requests for this service are arriving too quickly. Please retry later.",
        }
        response = JsonResponse(answer, status=429)
        response["Retry-After"] = str(flood.retry_after)
        return response
    return JsonResponse(
        {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key},
        status=202,
    )


@door("POST", "PUT")
def alertmanager_hook(request: HttpRequest, key: str) -> HttpResponse:
    """Prometheus Alertmanager, version 4."""
    return _hook(request, key, IntegrationKind.ALERTMANAGER, alertmanager.read)


@door("POST", "PUT")
def grafana_hook(request: HttpRequest, key: str) -> HttpResponse:
    """Grafana alerting."""
    return _hook(request, key, IntegrationKind.GRAFANA, grafana.read)


@door("POST", "PUT")
def generic_hook(request: HttpRequest, key: str) -> HttpResponse:
    """Any JSON, through the integration's mapping."""

    def read(document: object) -> list[AlertFacts]:
        integration = integration_by_key(key, IntegrationKind.GENERIC, now=timezone.now())
        if integration is None:
            raise UnknownKey
        return generic.read(document, integration.mapping)

    return _hook(request, key, IntegrationKind.GENERIC, read)


@door("GET", "HEAD", "POST", "PUT")
def heartbeat(request: HttpRequest, key: str) -> HttpResponse:
    """“Still alive.” A GET too changes something here: the simplest senders can do nothing else."""
    try:
        services.beat(key, now=timezone.now())
    except UnknownKey:
        return _refusal(404, "No heartbeat has this key.")
    return JsonResponse({"status": "alive"})


@door("GET", "HEAD", "POST", "PUT")
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other address under /hooks/: it may hold a key, so it is not logged as Django would."""
    return _refusal(404, "There is no such hook. Known are alertmanager, grafana and generic.")


def _hook(
    request: HttpRequest,
    key: str,
    kind: IntegrationKind,
    read: Callable[[object], list[AlertFacts]],
) -> HttpResponse:
    now = timezone.now()
    try:
        raw = body_of(request)
        receipt = services.take(key, kind, read(parsed(raw)), raw=raw, now=now)
    except UnknownKey:
        return _unknown_key()
    except Unreadable as fault:
        known = integration_by_key(key, kind, now=now) is not None
        return _refusal(400, "The body cannot be read.", *fault.errors) if known else _unknown_key()
    except TooLarge:
        return _too_large() if services.take_oversized(key, kind, now=now) else _unknown_key()
    except Overloaded as flood:
        response = _refusal(503, str(flood))
        response["Retry-After"] = str(flood.retry_after)
        return response
    return JsonResponse(
        {"status": "accepted", "events": receipt.events, "new_alerts": receipt.new}, status=202
    )


def _oversized_event(oversized: OversizedBody) -> HttpResponse:
    """The key stands in the body: it is looked for where clients put it, at one of the two ends."""
    found = _ROUTING_KEY.search(oversized.start) or _ROUTING_KEY.search(oversized.end)
    told = found is not None and services.take_oversized(
        found[1].decode(), IntegrationKind.PAGERDUTY, now=timezone.now()
    )
    return (
        _too_large() if told else _refusal(413, "The body is larger than 16 MB. It was not read.")
    )


def _invalid_event(errors: list[str]) -> HttpResponse:
    return JsonResponse(
        {"status": "invalid event", "message": "Event object is invalid", "errors": errors},
        status=400,
    )


def _unknown_key() -> HttpResponse:
    return _refusal(404, "No integration of this kind has this key.")


def _too_large() -> HttpResponse:
    return _refusal(413, "The body is larger than 16 MB. It was not read, but an alert says so.")


def _refusal(status: int, message: str, *errors: str) -> HttpResponse:
    answer: dict[str, Any] = {"status": "refused", "message": message}
    if errors:
        answer["errors"] = list(errors)
    return JsonResponse(answer, status=status)
