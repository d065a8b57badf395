"""Signing in and out, the server's clock for the clocks of the pages, and what cannot be read at all."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.defaults import bad_request

from directory.api.problems import problem_of


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


@require_safe
def to_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own door leads to the common one; who has signed in and is sent here may not enter."""
    if request.user.is_authenticated:
        raise PermissionDenied
    query = request.META.get("QUERY_STRING", "")
    return redirect(f"{reverse('sign-in')}?{query}" if query else "sign-in")


@require_safe
@login_required
def on_site(request: HttpRequest, content_type_id: int, object_id: str) -> HttpResponse:
    """“View on site” in the admin, for the rows the reader may see there.

    Django's own way leads to any row, and so tells the address of a hidden one.
    """
    row = _row_in_the_admin(request, content_type_id, object_id)
    if not hasattr(row, "get_absolute_url"):
        raise Http404
    return redirect(row)


@require_safe
@login_required
def no_such_row(request: HttpRequest, rest: str) -> HttpResponse:
    """Stands before Django's own view for whatever is no row's address."""
    raise Http404


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that Django refuses before any view, such as one under a foreign name."""
    if request.path_info.startswith("/api/"):
        return problem_of(HTTPStatus.BAD_REQUEST, "The request or its Host makes no sense here.")
    return bad_request(request, exception)


def _row_in_the_admin(request: HttpRequest, content_type_id: int, object_id: str) -> Any:
    content_type = ContentType.objects.filter(pk=content_type_id).first()
    model = content_type.model_class() if content_type else None
    if model is None:
        return None
    try:
        its_admin = admin.site.get_model_admin(model)
    except NotRegistered:
        return None
    if not its_admin.has_view_permission(request):
        return None
    return its_admin.get_object(request, object_id)
