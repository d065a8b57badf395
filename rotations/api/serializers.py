"""How rotas, overrides and shifts read, and what may be written."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from directory.api.fields import Instant, PersonSerializer, WallTime
from directory.models import User
from rotations.enums import Level, OverrideKind, Unit, Why
from rotations.models import Override, Plan, Rota


class PlanSerializer(serializers.ModelSerializer[Plan]):
    """How a rota's turns go from `effective_at` on (null: since its first shift)."""

    unit = serializers.ChoiceField(choices=[unit.value for unit in Unit], read_only=True)
    handoff_weekday = serializers.IntegerField(read_only=True, help_text="0 is Monday.")
    handoff_time = WallTime(read_only=True, help_text="On the rota's wall clock.")
    derived_from = serializers.SlugRelatedField[Any](
        slug_field="slug", read_only=True, allow_null=True
    )
    effective_at = Instant(read_only=True, allow_null=True)
    members = serializers.SerializerMethodField()

    class Meta:
        model = Plan
        fields = [
            "unit", "length", "handoff_weekday", "handoff_time", "zone", "starts_on", "ends_on",
            "hours", "derived_from", "offset", "effective_at", "members",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PersonSerializer(many=True))
    def get_members(self, plan: Plan) -> list[dict[str, object]]:
        people = [member.user for member in plan.members.all()]
        return list(PersonSerializer(people, many=True).data)


class RotaSerializer(serializers.ModelSerializer[Rota]):
    """A rota with its published plans, the one in force first among those that have begun."""

    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    level = serializers.ChoiceField(choices=[level.value for level in Level], read_only=True)
    plans = PlanSerializer(many=True, read_only=True)

    class Meta:
        model = Rota
        fields = ["slug", "name", "team", "level", "active", "plans"]
        read_only_fields = fields


class OverrideSerializer(serializers.ModelSerializer[Override]):
    """Somebody else on a rota, from `starts_at` until just before `ends_at`.

    `user` is the person's id or address; without one it is oneself.
    """

    rota = serializers.SlugRelatedField[Any](slug_field="slug", queryset=Rota.objects.none())
    user = PersonSerializer(read_only=True, allow_null=True)
    kind = serializers.ChoiceField(choices=[kind.value for kind in OverrideKind], read_only=True)
    starts_at = Instant()
    ends_at = Instant()
    created_by = PersonSerializer(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)

    class Meta:
        model = Override
        fields = [
            "id",
            "rota",
            "user",
            "kind",
            "starts_at",
            "ends_at",
            "reason",
            "created_by",
            "created_at",
        ]
        read_only_fields = ["id", "user", "kind", "created_by", "created_at"]


class OverrideToMakeSerializer(serializers.Serializer[Any]):
    """An override to be made. `user` is an address or an id; without one it is oneself."""

    rota = serializers.CharField(max_length=80, help_text="The rota's slug.")
    user = serializers.CharField(max_length=254, required=False)
    starts_at = Instant()
    ends_at = Instant()
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class HoldingSerializer(serializers.Serializer[Any]):
    """Who holds a rota, from when until just before when, and why."""

    rota = serializers.CharField()
    team = serializers.CharField()
    level = serializers.ChoiceField(choices=[level.value for level in Level])
    user = PersonSerializer()
    starts_at = Instant()
    ends_at = Instant()
    why = serializers.ChoiceField(choices=[why.value for why in Why])


class OnCallSerializer(serializers.Serializer[Any]):
    """Who is on call at an instant."""

    at = Instant()
    results = HoldingSerializer(many=True)


class ShiftsSerializer(serializers.Serializer[Any]):
    """The stretches in which somebody is on call, between two instants."""

    start = Instant()
    end = Instant()
    results = HoldingSerializer(many=True)


class OnCallQuery(serializers.Serializer[Any]):
    """What may be asked of on-call/."""

    at = Instant(required=False, help_text="The instant; now when left out.")
    team = serializers.SlugField(required=False, help_text="Only this team's rotas.")


class ShiftsQuery(serializers.Serializer[Any]):
    """What may be asked of shifts/."""

    start = Instant(required=False, help_text="From when; now when left out.")
    end = Instant(required=False, help_text="Until when; four weeks later when left out.")
    rota = serializers.SlugField(required=False, help_text="Only this rota.")
    team = serializers.SlugField(required=False, help_text="Only this team's rotas.")
    user = serializers.CharField(
        required=False, max_length=254, help_text="Only this person's: an address, an id, or “me”."
    )


def person_meant(text: str, asker: User) -> User | None:
    """The person named by an address, an id, or “me”."""
    if text == "me":
        return asker
    if text.isascii() and text.isdigit():
        return User.objects.filter(pk=int(text)).first() if len(text) < 19 else None
    return User.objects.filter(email=text.strip()).first()
