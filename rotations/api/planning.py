"""Changing who will be on call: overrides, swaps, time off."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from directory.permissions import actor_of
from rotations import services
from rotations.api import serializers
from rotations.api.asking import asked, person, refusals, seen_rota, sent, somebody
from rotations.models import Override, Swap, TimeOff
from rotations.permissions import (
    people_edited_by,
    visible_rotas,
    visible_swaps,
    visible_time_off,
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
        wanted = sent(serializers.OverrideToMakeSerializer, request)
        made = self._make([wanted], wanted["waiver_reason"], request)
        return Response(self.get_serializer(made[0]).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.OverridesToMakeSerializer,
        responses={201: serializers.OverridesSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def batch(self, request: Request) -> Response:
        """Makes a whole plan of overrides, such as for the holidays: all or none, people told once."""
        wanted = sent(serializers.OverridesToMakeSerializer, request)
        made = self._make(wanted["overrides"], wanted["waiver_reason"], request)
        rows = self.get_serializer(made, many=True).data
        return Response({"results": rows}, status=status.HTTP_201_CREATED)

    def _make(
        self, rows: list[dict[str, Any]], waiver_reason: str, request: Request
    ) -> list[Override]:
        wanted = [
            services.OverrideWanted(
                rota_id=seen_rota(row["rota"], request).pk,
                user_id=_user_of(row, request),
                starts_at=row["starts_at"],
                ends_at=row["ends_at"],
                reason=row["reason"],
            )
            for row in rows
        ]
        with refusals():
            return services.add_overrides(
                wanted,
                actor=actor_of(person(request)),
                now=timezone.now(),
                waiver_reason=waiver_reason,
            )

    @extend_schema(parameters=[serializers.WaiverQuery], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Takes an override back; one that runs ends now."""
        override = self.get_object()
        said = asked(serializers.WaiverQuery, request)
        with refusals():
            services.remove_override(
                override.pk, actor=actor_of(person(request)), now=timezone.now(), **said
            )
        return Response(status=status.HTTP_204_NO_CONTENT)


def _user_of(row: dict[str, Any], request: Request) -> int | None:
    if "user" in row and row["user"] is None:
        return None
    return somebody(row.get("user", "me"), request, "user").pk


class SwapFilter(filters.FilterSet):
    """`state`, `rota` (a slug), `user` (an id: who gives, or who is asked)."""

    state = filters.CharFilter("state")
    rota = filters.CharFilter("rota__slug")
    user = filters.NumberFilter(method="of_person")

    class Meta:
        model = Swap
        fields: list[str] = []

    def of_person(self, rows: QuerySet[Swap], name: str, value: int) -> QuerySet[Swap]:
        return rows.filter(Q(giver_id=value) | Q(colleague_id=value))


class SwapViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Swap]):
    """Swaps: a stretch that a colleague is asked to take."""

    queryset = Swap.objects.none()
    serializer_class = serializers.SwapSerializer
    filterset_class = SwapFilter
    ordering = "-id"

    def get_queryset(self) -> QuerySet[Swap]:
        return visible_swaps(self.request.user).select_related(
            "rota", "back_rota", "giver", "colleague", "filed_by", "decided_by"
        )

    @extend_schema(
        request=serializers.SwapToAskSerializer, responses={201: serializers.SwapSerializer}
    )
    def create(self, request: Request) -> Response:
        """Asks a colleague to take a shift of one's own; a manager asks for others."""
        wanted = sent(serializers.SwapToAskSerializer, request)
        rota, back = seen_rota(wanted["rota"], request), wanted.get("back")
        with refusals():
            swap = services.ask_swap(
                rota.pk,
                giver_id=somebody(wanted.get("giver", "me"), request, "giver").pk,
                colleague_id=somebody(wanted["colleague"], request, "colleague").pk,
                starts_at=wanted["starts_at"],
                ends_at=wanted["ends_at"],
                back=back
                and services.StretchBack(
                    seen_rota(back["rota"], request).pk, back["starts_at"], back["ends_at"]
                ),
                note=wanted["note"],
                waiver_reason=wanted["waiver_reason"],
                actor=actor_of(person(request)),
                now=timezone.now(),
            )
        return self._answer(swap, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=serializers.SwapSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """The colleague takes it; where the team wants that, a manager has to approve it besides."""
        swap = self.get_object()
        with refusals():
            services.accept_swap(swap.pk, actor=actor_of(person(request)), now=timezone.now())
        return self._answer(swap)

    @extend_schema(request=serializers.SwapDeclineSerializer, responses=serializers.SwapSerializer)
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: str) -> Response:
        """The colleague does not take it, or the manager does not approve it, and says why."""
        swap = self.get_object()
        said = sent(serializers.SwapDeclineSerializer, request)
        with refusals():
            services.decline_swap(
                swap.pk, actor=actor_of(person(request)), now=timezone.now(), **said
            )
        return self._answer(swap)

    @extend_schema(request=None, responses=serializers.SwapSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Takes the request back before it holds."""
        swap = self.get_object()
        with refusals():
            services.withdraw_swap(swap.pk, actor=actor_of(person(request)), now=timezone.now())
        return self._answer(swap)

    @extend_schema(request=serializers.SwapApprovalSerializer, responses=serializers.SwapSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """The manager lets an accepted swap hold."""
        swap = self.get_object()
        said = sent(serializers.SwapApprovalSerializer, request)
        with refusals():
            services.approve_swap(
                swap.pk, actor=actor_of(person(request)), now=timezone.now(), **said
            )
        return self._answer(swap)

    @extend_schema(request=serializers.SwapUndoSerializer, responses=serializers.SwapSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Takes a swap that holds back: before it begins either side, then the manager, from now on."""
        swap = self.get_object()
        said = sent(serializers.SwapUndoSerializer, request)
        with refusals():
            services.undo_swap(swap.pk, actor=actor_of(person(request)), now=timezone.now(), **said)
        return self._answer(swap)

    def _answer(self, swap: Swap, code: int = status.HTTP_200_OK) -> Response:
        found = self.get_queryset().get(pk=swap.pk)
        return Response(self.get_serializer(found).data, status=code)


class TimeOffFilter(filters.FilterSet):
    """`user`: an id. `after`: only what ends after this instant. `before`: only what begins before it."""

    user = filters.NumberFilter("user_id")
    after = filters.IsoDateTimeFilter("ends_at", "gt")
    before = filters.IsoDateTimeFilter("starts_at", "lt")

    class Meta:
        model = TimeOff
        fields: list[str] = []


class TimeOffViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[TimeOff]):
    """Time off: when people cannot be on call."""

    queryset = TimeOff.objects.none()
    serializer_class = serializers.TimeOffSerializer
    filterset_class = TimeOffFilter
    ordering = "-id"

    def get_queryset(self) -> QuerySet[TimeOff]:
        return visible_time_off(self.request.user).select_related("user", "created_by")

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if self.request.user.is_authenticated:
            edited = set(people_edited_by(self.request.user).values_list("pk", flat=True))
            context["reasons_of"] = {*edited, self.request.user.pk}
        return context

    @extend_schema(
        request=serializers.TimeOffToAddSerializer,
        responses={201: serializers.TimeOffSerializer},
    )
    def create(self, request: Request) -> Response:
        """Adds time off: one's own, or of a person of a team one manages."""
        wanted = sent(serializers.TimeOffToAddSerializer, request)
        who = somebody(wanted.pop("user", "me"), request, "user")
        with refusals():
            made = services.add_time_off(
                who.pk, actor=actor_of(person(request)), now=timezone.now(), **wanted
            )
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.TimeOffToChangeSerializer, responses=serializers.TimeOffSerializer
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Moves it, or says another reason. What has begun keeps its beginning."""
        row = self.get_object()
        wanted = sent(serializers.TimeOffToChangeSerializer, request)
        with refusals():
            changed = services.change_time_off(
                row.pk, actor=actor_of(person(request)), now=timezone.now(), **wanted
            )
        return Response(self.get_serializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Takes it back; what runs ends now."""
        row = self.get_object()
        with refusals():
            services.remove_time_off(row.pk, actor=actor_of(person(request)), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
