"""The outbox: one's own messages, with how each was sent. Without a mail server an admin sees them all."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from deadlines.extension import contributions
from directory.models import User
from directory.permissions import is_admin
from notifications.channels.file import kept_letter
from notifications.enums import PageState
from notifications.models import Page, PageOut

PER_PAGE = 50
SEALED: dict[str, Any] = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "frame-ancestors": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.NONE],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


def sees_all(user: User) -> bool:
    """Only where mail is kept as files, and only an admin."""
    return bool(settings.EMBEDDED) and is_admin(user)


def visible_pages(user: User) -> QuerySet[Page]:
    """One's own messages; for an admin of an embedded portal everybody's but the restricted ones.

    A letter that speaks for several pages is shown only if none of them is hidden.
    Upper rooms contribute to "outbox.visible": a function of the user and of page-outs that gives
    those without what is hidden from the user.
    """
    pages = Page.objects.select_related("page_out__user").exclude(state=PageState.BUNDLED)
    own = Q(page_out__user=user)
    if not sees_all(user):
        return pages.filter(own)
    others = PageOut.objects.all()
    for _, provider in contributions("outbox.visible"):
        others = provider(user, others)
    seen = Q(page_out__in=others.values("pk"))
    hidden_inside = Exists(Page.objects.filter(bundle=OuterRef("pk")).exclude(seen))
    return pages.filter(own | (seen & ~hidden_inside))


@require_safe
@login_required
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest messages first; an admin of an embedded portal sees everybody's, or by `?whose=mine` their own."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    everybody = sees_all(request.user) and request.GET.get("whose", "all") == "all"
    pages = visible_pages(request.user)
    if not everybody:
        pages = pages.filter(page_out__user=request.user)
    number = request.GET.get("page", "")
    start = (
        (int(number) - 1) * PER_PAGE
        if number.isascii() and number.isdigit() and len(number) < 5 and int(number)
        else 0
    )
    rows = list(pages.order_by("-id")[start : start + PER_PAGE + 1])
    current = start // PER_PAGE + 1
    return render(
        request,
        "notifications/outbox.html",
        {
            "rows": rows[:PER_PAGE],
            "everybody": everybody,
            "may_see_all": sees_all(request.user),
            "kept": settings.EMBEDDED,
            "number": current,
            "more": len(rows) > PER_PAGE,
        },
    )


@require_safe
@login_required
def message(request: HttpRequest, page_id: int) -> HttpResponse:
    """One message as text, its HTML sealed in a frame, and every attempt to send it."""
    page, letter = _opened(request, page_id)
    text, html = _parts(letter)
    context: dict[str, Any] = {
        "page": page,
        "subject": str(letter["Subject"] or "") if letter else page.page_out.step_label,
        "sent_to": str(letter["To"] or page.address) if letter else page.address,
        "text": text,
        "html": bool(html),
        "attempts": list(page.attempts.all()),
        "gone": letter is None,
    }
    return render(request, "notifications/message.html", context)


@require_safe
@login_required
@xframe_options_sameorigin
@csp_override(SEALED)
def body(request: HttpRequest, page_id: int) -> HttpResponse:
    """The HTML part alone, for the sealed frame: it can load nothing, run nothing and send nothing.

    Its links open beside the portal, as they would from a mailbox.
    """
    _, letter = _opened(request, page_id)
    _, html = _parts(letter)
    if not html:
        raise Http404
    return HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))


def _opened(request: HttpRequest, page_id: int) -> tuple[Page, Any]:
    assert isinstance(request.user, User)  # noqa: S101 - login_required
    page = visible_pages(request.user).filter(pk=page_id).first()
    if page is None:
        raise Http404
    return page, kept_letter(
        page.provider_id
    ) if page.channel == "file" and page.provider_id else None


def _parts(letter: Any) -> tuple[str, str]:
    """The text and the HTML of a kept letter; empty where there is none."""
    if letter is None:
        return "", ""
    found = []
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        found.append(str(part.get_content()) if part is not None else "")
    return found[0], found[1]
