"""How people, teams and services read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from directory.api.fields import PersonSerializer, WallTime
from directory.models import RoleHolder, Service, Team, User


class OnePersonSerializer(serializers.ModelSerializer[User]):
    """A person and the teams they belong to."""

    teams = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "name", "email", "zone", "is_active", "teams"]
        read_only_fields = fields

    def get_teams(self, person: User) -> list[str]:
        return [membership.team.slug for membership in person.memberships.all()]


class RoleSerializer(serializers.ModelSerializer[RoleHolder]):
    """Who holds a role, and who stands in."""

    user = PersonSerializer(read_only=True)
    backup = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = RoleHolder
        fields = ["role", "user", "backup"]
        read_only_fields = fields


class TeamSerializer(serializers.ModelSerializer[Team]):
    """A team: procedure, business hours, members and roles. Workdays: 0 is Monday."""

    procedure = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    opens = WallTime(read_only=True, help_text="Business hours begin.")
    closes = WallTime(read_only=True, help_text="Business hours end.")
    members = serializers.SerializerMethodField()
    roles = RoleSerializer(source="role_holders", many=True, read_only=True)

    class Meta:
        model = Team
        fields = [
            "slug", "name", "procedure", "zone", "workdays", "opens", "closes", "holiday_country",
            "holiday_subdivision", "extra_holidays", "members", "roles",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PersonSerializer(many=True))
    def get_members(self, team: Team) -> list[dict[str, object]]:
        people = [membership.user for membership in team.memberships.all()]
        return list(PersonSerializer(people, many=True).data)


class ServiceSerializer(serializers.ModelSerializer[Service]):
    """A service, its team, its experts and its links."""

    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    smes = PersonSerializer(many=True, read_only=True)
    runbook_url = serializers.CharField(read_only=True, help_text="An address, or empty.")
    dashboard_url = serializers.CharField(read_only=True, help_text="An address, or empty.")
    logs_url = serializers.CharField(read_only=True, help_text="An address, or empty.")

    class Meta:
        model = Service
        fields = [
            "slug", "name", "description", "team", "user_facing", "active", "smes",
            "runbook_url", "dashboard_url", "logs_url",
        ]  # fmt: skip
        read_only_fields = fields
