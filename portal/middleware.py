"""What every answer carries: the strict policy for content outside the admin, and who may keep a copy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

Answer = Callable[[HttpRequest], HttpResponse]


class PoliciesMiddleware:
    """The admin's Alpine needs `unsafe-eval`; that stays inside `/admin/`. The API's reader needs inline styles.

    A page for a signed-in person is kept by no cache; each answer says the server's time, from which
    the clocks of the page tick.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not hasattr(response, "_csp_config"):
            if request.path.startswith("/admin/"):
                response._csp_config = settings.SECURE_CSP_ADMIN  # type: ignore[attr-defined]
            elif request.path.startswith("/api/docs"):
                response._csp_config = settings.SECURE_CSP_API_DOCS  # type: ignore[attr-defined]
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "private, no-store")
            response.headers.setdefault(
                "Permissions-Policy", "camera=(), microphone=(), geolocation=()"
            )
            response.headers.setdefault("X-Server-Now", datetime.now(UTC).isoformat())
        return response


class AddressMiddleware:
    """An address with a NUL names nothing, and PostgreSQL cannot even be asked: it is not found.

    Machines' doors answer it themselves, without a log line that would hold their key.
    """

    FOR_MACHINES = ("/hooks/", "/heartbeats/", "/v2/", "/api/", "/p/")

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(self.FOR_MACHINES) and _has_nul(request):
            raise Http404
        return self.get_response(request)


class NameMiddleware(CommonMiddleware):
    """Django's own, which refuses a request under a name that is none of ours.

    Monitors and senders may use whatever name the network gives us: nothing there is made of it, and a
    sender that is refused drops its alert for good.
    """

    BY_ANY_NAME = ("/hooks/", "/heartbeats/", "/v2/", "/healthz", "/readyz", "/metrics")

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info.startswith(self.BY_ANY_NAME):
            return None
        return super().process_request(request)


def _has_nul(request: HttpRequest) -> bool:
    return "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")
