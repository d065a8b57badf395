"""The clauses of the procedure in force: where every small clause link leads."""

from __future__ import annotations

from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from procedures.models import Procedure, ProcedureVersion
from procedures.queries import policy_of


@require_safe
@login_required
def clauses(request: HttpRequest) -> HttpResponse:
    """Every clause of one procedure by chapter, each with its anchor. `?procedure=` names another one."""
    procedures = list(Procedure.objects.order_by("id"))
    wanted = request.GET.get("procedure", "")
    chosen = next(
        (one for one in procedures if one.slug == wanted),
        procedures[0] if procedures and not wanted else None,
    )
    if wanted and chosen is None:
        raise Http404
    version = (
        ProcedureVersion.objects.filter(procedure=chosen)
        .order_by("-number")
        .defer("document")
        .first()
        if chosen
        else None
    )
    chapters = []
    if version:
        listed = policy_of(version.pk).document.clause
        chapters = [
            (title, list(rows))
            for title, rows in groupby(listed, key=lambda clause: clause.chapter)
        ]
    return render(
        request,
        "procedures/clauses.html",
        {"procedures": procedures, "procedure": chosen, "version": version, "chapters": chapters},
    )
