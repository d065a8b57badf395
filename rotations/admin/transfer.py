"""Rotas as CSV in the admin: written out; read in after a look at what it would do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from directory.admin.scoped import edits_some_team, person
from directory.permissions import actor_of
from rotations.admin.told import Panel, panel
from rotations.models import Rota
from rotations.transfer import COLUMNS, LARGEST, Brought, as_csv, bring_in


class ImportForm(forms.Form):
    """A table, as a file or as text, and what is to become of it."""

    file = forms.FileField(required=False, widget=UnfoldAdminFileFieldWidget, label="CSV file")
    text = forms.CharField(
        required=False, max_length=LARGEST, label="or its text",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
    )  # fmt: skip
    then = forms.ChoiceField(
        choices=[
            ("draft", "make drafts, which bind nobody"),
            ("handoff", "publish them at the next handoff"),
            ("now", "publish them now"),
        ],
        initial="draft",
        widget=UnfoldAdminRadioSelectWidget,
        label="Then",
    )
    waive = forms.CharField(
        required=False, max_length=300, label="If a breach blocks: why let it stand",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is not None:
            if file.size > LARGEST:
                raise forms.ValidationError(f"A table has {LARGEST:,} characters at most.")
            try:
                cleaned["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise forms.ValidationError("The file is not UTF-8 text.") from error
        if not cleaned.get("text", "").strip():
            raise forms.ValidationError("Choose a file, or paste its text.")
        return cleaned


def export_view(request: HttpRequest, rotas: QuerySet[Rota]) -> HttpResponse:
    """The rotas as a file."""
    now = timezone.now()
    answer = HttpResponse(as_csv(rotas, now=now), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="rotas-{now:%Y-%m-%d}.csv"'
    return answer


def import_view(request: HttpRequest, opts: Any) -> HttpResponse:
    """First what it would do, row by row, with what the proof says; then, asked for again, does it."""
    if not edits_some_team(request):
        raise PermissionDenied
    form = ImportForm(request.POST or None, request.FILES or None)
    brought: Brought | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        sure = "_sure" in request.POST
        brought = bring_in(
            given["text"],
            actor=actor_of(person(request)),
            now=timezone.now(),
            dry_run=not sure,
            publish=given["then"] != "draft",
            effective="now" if given["then"] == "now" else "handoff",
            waiver_reason=given["waive"].strip(),
        )
        if sure and not brought.faulty:
            done = "made drafts" if given["then"] == "draft" else "published"
            messages.success(request, f"{brought.changed} of {len(brought.rows)} rotas {done}.")
            return HttpResponseRedirect(reverse("admin:rotations_rota_changelist"))
        form = ImportForm(initial={name: given[name] for name in ("text", "then", "waive")})
    context = {
        **admin.site.each_context(request),
        "title": "Read rotas in from CSV",
        "opts": opts,
        "form": form,
        "columns": COLUMNS,
        "brought": brought,
        "panels": _panels(brought) if brought else [],
        "back": reverse("admin:rotations_rota_changelist"),
    }
    status = 422 if form.errors or (brought and brought.faulty) else 200
    return TemplateResponse(request, "admin/rotations/import.html", context, status=status)


def _panels(brought: Brought) -> list[Panel]:
    return [
        panel(seen, brought.rotas[team_id], brought.rotas[team_id][0].team.zone)
        for team_id, seen in brought.foresights.items()
    ]
