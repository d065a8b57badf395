"""People, teams and services, to be read."""

from __future__ import annotations

from typing import cast

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from directory.api.filters import TrueOrFalse
from directory.api.serializers import OnePersonSerializer, ServiceSerializer, TeamSerializer
from directory.models import Membership, Service, Team, User
from directory.permissions import visible_people, visible_teams


class TeamViewSet(ReadOnlyModelViewSet[Team]):
    """The teams one may look at."""

    queryset = Team.objects.none()
    serializer_class = TeamSerializer
    lookup_field = "slug"
    ordering = "slug"

    def get_queryset(self) -> QuerySet[Team]:
        return (
            visible_teams(self.request.user)
            .select_related("procedure")
            .prefetch_related("memberships__user", "role_holders__user", "role_holders__backup")
        )


class ServiceFilter(filters.FilterSet):
    """`team`: a slug. `user_facing`, `active`: true or false."""

    team = filters.CharFilter("team__slug")
    user_facing = TrueOrFalse()
    active = TrueOrFalse()

    class Meta:
        model = Service
        fields: tuple[str, ...] = ()


class ServiceViewSet(ReadOnlyModelViewSet[Service]):
    """The services of the teams one may look at."""

    queryset = Service.objects.none()
    serializer_class = ServiceSerializer
    filterset_class = ServiceFilter
    lookup_field = "slug"
    ordering = "slug"

    def get_queryset(self) -> QuerySet[Service]:
        teams = visible_teams(self.request.user)
        return (
            Service.objects.filter(team__in=teams).select_related("team").prefetch_related("smes")
        )


class PersonFilter(filters.FilterSet):
    """`team`: a slug. `email`: the whole address, whatever its case."""

    team = filters.CharFilter(method="of_team")
    email = filters.CharFilter("email")
    is_active = TrueOrFalse()

    class Meta:
        model = User
        fields: tuple[str, ...] = ()

    def of_team(self, people: QuerySet[User], name: str, slug: str) -> QuerySet[User]:
        return people.filter(pk__in=Membership.objects.filter(team__slug=slug).values("user_id"))


class PersonViewSet(ReadOnlyModelViewSet[User]):
    """The people one may look at; `people/me/` is whose token it is."""

    queryset = User.objects.none()
    serializer_class = OnePersonSerializer
    filterset_class = PersonFilter
    ordering = "id"

    def get_queryset(self) -> QuerySet[User]:
        return visible_people(self.request.user).prefetch_related("memberships__team")

    @extend_schema(responses=OnePersonSerializer)
    @action(detail=False, filterset_class=None, pagination_class=None)
    def me(self, request: Request) -> Response:
        return Response(self.get_serializer(cast(User, request.user)).data)
