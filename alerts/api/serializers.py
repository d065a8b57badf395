"""How alerts read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from alerts.enums import AlertKind, AlertState
from alerts.models import Alert
from directory.api.fields import Instant


class LinkSerializer(serializers.Serializer[Any]):
    """An address the alert brought along."""

    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    href = serializers.CharField()


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """An alert: what its source says, how often it was told, and the incident it belongs to.

    `state` is the source's view; the incident has its own.
    """

    integration = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    service = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    incident = serializers.CharField(
        source="incident.ref", read_only=True, allow_null=True, default=None
    )
    state = serializers.ChoiceField(choices=[state.value for state in AlertState], read_only=True)
    kind = serializers.ChoiceField(choices=[kind.value for kind in AlertKind], read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)
    links = LinkSerializer(many=True, read_only=True)
    started_at = Instant(read_only=True)
    first_seen_at = Instant(read_only=True)
    last_seen_at = Instant(read_only=True)
    acknowledged_at = Instant(read_only=True, allow_null=True)
    resolved_at = Instant(read_only=True, allow_null=True)
    false_positive = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = [
            "id", "integration", "dedup_key", "state", "count", "title", "description", "severity", "kind",
            "rule", "source", "service", "incident", "labels", "links", "started_at", "first_seen_at",
            "last_seen_at", "acknowledged_at", "resolved_at", "false_positive", "false_positive_reason",
        ]  # fmt: skip
        read_only_fields = fields

    def get_false_positive(self, alert: Alert) -> bool:
        return alert.false_positive_at is not None


class FalsePositiveSerializer(serializers.Serializer[Any]):
    """Why the alert was a false positive."""

    reason = serializers.CharField(max_length=500)
