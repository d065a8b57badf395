"""How rotas, overrides and shifts read, and what may be written."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from directory.api.fields import Instant, PersonSerializer, WallTime, instant
from directory.models import User
from rotations.enums import Level, OverrideKind, SwapState, Unit, Why
from rotations.models import Override, Plan, Rota, Swap, TimeOff


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


WAIVER = "A manager's reason to let stand what it breaks; it is kept."


class OneOverrideSerializer(serializers.Serializer[Any]):
    """An override to be made. `user` is an address or an id; without one it is oneself; null is nobody, for
    which the team's manager gives a reason."""

    rota = serializers.CharField(max_length=80, help_text="The rota's slug.")
    user = serializers.CharField(max_length=254, required=False, allow_null=True)
    starts_at = Instant()
    ends_at = Instant()
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class OverrideToMakeSerializer(OneOverrideSerializer):
    """An override to be made, and why it may break the roster."""

    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class OverridesToMakeSerializer(serializers.Serializer[Any]):
    """Overrides to be made together: all or none, proved as a whole."""

    overrides = serializers.ListField(
        child=OneOverrideSerializer(), allow_empty=False, max_length=200
    )
    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class OverridesSerializer(serializers.Serializer[Any]):
    """Overrides made together, in the order in which they were asked for."""

    results = OverrideSerializer(many=True)


class WaiverQuery(serializers.Serializer[Any]):
    """What may be said when an override is taken back."""

    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class StretchSerializer(serializers.Serializer[Any]):
    """A stretch of a rota, from `starts_at` until just before `ends_at`."""

    rota = serializers.CharField(max_length=80, help_text="The rota's slug.")
    starts_at = Instant()
    ends_at = Instant()


class SwapSerializer(serializers.ModelSerializer[Swap]):
    """`colleague` takes the rota from `giver`; `back` is what the giver takes in exchange, if anything."""

    rota = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    giver = PersonSerializer(read_only=True)
    colleague = PersonSerializer(read_only=True)
    starts_at = Instant(read_only=True)
    ends_at = Instant(read_only=True)
    back = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=[state.value for state in SwapState], read_only=True)
    filed_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    answered_at = Instant(read_only=True, allow_null=True)
    settled_at = Instant(read_only=True, allow_null=True)

    class Meta:
        model = Swap
        fields = [
            "id", "rota", "giver", "colleague", "starts_at", "ends_at", "back", "state", "note", "answer",
            "waiver_reason", "filed_by", "decided_by", "created_at", "answered_at", "settled_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(StretchSerializer(allow_null=True))
    def get_back(self, swap: Swap) -> dict[str, object] | None:
        if swap.back_rota is None or swap.back_starts_at is None or swap.back_ends_at is None:
            return None
        return {
            "rota": swap.back_rota.slug,
            "starts_at": instant(swap.back_starts_at),
            "ends_at": instant(swap.back_ends_at),
        }


class SwapToAskSerializer(serializers.Serializer[Any]):
    """A swap to be asked. People are addresses or ids; without `giver` one gives one's own shift."""

    rota = serializers.CharField(max_length=80, help_text="The rota's slug.")
    giver = serializers.CharField(max_length=254, required=False)
    colleague = serializers.CharField(max_length=254)
    starts_at = Instant()
    ends_at = Instant()
    back = StretchSerializer(
        required=False, allow_null=True, help_text="What the giver takes in exchange."
    )
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class SwapDeclineSerializer(serializers.Serializer[Any]):
    """Why a swap is declined."""

    reason = serializers.CharField(max_length=300)


class SwapApprovalSerializer(serializers.Serializer[Any]):
    """A manager's approval."""

    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class SwapUndoSerializer(SwapApprovalSerializer):
    """Why a swap is taken back."""

    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class TimeOffSerializer(serializers.ModelSerializer[TimeOff]):
    """A person is away. The reason is for themselves and their managers; others read an empty one."""

    user = PersonSerializer(read_only=True)
    starts_at = Instant(read_only=True)
    ends_at = Instant(read_only=True)
    reason = serializers.SerializerMethodField()
    created_by = PersonSerializer(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)

    class Meta:
        model = TimeOff
        fields = ["id", "user", "starts_at", "ends_at", "reason", "created_by", "created_at"]
        read_only_fields = fields

    def get_reason(self, row: TimeOff) -> str:
        return row.reason if row.user_id in self.context["reasons_of"] else ""


class TimeOffToAddSerializer(serializers.Serializer[Any]):
    """Time off to be added. `user` is an address or an id; without one it is oneself."""

    user = serializers.CharField(max_length=254, required=False)
    starts_at = Instant()
    ends_at = Instant()
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class TimeOffToChangeSerializer(serializers.Serializer[Any]):
    """What changes of time off; what is not given stays."""

    starts_at = Instant(required=False)
    ends_at = Instant(required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    waiver_reason = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="", help_text=WAIVER
    )


class SuggestionSerializer(serializers.Serializer[Any]):
    """Somebody who might take a stretch, and why, or why not."""

    user = PersonSerializer()
    free = serializers.BooleanField()
    said = serializers.CharField()


class SuggestionsSerializer(serializers.Serializer[Any]):
    """Whom to ask: those who are free first, who carried least before the others."""

    results = SuggestionSerializer(many=True)


class SuggestionsQuery(serializers.Serializer[Any]):
    """The stretch somebody is sought for."""

    starts_at = Instant()
    ends_at = Instant()


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
