"""An incident in the admin: its state is read here, and changed by the buttons alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from directory.models import Team, User
from directory.permissions import actor_of
from incidents.admin.timeline import NothingChanges, RoleRows, TimelineRows
from incidents.admin.verbs import BUTTONS, Button, buttons_for, form_for
from incidents.models import Incident
from incidents.permissions import may, visible_to, what_may
from incidents.services import Forbidden, GatesUnmet, VerbRefused
from procedures.queries import severities_in_force

MOST_TEAMS = 40


class SeverityFilter(admin.SimpleListFilter):
    """The severities of the published procedures; those of the rows would be read from every row."""

    title = "severity"
    parameter_name = "severity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(severity.code, severity.code) for severity in severities_in_force()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(severity=self.value()) if self.value() else queryset


class TeamFilter(admin.RelatedFieldListFilter):
    """A screenful of teams; the others' incidents are found by the team's name in the search."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, Any]]:
        return [(str(team.pk), team.name) for team in Team.objects.order_by("name")[:MOST_TEAMS]]


@admin.register(Incident)
class IncidentAdmin(NothingChanges, ModelAdmin):
    """The incidents one may see; a hidden one answers like a missing one."""

    list_display: ClassVar = [
        "ref",
        "severity",
        "status",
        "title",
        "team",
        "lead_service",
        "owner",
        "opened_at",
    ]
    list_filter: ClassVar = [
        "status",
        SeverityFilter,
        "kind",
        ("team", TeamFilter),
        ("opened_at", admin.DateFieldListFilter),
        "drill",
    ]
    list_select_related: ClassVar = ["team", "lead_service", "owner"]
    search_fields: ClassVar = ["=ref", "title", "team__name"]
    list_per_page = 50
    show_full_result_count = False
    inlines: ClassVar = [TimelineRows, RoleRows]
    change_form_before_template = "admin/incidents/buttons.html"
    exclude: ClassVar = ["run"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Of the time only what the filter asks: a year that no calendar has breaks the query."""
        if lookup.startswith("opened_at__") and lookup not in ("opened_at__gte", "opened_at__lt"):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)
        return allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible_to(request.user)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<int:incident_id>/<slug:verb>/do/",
                self.admin_site.admin_view(self.do),
                name="incidents_incident_do",
            )
        ]
        urls: list[URLPattern] = own + super().get_urls()
        return urls

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        incident = self.get_object(request, object_id) if object_id else None
        context = dict(extra_context or {})
        if isinstance(incident, Incident):
            context["incident"] = incident
            context["buttons"] = [
                {
                    "title": button.title,
                    "wakes": button.wakes,
                    "url": reverse("admin:incidents_incident_do", args=[incident.pk, button.name]),
                    "asks": bool(button.form.base_fields or button.wakes),
                }
                for button in buttons_for(incident, what_may(request.user, incident))
            ]
        page: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return page

    def do(self, request: HttpRequest, incident_id: int, verb: str) -> HttpResponse:
        """GET shows what the verb asks for and whom it wakes; only POST does it."""
        button = BUTTONS.get(verb)
        incident = visible_to(request.user).filter(pk=incident_id).first()
        if button is None or incident is None:
            raise Http404("There is no such incident.")
        if not may(request.user, button.permission, incident):
            raise PermissionDenied
        if request.method != "POST":
            return self._confirm(request, incident, button, form_for(button, incident))
        form = form_for(button, incident, request.POST)
        if not form.is_valid():
            return self._confirm(request, incident, button, form)
        try:
            _call(button, incident, form.cleaned_data, request)
        except Forbidden as error:
            raise PermissionDenied(error.message) from error
        except GatesUnmet as error:
            form.add_error(None, [f"{reason.text} ({reason.clause})" for reason in error.reasons])
            return self._confirm(request, incident, button, form)
        except VerbRefused as error:
            form.add_error(None, error.message)
            return self._confirm(request, incident, button, form)
        messages.success(request, f"{incident.ref}: {button.title.lower()}, done.")
        return HttpResponseRedirect(reverse("admin:incidents_incident_change", args=[incident.pk]))

    def _confirm(
        self, request: HttpRequest, incident: Incident, button: Button, form: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{button.title}: {incident.ref}",
            "opts": self.opts,
            "original": incident,
            "incident": incident,
            "button": button,
            "form": form,
            "back": reverse("admin:incidents_incident_change", args=[incident.pk]),
        }
        return TemplateResponse(
            request, "admin/incidents/confirm.html", context, status=200 if not form.errors else 422
        )


def _call(button: Button, incident: Incident, given: dict[str, Any], request: HttpRequest) -> None:
    facts = {name: value for name, value in given.items() if name != "sure"}
    if button.name == "role":
        person = User.objects.filter(email=facts.pop("user").lower(), is_active=True).first()
        if person is None:
            raise VerbRefused("unknown_person", "Nobody here has this address.")
        facts["user_id"] = person.pk
    if not isinstance(request.user, User):
        raise PermissionDenied
    button.verb(incident.pk, actor=actor_of(request.user), now=timezone.now(), **facts)
