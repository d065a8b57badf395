"""How procedures and versions read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from procedures.models import Procedure, ProcedureVersion


class ProcedureSerializer(serializers.ModelSerializer[Procedure]):
    """A procedure's head. `version` is the number in force, null before the first."""

    version = serializers.IntegerField(read_only=True, allow_null=True)
    review_due_on = serializers.DateField(read_only=True, allow_null=True)

    class Meta:
        model = Procedure
        fields = [
            "slug", "name", "platform", "document_version", "last_updated", "review_due_on",
            "version",
        ]  # fmt: skip
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer[ProcedureVersion]):
    """A published version without its document."""

    published_by = serializers.CharField(source="published_by_label", read_only=True)
    changes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ProcedureVersion
        fields = [
            "number", "published_at", "published_by", "note", "must_read", "changes", "sha256",
        ]  # fmt: skip
        read_only_fields = fields


class WholeVersionSerializer(VersionSerializer):
    """A published version with the whole document that rules read."""

    document = serializers.SerializerMethodField()

    class Meta(VersionSerializer.Meta):
        fields = [*VersionSerializer.Meta.fields, "document"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_document(self, version: ProcedureVersion) -> Any:
        return version.document
