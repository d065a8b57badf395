"""A procedure: its draft against its newest version, and the button that publishes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from deadlines.extension import Actor
from procedures.admin.rows import DraftAdmin
from procedures.admin.version import as_download
from procedures.models import Procedure
from procedures.models.sections import SECTIONS
from procedures.permissions import may_publish
from procedures.queries import draft_changes, newest_version
from procedures.services import ProcedureRefused, dump_procedure, publish

_SHOWN = 60


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as the actor of a change."""
    return Actor("user", request.user.pk, str(request.user))


@admin.register(Procedure)
class ProcedureAdmin(DraftAdmin):
    list_display: ClassVar = ["name", "platform", "document_version", "last_updated", "review_due"]
    list_filter: ClassVar = []
    list_select_related: ClassVar = False
    search_fields: ClassVar = ["name", "platform", "slug"]
    readonly_fields: ClassVar = ["review_due", "created_at"]
    change_form_before_template = "admin/procedures/draft.html"
    actions_detail: ClassVar = ["publish_draft", "download_draft"]
    fieldsets: ClassVar = [
        (
            None,
            {
                "fields": [
                    ("name", "slug", "platform"),
                    "scope",
                    ("document_version", "last_updated"),
                    ("review_every", "next_review", "review_due"),
                    "also_clauses",
                ]
            },
        ),
        (
            "What a new team starts from",
            {
                "fields": [
                    ("zone", "opens", "closes"),
                    "workdays",
                    ("holiday_country", "holiday_subdivision"),
                ]
            },
        ),
        (
            "Incident channels",
            {"fields": [("incident_channel_pattern", "incident_channel_example")]},
        ),
        ("The file", {"classes": ["collapse"], "fields": ["preface", "created_at"]}),
    ]

    @admin.display(description="review due")
    def review_due(self, procedure: Procedure) -> str:
        due = procedure.review_due_on
        if due is None:
            return "never"
        overdue = due < timezone.now().date()
        return f"{due:%Y-%m-%d}, overdue" if overdue else f"{due:%Y-%m-%d}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A procedure that was ever published stays: incidents keep its versions."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or newest_version(obj) is None)

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        procedure = self.get_object(request, object_id)
        return procedure is not None and may_publish(actor_of(request), procedure)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        procedure = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {}), **(_draft(procedure) if procedure else {})}
        return super().changeform_view(request, object_id, form_url, context)

    @action(description="Publish…", url_path="publish", permissions=["publish"], icon="publish")
    def publish_draft(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """GET shows what would change and whom it binds; POST publishes."""
        procedure = get_object_or_404(Procedure, pk=object_id)
        back = reverse("admin:procedures_procedure_change", args=[procedure.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                **_draft(procedure),
                "title": f"Publish {procedure}",
                "opts": self.opts,
                "original": procedure,
                "back": back,
            }
            return TemplateResponse(request, "admin/procedures/publish.html", context)
        try:
            version = publish(
                procedure,
                actor=actor_of(request),
                now=timezone.now(),
                must_read="must_read" in request.POST,
                note=request.POST.get("note", "").strip()[:2000],
            )
        except ProcedureRefused as refused:
            messages.error(request, f"Not published: {len(refused.faults)} faults, shown below.")
        except PermissionError as error:
            raise PermissionDenied(str(error)) from error
        else:
            messages.success(request, f"Version {version.number} is in force for what opens now.")
        return HttpResponseRedirect(back)

    @action(description="Download as a file", url_path="download", permissions=["view"])
    def download_draft(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        procedure = self.get_object(request, object_id)
        if procedure is None:
            raise Http404
        try:
            return as_download(dump_procedure(procedure), procedure.slug)
        except ProcedureRefused as refused:
            messages.error(request, f"The draft has {len(refused.faults)} faults, shown below.")
            back = reverse("admin:procedures_procedure_change", args=[procedure.pk])
            return HttpResponseRedirect(back)


def _draft(procedure: Procedure) -> dict[str, Any]:
    lines, faults = draft_changes(procedure)
    return {
        "procedure": procedure,
        "newest": newest_version(procedure),
        "draft_changes": lines[:_SHOWN],
        "draft_changes_more": max(0, len(lines) - _SHOWN),
        "draft_faults": faults,
        "sections": [
            {
                "name": section.model._meta.verbose_name_plural,
                "url": reverse(f"admin:procedures_{section.model._meta.model_name}_changelist"),
            }
            for section in SECTIONS
        ],
    }
