"""Who is on call: the rotas, an instant, a range, the overrides."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import F, Prefetch, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from deadlines.standing import one_look
from directory.api.fields import instant
from directory.api.filters import TrueOrFalse
from directory.api.problems import Refused
from directory.models import User
from directory.permissions import Somebody, actor_of, sees_every_team
from directory.queries import cards_of, team_slugs
from rotations import queries, services
from rotations.api import serializers
from rotations.enums import PlanState
from rotations.models import Override, Plan, PlanMember, Rota
from rotations.permissions import visible_rotas
from rotations.queries import OnCall

DEFAULT_RANGE = timedelta(weeks=4)
LONGEST_RANGE = timedelta(days=92)
LONGEST_RANGE_OF_ONE_ROTA = timedelta(days=400)


class RotaFilter(filters.FilterSet):
    """`team`: a slug. `level`: primary, secondary, tertiary or shadow. `active`: true or false."""

    team = filters.CharFilter("team__slug")
    level = filters.CharFilter("level")
    active = TrueOrFalse()

    class Meta:
        model = Rota
        fields: list[str] = []


class RotaViewSet(ReadOnlyModelViewSet[Rota]):
    """The rotas one may look at."""

    queryset = Rota.objects.none()
    serializer_class = serializers.RotaSerializer
    filterset_class = RotaFilter
    lookup_field = "slug"
    ordering = "slug"

    def get_queryset(self) -> QuerySet[Rota]:
        members = PlanMember.objects.select_related("user").order_by("position", "id")
        plans = (
            Plan.objects.filter(state=PlanState.PUBLISHED)
            .select_related("derived_from")
            .prefetch_related(Prefetch("members", queryset=members))
            .order_by(F("effective_at").desc(nulls_last=True), "-pk")
        )
        return (
            visible_rotas(self.request.user)
            .select_related("team")
            .prefetch_related(Prefetch("plans", queryset=plans))
        )

    @extend_schema(request=None, responses=serializers.HoldingSerializer)
    @action(detail=True, methods=["post"], url_path="take-over")
    def take_over(self, request: Request, slug: str) -> Response:
        """Puts oneself on call from now until the holder's shift ends."""
        rota = self.get_object()
        now = timezone.now()
        try:
            services.take_over(rota.pk, actor=actor_of(_person(request)), now=now)
        except services.RotaRefused as refusal:
            raise Refused(refusal.code, refusal.message) from refusal
        held = queries.on_call_of(Rota.objects.filter(pk=rota.pk), at=now)
        return Response(_readable(held)[0])


class OnCallView(APIView):
    """Who holds each rota at an instant, from when until when, and why."""

    @extend_schema(
        parameters=[serializers.OnCallQuery],
        responses=serializers.OnCallSerializer,
        operation_id="on_call",
    )
    def get(self, request: Request) -> Response:
        asked = _asked(serializers.OnCallQuery, request)
        at: datetime = asked.get("at") or timezone.now()
        with one_look():
            held = (
                _held_then(request.user, at, asked.get("team"))
                if "at" in asked
                else _held_now(request.user, at, asked.get("team"))
            )
            return Response({"at": instant(at), "results": _readable(held)})


class ShiftsView(APIView):
    """The stretches in which somebody is on call: 92 days at most, 400 of one rota."""

    @extend_schema(
        parameters=[serializers.ShiftsQuery],
        responses=serializers.ShiftsSerializer,
        operation_id="shifts",
    )
    def get(self, request: Request) -> Response:
        asked = _asked(serializers.ShiftsQuery, request)
        start: datetime = asked.get("start") or timezone.now()
        end: datetime = asked.get("end") or start + DEFAULT_RANGE
        longest = LONGEST_RANGE_OF_ONE_ROTA if "rota" in asked else LONGEST_RANGE
        if not start < end <= start + longest:
            raise ValidationError(
                {"end": f"The range must be forward, {longest.days} days at most."}
            )
        rotas = visible_rotas(request.user)
        if "rota" in asked:
            rotas = rotas.filter(slug=asked["rota"])
        if "team" in asked:
            rotas = rotas.filter(team__slug=asked["team"])
        shifts = queries.held_between(rotas, start=start, end=end, now=timezone.now())
        if "user" in asked:
            person = serializers.person_meant(asked["user"], _person(request))
            shifts = [shift for shift in shifts if person and shift.user_id == person.pk]
        return Response(
            {"start": instant(start), "end": instant(end), "results": _readable(shifts)}
        )


