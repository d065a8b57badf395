"""Who is on call: the rotas, an instant, a range."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from deadlines.standing import one_look
from directory.api.fields import instant
from directory.api.filters import TrueOrFalse
from directory.permissions import Somebody, actor_of, sees_every_team
from directory.queries import cards_of, team_slugs
from rotations import queries, services
from rotations.api import serializers
from rotations.api.asking import asked, person, refusals
from rotations.enums import PlanState
from rotations.models import Plan, PlanMember, Rota
from rotations.permissions import may_take_over, visible_rotas
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
        with refusals():
            services.take_over(rota.pk, actor=actor_of(person(request)), now=now)
        held = queries.on_call_of(Rota.objects.filter(pk=rota.pk), at=now)
        return Response(_readable(held)[0])

    @extend_schema(
        parameters=[serializers.SuggestionsQuery], responses=serializers.SuggestionsSerializer
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def suggestions(self, request: Request, slug: str) -> Response:
        """Whom to ask to take a stretch: for the rota's people and the team's manager."""
        rota = self.get_object()
        if not may_take_over(request.user, rota):
            raise NotFound
        wanted = asked(serializers.SuggestionsQuery, request)
        if not wanted["starts_at"] < wanted["ends_at"] <= wanted["starts_at"] + LONGEST_RANGE:
            raise ValidationError(
                {"ends_at": f"The range must be forward, {LONGEST_RANGE.days} days at most."}
            )
        found = queries.suggestions(rota, now=timezone.now(), **wanted)
        people = cards_of(one.user_id for one in found)
        return Response(
            {
                "results": [
                    {"user": people[one.user_id]._asdict(), "free": one.free, "said": one.said}
                    for one in found
                    if one.user_id in people
                ]
            }
        )


class OnCallView(APIView):
    """Who holds each rota at an instant, from when until when, and why."""

    @extend_schema(
        parameters=[serializers.OnCallQuery],
        responses=serializers.OnCallSerializer,
        operation_id="on_call",
    )
    def get(self, request: Request) -> Response:
        wanted = asked(serializers.OnCallQuery, request)
        at: datetime = wanted.get("at") or timezone.now()
        with one_look():
            held = (
                _held_then(request.user, at, wanted.get("team"))
                if "at" in wanted
                else _held_now(request.user, at, wanted.get("team"))
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
        wanted = asked(serializers.ShiftsQuery, request)
        start: datetime = wanted.get("start") or timezone.now()
        end: datetime = wanted.get("end") or start + DEFAULT_RANGE
        longest = LONGEST_RANGE_OF_ONE_ROTA if "rota" in wanted else LONGEST_RANGE
        if not start < end <= start + longest:
            raise ValidationError(
                {"end": f"The range must be forward, {longest.days} days at most."}
            )
        rotas = visible_rotas(request.user)
        if "rota" in wanted:
            rotas = rotas.filter(slug=wanted["rota"])
        if "team" in wanted:
            rotas = rotas.filter(team__slug=wanted["team"])
        shifts = queries.held_between(rotas, start=start, end=end, now=timezone.now())
        if "user" in wanted:
            meant = serializers.person_meant(wanted["user"], person(request))
            shifts = [shift for shift in shifts if meant and shift.user_id == meant.pk]
        return Response(
            {"start": instant(start), "end": instant(end), "results": _readable(shifts)}
        )


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
