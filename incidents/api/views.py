"""Incidents over HTTP: read what one may see, and every verb once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from deadlines.extension import Actor
from deadlines.models import Deadline
from deadlines.queries import promises_of
from directory.api.filters import TrueOrFalse
from directory.api.pagination import ByCursor
from directory.api.problems import Refused, Senseless
from directory.models import Service, Team, User
from directory.permissions import actor_of, visible_teams
from incidents import services
from incidents.api import serializers as shapes
from incidents.enums import Kind, Status
from incidents.models import ActionItem, Incident, IncidentRole, TimelineEntry
from incidents.permissions import visible_to
from incidents.queries.freeze import freeze_reasons
from incidents.queries.preview import preview
from incidents.services import DeclareFacts, Forbidden, GatesUnmet, VerbRefused
from notifications.models import Page
from notifications.queries import pages_of

SENSELESS = frozenset(
    {
        "no_title", "no_service", "unknown_service", "unknown_severity", "unknown_criterion", "no_severity",
        "unknown_kind", "no_text", "unknown_step", "unknown_person", "unknown_role", "no_reason", "no_note",
    }
)  # fmt: skip
"""Refusals that are about what was sent, not about the incident's state: 400 rather than 409."""


class IncidentFilter(filters.FilterSet):
    """`status`, `severity`, `kind`, `service` and `team` (slugs), `opened_after`, `opened_before`, `active`."""

    status = filters.MultipleChoiceFilter(choices=[(one.value, one.value) for one in Status])
    severity = filters.CharFilter("severity")
    kind = filters.ChoiceFilter(choices=[(kind.value, kind.value) for kind in Kind])
    service = filters.CharFilter(method="of_service")
    team = filters.CharFilter("team__slug")
    opened_after = filters.IsoDateTimeFilter("opened_at", "gte")
    opened_before = filters.IsoDateTimeFilter("opened_at", "lt")
    drill = TrueOrFalse("drill")

    class Meta:
        model = Incident
        fields: list[str] = []

    def of_service(self, incidents: QuerySet[Incident], name: str, slug: str) -> QuerySet[Incident]:
        through = Incident.services.through.objects.filter(service__slug=slug)
        return incidents.filter(pk__in=through.values("incident_id"))


class ByTime(ByCursor):
    """Incidents by when they were opened; equal instants by id."""

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        asked = request.query_params.get("ordering", "-opened_at")
        if asked not in ("opened_at", "-opened_at"):
            raise ValidationError({"ordering": "Lists sort by opened_at or -opened_at."})
        return (asked, "-id" if asked.startswith("-") else "id")

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        ordering = {
            "name": "ordering",
            "in": "query",
            "required": False,
            "description": "By when they were opened; the newest first unless said otherwise.",
            "schema": {"type": "string", "enum": ["opened_at", "-opened_at"]},
        }
        return [*super().get_schema_operation_parameters(view), ordering]


class ByNumber(ByCursor):
    """The timeline in its order."""

    ordering = "number"

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        return ("number",)


class ByDueTime(ByCursor):
    """Promises by due time."""

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        return ("due_at", "id")


class ByCreation(ByCursor):
    """Pages by when they were made."""

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        return ("created_at", "id")


class IncidentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Incident]):
    """The incidents one may see. A hidden one answers exactly like a missing one."""

    queryset = Incident.objects.none()
    serializer_class = shapes.IncidentSerializer
    filterset_class = IncidentFilter
    pagination_class = ByTime
    lookup_field = "ref"
    lookup_value_regex = r"[A-Za-z0-9-]{1,24}"

    def get_queryset(self) -> QuerySet[Incident]:
        roles = IncidentRole.objects.select_related("user")
        return (
            visible_to(self.request.user)
            .select_related(
                "team", "lead_service", "version", "owner", "acknowledged_by", "alert_tally"
            )
            # The whole procedure, which nobody asked for here: 30 KB of JSON for each incident of a list.
            .defer("version__document", "version__changes")
            .prefetch_related("services", Prefetch("roles", queryset=roles))
        )

    @extend_schema(request=shapes.DeclareSerializer, responses={201: shapes.IncidentSerializer})
    def create(self, request: Request) -> Response:
        """Declares an incident; the same again within two minutes answers with the first."""
        asked = _asked(shapes.DeclareSerializer, request)
        known = {
            service.slug: service.pk
            for service in Service.objects.filter(slug__in=asked["services"])
        }
        if missing := [slug for slug in asked["services"] if slug not in known]:
            raise ValidationError({"services": f"There is no service {missing[0]}."})
        facts = DeclareFacts(
            title=asked["title"],
            severity=asked["severity"],
            services=[known[slug] for slug in asked["services"]],
            kind=asked["kind"],
            started_at=asked["started_at"],
            user_facing=asked["user_facing"],
            criteria=asked["criteria"],
            drill=asked["drill"],
            origin="api",
            summary=asked["summary"],
        )
        incident = _say(lambda: services.declare(facts, actor=_actor(request), now=timezone.now()))
        fresh = self.get_queryset().filter(pk=incident.pk).first()
        if fresh is None:
            raise PermissionDenied("It was declared, and you may not see it.")
        return Response(self.get_serializer(fresh).data, status=status.HTTP_201_CREATED)

    def _verb(self, verb: Callable[..., Any], **facts: Any) -> Response:
        """Finds the incident among those one may see, does the one thing, answers with the incident."""
        incident = self.get_object()
        _say(lambda: verb(incident.pk, actor=_actor(self.request), now=timezone.now(), **facts))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=shapes.NothingSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def acknowledge(self, request: Request, ref: str) -> Response:
        """Takes the incident: the paging stops."""
        return self._verb(services.acknowledge)

    @extend_schema(request=shapes.UpdateSerializer, responses=shapes.TimelineEntrySerializer)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="update")
    def post_update(self, request: Request, ref: str) -> Response:
        """Posts an update."""
        asked = _asked(shapes.UpdateSerializer, request)
        incident = self.get_object()
        entry = _say(
            lambda: services.post_update(
                incident.pk,
                text=asked["text"],
                kind=asked["kind"],
                actor=_actor(request),
                now=timezone.now(),
            )
        )
        return Response(shapes.TimelineEntrySerializer(entry).data)

    @extend_schema(request=shapes.NoteSerializer, responses=shapes.TimelineEntrySerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def note(self, request: Request, ref: str) -> Response:
        """Writes a note to the timeline."""
        asked = _asked(shapes.NoteSerializer, request)
        incident = self.get_object()
        entry = _say(
            lambda: services.add_note(
                incident.pk, text=asked["note"], actor=_actor(request), now=timezone.now()
            )
        )
        return Response(shapes.TimelineEntrySerializer(entry).data)

    @extend_schema(request=shapes.EscalateSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def escalate(self, request: Request, ref: str) -> Response:
        """Pages a step, a person, or whoever is next."""
        asked = _asked(shapes.EscalateSerializer, request)
        return self._verb(services.escalate, to=asked["to"] or None, reason=asked["reason"])

    @extend_schema(request=shapes.NothingSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="need-help")
    def need_help(self, request: Request, ref: str) -> Response:
        """Pages the next step now."""
        return self._verb(services.need_help)

    @extend_schema(request=shapes.NothingSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="cannot-take")
    def cannot_take(self, request: Request, ref: str) -> Response:
        """Hands it to the next person of the path; no reason is asked."""
        return self._verb(services.cannot_take)

    @extend_schema(request=shapes.NothingSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="all-hands")
    def all_hands(self, request: Request, ref: str) -> Response:
        """Pages the whole team."""
        return self._verb(services.all_hands)

    @extend_schema(request=shapes.EndSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def mitigate(self, request: Request, ref: str) -> Response:
        """Service is restored; the clocks of “unresolved” stop."""
        return self._verb(services.mitigate, **_asked(shapes.EndSerializer, request))

    @extend_schema(request=shapes.NoteSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def relapse(self, request: Request, ref: str) -> Response:
        """It is back; the clocks go on."""
        return self._verb(services.relapse, **_asked(shapes.NoteSerializer, request))

    @extend_schema(request=shapes.EndSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resolve(self, request: Request, ref: str) -> Response:
        """It is over. 409 with the list of what is missing."""
        return self._verb(services.resolve, **_asked(shapes.EndSerializer, request))

    @extend_schema(request=shapes.ReasonSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def reopen(self, request: Request, ref: str) -> Response:
        """A resolved incident burns again."""
        return self._verb(services.reopen, **_asked(shapes.ReasonSerializer, request))

    @extend_schema(request=shapes.NoteSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def undo(self, request: Request, ref: str) -> Response:
        """Takes back a mistaken mitigate or resolve."""
        return self._verb(services.undo, **_asked(shapes.NoteSerializer, request))

    @extend_schema(request=shapes.EndSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def close(self, request: Request, ref: str) -> Response:
        """The end. 409 with the list of what is missing."""
        return self._verb(services.close, **_asked(shapes.EndSerializer, request))

    @extend_schema(request=shapes.SeveritySerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def severity(self, request: Request, ref: str) -> Response:
        """Another severity: what is still owed is planned anew."""
        return self._verb(services.set_severity, **_asked(shapes.SeveritySerializer, request))

    @extend_schema(request=shapes.MajorSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def major(self, request: Request, ref: str) -> Response:
        """Marks it as a major incident; the commander's word is a proposal."""
        return self._verb(services.mark_major, **_asked(shapes.MajorSerializer, request))

    @extend_schema(request=shapes.SignatureSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="confirm-breach")
    def confirm_breach(self, request: Request, ref: str) -> Response:
        """Signs that there was a breach: Legal, PR and the C-level are paged."""
        return self._verb(services.confirm_breach, **_asked(shapes.SignatureSerializer, request))

    @extend_schema(request=shapes.ReasonSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="false-positive")
    def false_positive(self, request: Request, ref: str) -> Response:
        """There was nothing; only after an acknowledgment."""
        return self._verb(services.mark_false_positive, **_asked(shapes.ReasonSerializer, request))

    @extend_schema(request=shapes.GiveRoleSerializer, responses=shapes.IncidentSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def roles(self, request: Request, ref: str) -> Response:
        """Gives a person a role; they are brought in and told."""
        asked = _asked(shapes.GiveRoleSerializer, request)
        return self._verb(
            services.assign_role, role=asked["role"], user_id=_person_meant(asked["user"])
        )

    @extend_schema(responses=shapes.TimelineEntrySerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=ByNumber)
    def timeline(self, request: Request, ref: str) -> Response:
        """What happened, in order."""
        rows = TimelineEntry.objects.filter(incident=self._found())
        return self._listed(rows, shapes.TimelineEntrySerializer)

    @extend_schema(responses=shapes.DeadlineSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=ByDueTime)
    def deadlines(self, request: Request, ref: str) -> Response:
        """What was and is promised, by due time."""
        rows: QuerySet[Deadline] = promises_of("incident", self._found().pk)
        return self._listed(rows, shapes.DeadlineSerializer)

    @extend_schema(responses=shapes.PageSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=ByCreation)
    def pages(self, request: Request, ref: str) -> Response:
        """Who was paged over which channel, and what came of it."""
        rows: QuerySet[Page] = pages_of("incident", [self._found().pk])
        return self._listed(rows, shapes.PageSerializer)

    def _found(self) -> Incident:
        return get_object_or_404(visible_to(self.request.user), ref=self.kwargs["ref"])

    def _listed(
        self, rows: QuerySet[Any], shape: type[serializers.BaseSerializer[Any]]
    ) -> Response:
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shape(page, many=True).data)


class FreezeView(APIView):
    """Whether deployments should wait (C221)."""

    @extend_schema(
        parameters=[shapes.FreezeQuery], responses=shapes.FreezeSerializer, operation_id="freeze"
    )
    def get(self, request: Request) -> Response:
        asked = _asked(shapes.FreezeQuery, request, query=True)
        reasons = freeze_reasons(
            request.user,
            now=timezone.now(),
            service=asked.get("service"),
            fixes=asked.get("incident"),
        )
        return Response(shapes.FreezeSerializer({"frozen": bool(reasons), "reasons": reasons}).data)


class PreviewView(APIView):
    """What would happen if: the promises and pages that would follow, each with its clause."""

    @extend_schema(
        request=shapes.PreviewRequestSerializer,
        responses=shapes.PreviewSerializer,
        operation_id="preview",
    )
    def post(self, request: Request) -> Response:
        asked = _asked(shapes.PreviewRequestSerializer, request)
        teams = visible_teams(request.user)
        service = None
        if asked["service"]:
            service = (
                Service.objects.filter(slug=asked["service"], team__in=teams)
                .select_related("team")
                .first()
            )
            if service is None:
                raise ValidationError({"service": "There is no such service."})
        team = service.team if service else _team_meant(asked["team"], teams)
        try:
            answer = preview(
                severity=asked["severity"],
                kind=asked["kind"],
                team=team,
                services=[service] if service else [],
                at=asked["at"] or timezone.now(),
            )
        except LookupError as error:
            raise ValidationError({"severity": "The procedure has no such severity."}) from error
        return Response(shapes.PreviewSerializer(answer).data)


class ActionItemFilter(filters.FilterSet):
    """`team`: a slug. `incident`: a reference. `open`: true or false."""

    team = filters.CharFilter("team__slug")
    incident = filters.CharFilter("incident__ref")
    open = TrueOrFalse("done_at", "isnull")

    class Meta:
        model = ActionItem
        fields: list[str] = []


class ActionItemViewSet(ReadOnlyModelViewSet[ActionItem]):
    """What is left to do, of the incidents one may see."""

    queryset = ActionItem.objects.none()
    serializer_class = shapes.ActionItemSerializer
    filterset_class = ActionItemFilter
    ordering = "-id"

    def get_queryset(self) -> QuerySet[ActionItem]:
        user = self.request.user
        seen = ActionItem.objects.filter(incident__in=visible_to(user))
        own = ActionItem.objects.filter(incident__isnull=True, team__in=visible_teams(user))
        return (seen | own).select_related("incident", "team", "owner")


def _say(verb: Callable[[], Any]) -> Any:
    """Calls a verb; what it refuses becomes a problem."""
    try:
        return verb()
    except Incident.DoesNotExist as error:
        raise NotFound from error
    except Forbidden as error:
        raise PermissionDenied(error.message) from error
    except GatesUnmet as error:
        raise Refused(
            error.code,
            error.message,
            [
                {
                    "code": reason.code,
                    "text": reason.text,
                    "clause": reason.clause,
                    "waivable": reason.waivable,
                }
                for reason in error.reasons
            ],
        ) from error
    except VerbRefused as error:
        if error.code in SENSELESS:
            raise Senseless(error.code, error.message) from error
        raise Refused(error.code, error.message) from error


def _asked(
    shape: type[serializers.Serializer[Any]], request: Request, *, query: bool = False
) -> dict[str, Any]:
    asked = shape(data=request.query_params if query else request.data)
    asked.is_valid(raise_exception=True)
    return cast(dict[str, Any], asked.validated_data)


def _actor(request: Request) -> Actor:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return actor_of(request.user)


def _person_meant(word: str) -> int:
    people = User.objects.filter(is_active=True)
    found = (
        people.filter(pk=int(word)).first()
        if word.isdecimal() and len(word) < 16
        else people.filter(email=word.strip().lower()).first()
    )
    if found is None:
        raise ValidationError({"user": "Nobody has this address or id."})
    return found.pk


def _team_meant(slug: str | None, teams: QuerySet[Team]) -> Team:
    found = teams.filter(slug=slug).first() if slug else teams.order_by("pk").first()
    if found is None:
        raise ValidationError({"team": "There is no such team."})
    return found
