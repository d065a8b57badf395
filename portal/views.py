"""Signing in and out, and the server's clock for the clocks of the pages."""

from __future__ import annotations

from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


class SignIn(auth_views.LoginView):
    """One door for the pages and the admin."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True


class SignOut(auth_views.LogoutView):
    """POST only."""


@require_safe
def clock(request: HttpRequest) -> HttpResponse:
    """Says the server's time in a header and nothing else: what a page asks after the device slept."""
    return HttpResponse(status=204)
