"""The alerts of the incidents one may see."""

from __future__ import annotations

from typing import cast

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from alerts import services
from alerts.api.serializers import AlertSerializer, FalsePositiveSerializer
from alerts.enums import AlertState
from alerts.models import Alert
from alerts.queries import visible_alerts
from directory.api.problems import Refused
from directory.models import User
from directory.permissions import actor_of
from incidents.services import Forbidden, VerbRefused


class AlertFilter(filters.FilterSet):
    """`incident`: a reference. `integration`, `service`, `team`: slugs. `state`, `severity`: as alerts read."""

    incident = filters.CharFilter("incident__ref")
    integration = filters.CharFilter("integration__slug")
    service = filters.CharFilter("service__slug")
    team = filters.CharFilter("service__team__slug")
    state = filters.ChoiceFilter(choices=[(state.value, state.value) for state in AlertState])
    severity = filters.CharFilter("severity")
    dedup_key = filters.CharFilter("dedup_key")

    class Meta:
        model = Alert
        fields: tuple[str, ...] = ()


class AlertViewSet(ReadOnlyModelViewSet[Alert]):
    """The alerts of the incidents one may see, the newest first."""

    queryset = Alert.objects.none()
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    ordering = ("-first_seen_at", "-id")
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Alert]:
        return (
            visible_alerts(self.request.user)
            .select_related("integration", "service", "incident")
            .defer("payload", "raw", "integration__mapping", "integration__severity_map")
        )

    @extend_schema(request=FalsePositiveSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"], url_path="false-positive")
    def false_positive(self, request: Request, pk: str) -> Response:
        """Marks the alert as a false positive: only after its incident was acknowledged (C216)."""
        alert = self.get_object()
        given = FalsePositiveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            services.mark_false_positive(
                alert.pk,
                reason=given.validated_data["reason"],
                actor=actor_of(cast(User, request.user)),
                now=timezone.now(),
            )
        except Forbidden as refusal:
            raise PermissionDenied(refusal.message) from refusal
        except VerbRefused as refusal:
            raise Refused(refusal.code, refusal.message) from refusal
        return Response(AlertSerializer(self.get_object()).data)