class OverrideFilter(filters.FilterSet):
    """`rota`: a slug. `user`: an id."""

    rota = filters.CharFilter("rota__slug")
    user = filters.NumberFilter("user_id")

    class Meta:
        model = Override
        fields: list[str] = []


class OverrideViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Override]):
    """Overrides: who else holds a rota for a while. The latest made wins."""

    queryset = Override.objects.none()
    serializer_class = serializers.OverrideSerializer
    filterset_class = OverrideFilter
    ordering = "-id"

    def get_queryset(self) -> QuerySet[Override]:
        return Override.objects.filter(rota__in=visible_rotas(self.request.user)).select_related(
            "rota", "user", "created_by"
        )

    @extend_schema(
        request=serializers.OverrideToMakeSerializer,
        responses={201: serializers.OverrideSerializer},
    )
    def create(self, request: Request) -> Response:
        """Makes an override: for anybody on a rota one manages, for oneself on one's own."""
        wanted = serializers.OverrideToMakeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        rota = get_object_or_404(visible_rotas(request.user), slug=asked["rota"])
        me = _person(request)
        person = serializers.person_meant(asked.get("user", "me"), me)
        if person is None:
            raise ValidationError({"user": "Nobody has this address or id."})
        try:
            override = services.add_override(
                rota.pk,
                user_id=person.pk,
                starts_at=asked["starts_at"],
                ends_at=asked["ends_at"],
                reason=asked["reason"],
                actor=actor_of(me),
                now=timezone.now(),
            )
        except services.RotaRefused as refusal:
            raise Refused(refusal.code, refusal.message) from refusal
        return Response(self.get_serializer(override).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Takes an override back; one that runs ends now."""
        override = self.get_object()
        services.remove_override(override.pk, actor=actor_of(_person(request)), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _asked(query: type[Any], request: Request) -> dict[str, Any]:
    asked = query(
        data=request.query_params.dict()
    )  # a dict: an empty value is a fault, not a default
    asked.is_valid(raise_exception=True)
    return cast(dict[str, Any], asked.validated_data)


def _person(request: Request) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _held_now(user: Somebody, at: datetime, team: str | None) -> list[OnCall]:
    """From the rows this process keeps: who asks all the time asks about now."""
    teams = None if team is None else [pk for pk, slug in team_slugs().items() if slug == team]
    held = queries.who_is_on_call(at=at, team_ids=teams)
    if sees_every_team(user):
        return held
    seen = set(visible_rotas(user).values_list("pk", flat=True))
    return [one for one in held if one.rota_id in seen]


def _held_then(user: Somebody, at: datetime, team: str | None) -> list[OnCall]:
    rotas = visible_rotas(user)
    chosen = rotas if team is None else rotas.filter(team__slug=team)
    return queries.held_at(chosen, at=at, now=timezone.now())


def _readable(held: Iterable[OnCall]) -> list[dict[str, Any]]:
    """The holdings as `HoldingSerializer` describes them, with their people and teams.

    People and teams are read after the holdings: whoever was deleted in between is left out.
    """
    rows = list(held)
    people, teams = cards_of(row.user_id for row in rows), team_slugs()
    return [
        {
            "rota": row.rota_slug,
            "team": teams[row.team_id],
            "level": row.level,
            "user": people[row.user_id]._asdict(),
            "starts_at": instant(row.starts_at),
            "ends_at": instant(row.ends_at),
            "why": row.why,
        }
        for row in rows
        if row.team_id in teams and row.user_id in people
    ]
