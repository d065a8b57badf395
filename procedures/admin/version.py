"""Published versions, to read and to download."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action

from procedures.admin.rows import ReadOnly
from procedures.models import ProcedureVersion
from procedures.queries import version_file


def as_download(text: str, name: str) -> HttpResponse:
    """A file to keep."""
    answer = HttpResponse(text, content_type="application/toml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.toml"'
    return answer


@admin.register(ProcedureVersion)
class ProcedureVersionAdmin(ReadOnly):
    list_display: ClassVar = [
        "procedure",
        "number",
        "published_at",
        "published_by_label",
        "must_read",
        "note",
    ]
    list_filter: ClassVar = ["procedure", "must_read"]
    list_select_related: ClassVar = ["procedure"]
    search_fields: ClassVar = ["note", "published_by_label"]
    fields: ClassVar = [
        "procedure",
        "number",
        "published_at",
        "published_by_label",
        "must_read",
        "note",
        "what_changed",
        "sha256",
    ]
    readonly_fields: ClassVar = fields
    actions_detail: ClassVar = ["download"]

    @admin.display(description="what changed")
    def what_changed(self, version: ProcedureVersion) -> SafeString:
        return format_html_join("", "<p>{}</p>", ((line,) for line in version.changes))

    @action(description="Download as a file", url_path="download", permissions=["view"])
    def download(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is None:
            raise Http404
        return as_download(version_file(version), f"{version.procedure.slug}-{version.number}")
