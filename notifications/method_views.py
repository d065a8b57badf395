"""One's own contact methods: added, verified by a code, tried, removed. For everybody who signs in."""

from __future__ import annotations

from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from directory.models import User
from notifications.enums import MethodKind
from notifications.models import ContactMethod
from notifications.queries import channel_rows
from notifications.services import (
    CodeRefused,
    add_method,
    remove_method,
    send_code,
    send_test_message,
    verify_code,
)

KINDS = {"mail": MethodKind.MAIL, "webhook": MethodKind.WEBHOOK}


class NewMethod(forms.Form):
    """Where a page is to go."""

    channel = forms.ChoiceField(choices=[("mail", "Mail"), ("webhook", "Webhook")])
    address = forms.CharField(max_length=500)
    pager = forms.BooleanField(required=False, label="It wakes me")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def methods(request: HttpRequest) -> HttpResponse:
    """The person's methods; POST adds one and sends its code at once."""
    user = cast(User, request.user)
    now = timezone.now()  # noqa: TID251 - an edge
    form = NewMethod(request.POST or None)
    if request.method == "POST" and form.is_valid():
        channel = form.cleaned_data["channel"]
        kind = MethodKind.PAGER if form.cleaned_data["pager"] else KINDS[channel]
        try:
            method = add_method(
                user_id=user.pk,
                kind=kind,
                channel=channel,
                address=form.cleaned_data["address"],
                now=now,
                position=user.contact_methods.count(),
            )
            if method.verified_at is None:
                send_code(method.pk, now=now)
                messages.success(request, f"A code is on its way to {method.address}.")
            return redirect("notifications:methods")
        except ValidationError as error:
            form.add_error("address", error)
        except CodeRefused as error:
            messages.error(request, str(error))
            return redirect("notifications:methods")
    status = 422 if form.errors else 200
    rows = list(user.contact_methods.all())
    channels = channel_rows()
    context = {
        "form": form,
        "rows": [(row, row.channel in channels) for row in rows],
        "silent": not any(row.usable for row in rows),
    }
    return render(request, "notifications/methods.html", context, status=status)


@login_required
@require_POST
def press(request: HttpRequest, method_id: int) -> HttpResponse:
    """One button of one of the person's own methods."""
    method = ContactMethod.objects.filter(pk=method_id, user_id=request.user.pk or 0).first()
    if method is None:
        raise Http404("There is no such method.")
    now = timezone.now()  # noqa: TID251 - an edge
    try:
        match request.POST.get("press"):
            case "code":
                send_code(method.pk, now=now)
                said = f"A code is on its way to {method.address}."
            case "verify":
                verify_code(method.pk, request.POST.get("code", ""), now=now)
                said = "Verified: pages are sent there from now on."
            case "test" if method.usable:
                send_test_message(method.pk, now=now)
                said = f"A test is on its way to {method.address}."
            case "remove":
                remove_method(method.pk)
                said = f"{method.address} is no longer used."
            case _:
                raise Http404("There is no such button.")
        messages.success(request, said)
    except CodeRefused as error:
        messages.error(request, str(error))
    return redirect("notifications:methods")
