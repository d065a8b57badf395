"""Procedures and their published versions, for whoever may view procedures."""

from __future__ import annotations

from django.db.models import Max, QuerySet
from django.http import Http404
from rest_framework.viewsets import ReadOnlyModelViewSet

from procedures.api.serializers import (
    ProcedureSerializer,
    VersionSerializer,
    WholeVersionSerializer,
)
from procedures.models import Procedure, ProcedureVersion

_WANTED = "procedures.view_procedure"


class ProcedureViewSet(ReadOnlyModelViewSet[Procedure]):
    """The procedures."""

    queryset = Procedure.objects.none()
    serializer_class = ProcedureSerializer
    lookup_field = "slug"
    ordering = "slug"

    def get_queryset(self) -> QuerySet[Procedure]:
        if not self.request.user.has_perm(_WANTED):
            return Procedure.objects.none()
        return Procedure.objects.annotate(version=Max("versions__number"))


class VersionViewSet(ReadOnlyModelViewSet[ProcedureVersion]):
    """The published versions of one procedure, the newest first; one by its number, with its document."""

    queryset = ProcedureVersion.objects.none()
    lookup_field = "number"
    ordering = "-number"

    def get_serializer_class(self) -> type[VersionSerializer]:
        return WholeVersionSerializer if self.action == "retrieve" else VersionSerializer

    def get_queryset(self) -> QuerySet[ProcedureVersion]:
        if getattr(self, "swagger_fake_view", False):
            return ProcedureVersion.objects.none()
        if not self.request.user.has_perm(_WANTED):
            raise Http404
        procedure = Procedure.objects.filter(slug=self.kwargs["slug"]).first()
        if procedure is None:
            raise Http404
        versions = ProcedureVersion.objects.filter(procedure=procedure)
        return versions if self.action == "retrieve" else versions.defer("document")
