"""Where an admin's button leads when it is done."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect


def leave_for(request: HttpRequest, page: str) -> HttpResponse:
    """To the page. A dialog is left by a header, as its request cannot follow a redirect and would
    swallow the message that waits there.
    """
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(page)
    return redirect(page)
