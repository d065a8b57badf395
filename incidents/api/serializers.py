"""How incidents read, and what their verbs take."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deadlines.enums import Nature, State
from deadlines.extension import contributions
from deadlines.models import Deadline
from directory.api.fields import Instant, PersonSerializer
from incidents.enums import Kind, RoleName, Status, UpdateKind
from incidents.models import ActionItem, Incident, IncidentRole, TimelineEntry
from incidents.rules.texts import TEXT_LENGTH
from notifications.models import Page

KINDS = [kind.value for kind in Kind]
STATUSES = [status.value for status in Status]


class IncidentRoleSerializer(serializers.ModelSerializer[IncidentRole]):
    """A person in a role of the incident."""

    role = serializers.ChoiceField(choices=[role.value for role in RoleName], read_only=True)
    user = PersonSerializer(read_only=True)
    since = Instant(read_only=True)

    class Meta:
        model = IncidentRole
        fields: ClassVar[list[str]] = ["role", "user", "since"]
        read_only_fields = fields


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    """An incident. `offer` names the severity to raise a major incident to, if there is a worse one."""

    kind = serializers.ChoiceField(choices=KINDS, read_only=True)
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)
    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    lead_service = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    services = serializers.SlugRelatedField[Any](slug_field="slug", many=True, read_only=True)
    started_at = Instant(read_only=True)
    opened_at = Instant(read_only=True)
    acknowledged_at = Instant(read_only=True, allow_null=True)
    acknowledged_by = PersonSerializer(read_only=True, allow_null=True)
    mitigated_at = Instant(read_only=True, allow_null=True)
    resolved_at = Instant(read_only=True, allow_null=True)
    closed_at = Instant(read_only=True, allow_null=True)
    owner = PersonSerializer(read_only=True, allow_null=True)
    procedure_version = serializers.IntegerField(source="version.number", read_only=True)
    roles = IncidentRoleSerializer(many=True, read_only=True)
    alerts = serializers.SerializerMethodField()
    alert_count = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Incident
        fields: ClassVar[list[str]] = [
            "ref", "title", "severity", "kind", "status", "team", "lead_service", "services",
            "declared_by", "started_at", "opened_at", "acknowledged_at", "acknowledged_by",
            "mitigated_at", "resolved_at", "closed_at", "owner", "user_facing", "major",
            "breach_confirmed", "false_positive", "procedure_version", "drill", "roles", "alerts",
            "alert_count", "revision", "url",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_alerts(self, incident: Incident) -> list[dict[str, Any]]:
        """The newest alerts, as the upper room that keeps them gives them; of a whole list at once."""
        context: Any = self.context
        known: dict[int, list[dict[str, Any]]] = context.setdefault("alerts", {})
        if incident.pk not in known:
            listed = (
                self.parent.instance
                if isinstance(self.parent, serializers.ListSerializer)
                else None
            )
            wanted = list(listed) if listed is not None else [incident]
            known.update({one.pk: [] for one in wanted})
            for _, provider in contributions("incident.alerts"):
                for incident_id, alerts in provider(wanted).items():
                    known[incident_id] += alerts
        return known[incident.pk]

    def get_alert_count(self, incident: Incident) -> int:
        tally = getattr(incident, "alert_tally", None)
        return tally.count if tally else 0


class CriteriaField(serializers.Field[Any, Any, Any, Any]):
    """Criterion keys that hold, as a list; or an object: key → true, measure → number."""

    default_error_messages = {
        "shape": "Give a list of criterion keys, or an object of keys and readings."
    }

    def to_internal_value(self, data: Any) -> dict[str, float | bool]:
        if isinstance(data, list) and len(data) <= 50 and all(isinstance(key, str) for key in data):
            return dict.fromkeys(data, True)
        if (
            isinstance(data, dict)
            and len(data) <= 50
            and all(isinstance(v, bool | int | float) for v in data.values())
        ):
            return {
                str(key): value if isinstance(value, bool) else float(value)
                for key, value in data.items()
            }
        return self.fail("shape")

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(
    {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}]}
)
class DocumentedCriteriaField(CriteriaField):
    """The same, as the schema says it."""


class DeclareSerializer(serializers.Serializer[Any]):
    """An incident to be declared. `services` are slugs, the lead service first."""

    title = serializers.CharField(max_length=1000)
    severity = serializers.CharField(max_length=16, required=False, allow_blank=True, default="")
    services = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=1, max_length=50
    )
    kind = serializers.ChoiceField(choices=KINDS, default=Kind.STANDARD.value)
    started_at = Instant(required=False, allow_null=True, default=None)
    user_facing = serializers.BooleanField(required=False, allow_null=True, default=None)
    criteria = DocumentedCriteriaField(required=False, default=dict)
    drill = serializers.BooleanField(default=False)
    summary = serializers.CharField(
        max_length=TEXT_LENGTH, required=False, allow_blank=True, default=""
    )


class NothingSerializer(serializers.Serializer[Any]):
    """Takes nothing."""


class UpdateSerializer(serializers.Serializer[Any]):
    """An update for those who follow. Only findings are the first update (C40).

    `public` must be null: there is no public status page to post to yet.
    """

    text = serializers.CharField(max_length=TEXT_LENGTH)
    kind = serializers.ChoiceField(
        choices=[kind.value for kind in UpdateKind], default=UpdateKind.STATUS.value
    )
    public = serializers.JSONField(required=False, allow_null=True, default=None)

    def validate_public(self, value: Any) -> None:
        if value is not None:
            raise serializers.ValidationError(
                "There is no public status page yet: nothing was posted."
            )


class EscalateSerializer(serializers.Serializer[Any]):
    """`to`: a step's key, a role's or level's name, or a person's address; without it the next step."""

    to = serializers.CharField(max_length=254, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class EndSerializer(serializers.Serializer[Any]):
    """`waive`: the reason to go on without what is missing and may be waived."""

    note = serializers.CharField(
        max_length=TEXT_LENGTH, required=False, allow_blank=True, default=""
    )
    waive = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=2000)


class NoteSerializer(serializers.Serializer[Any]):
    """Words for the timeline."""

    note = serializers.CharField(
        max_length=TEXT_LENGTH, required=False, allow_blank=True, default=""
    )


class SignatureSerializer(serializers.Serializer[Any]):
    """What is known; it is signed with the name of whose token it is."""

    note = serializers.CharField(max_length=TEXT_LENGTH)


class SeveritySerializer(serializers.Serializer[Any]):
    """Another severity, by its code."""

    severity = serializers.CharField(max_length=16)
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class MajorSerializer(serializers.Serializer[Any]):
    """Why it is a major incident."""

    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class GiveRoleSerializer(serializers.Serializer[Any]):
    """`user` is a person's address or id."""

    role = serializers.ChoiceField(choices=[role.value for role in RoleName])
    user = serializers.CharField(max_length=254)


class TimelineEntrySerializer(serializers.ModelSerializer[TimelineEntry]):
    """One entry of the timeline, numbered without holes."""

    at = Instant(read_only=True)
    actor = serializers.CharField(source="actor_label", read_only=True)

    class Meta:
        model = TimelineEntry
        fields: ClassVar[list[str]] = [
            "number",
            "at",
            "kind",
            "actor_kind",
            "actor",
            "text",
            "clause",
            "data",
        ]
        read_only_fields = fields


class DeadlineSerializer(serializers.ModelSerializer[Deadline]):
    """A promise. `late_by` is in seconds."""

    due_at = Instant(read_only=True)
    state = serializers.ChoiceField(choices=[state.value for state in State], read_only=True)
    settled_at = Instant(read_only=True, allow_null=True)
    fulfilled_at = Instant(read_only=True, allow_null=True)
    nature = serializers.ChoiceField(choices=[nature.value for nature in Nature], read_only=True)
    late_by = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Deadline
        fields: ClassVar[list[str]] = [
            "kind", "clause", "due_at", "state", "settled_at", "fulfilled_at", "late_by", "late_reason",
            "owed_by", "nature", "round",
        ]  # fmt: skip
        read_only_fields = fields


class PageSerializer(serializers.ModelSerializer[Page]):
    """One message to one person over one channel."""

    to = serializers.SerializerMethodField()
    step = serializers.CharField(source="page_out.step_label", read_only=True)
    clause = serializers.CharField(source="page_out.clause", read_only=True)
    round = serializers.IntegerField(source="page_out.round", read_only=True)
    held_until = Instant(source="page_out.held_until", read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    sent_at = Instant(read_only=True, allow_null=True)
    delivered_at = Instant(read_only=True, allow_null=True)

    class Meta:
        model = Page
        fields: ClassVar[list[str]] = [
            "to", "channel", "step", "clause", "round", "state", "created_at", "held_until", "sent_at",
            "delivered_at", "tries", "error",
        ]  # fmt: skip
        read_only_fields = fields

    def get_to(self, page: Page) -> str:
        person = page.page_out.user
        return person.email if person else page.page_out.address


class FreezeQuery(serializers.Serializer[Any]):
    """`service`: a slug. `incident`: the reference of the incident this change is to fix."""

    service = serializers.CharField(max_length=80, required=False)
    incident = serializers.CharField(max_length=24, required=False)


class FreezeReasonSerializer(serializers.Serializer[Any]):
    """Why deployments should wait."""

    kind = serializers.CharField()
    ref = serializers.CharField()
    severity = serializers.CharField()
    text = serializers.CharField()
    services = serializers.ListField(child=serializers.CharField())
    since = Instant()
    clause = serializers.CharField()


class FreezeSerializer(serializers.Serializer[Any]):
    """Whether deployments should wait, and why."""

    frozen = serializers.BooleanField()
    reasons = FreezeReasonSerializer(many=True)


class PreviewRequestSerializer(serializers.Serializer[Any]):
    """A question. `service` is a slug; without one `team` is; `at` is now unless given."""

    severity = serializers.CharField(max_length=16)
    kind = serializers.ChoiceField(choices=KINDS, default=Kind.STANDARD.value)
    service = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)
    team = serializers.CharField(max_length=60, required=False, allow_null=True, default=None)
    at = Instant(required=False, allow_null=True, default=None)


class ForeseenPromiseSerializer(serializers.Serializer[Any]):
    """What would fall due."""

    at = Instant()
    kind = serializers.CharField()
    title = serializers.CharField()
    clause = serializers.CharField()
    owed_by = serializers.CharField()
    nature = serializers.ChoiceField(choices=[nature.value for nature in Nature])


class ForeseenPageSerializer(serializers.Serializer[Any]):
    """Who would be paged, when and how."""

    at = Instant()
    person = serializers.CharField()
    methods = serializers.ListField(child=serializers.CharField())
    held_until = Instant(allow_null=True)
    step = serializers.CharField()
    cause = serializers.CharField()
    clause = serializers.CharField()
    urgency = serializers.CharField()
    round = serializers.IntegerField()


class ForeseenGapSerializer(serializers.Serializer[Any]):
    """A step that would reach nobody."""

    at = Instant()
    step = serializers.CharField()
    clause = serializers.CharField()
    why = serializers.CharField()


class StepInWaitingSerializer(serializers.Serializer[Any]):
    """A step that waits for a person's word."""

    step = serializers.CharField()
    waits_for = serializers.CharField()
    people = serializers.ListField(child=serializers.CharField())
    clause = serializers.CharField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What would happen if, when nobody answers."""

    severity = serializers.CharField()
    kind = serializers.CharField()
    team = serializers.CharField(source="team.slug")
    at = Instant()
    until = Instant()
    procedure_version = serializers.IntegerField(source="version")
    promises = ForeseenPromiseSerializer(many=True)
    pages = ForeseenPageSerializer(many=True)
    reach_nobody = ForeseenGapSerializer(many=True, source="gaps")
    waiting = StepInWaitingSerializer(many=True)
    goes_on = serializers.CharField()


class ActionItemSerializer(serializers.ModelSerializer[ActionItem]):
    """Something to do, with an owner and a due date."""

    incident = serializers.SlugRelatedField[Any](slug_field="ref", read_only=True)
    team = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    owner = PersonSerializer(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    done_at = Instant(read_only=True, allow_null=True)

    class Meta:
        model = ActionItem
        fields: ClassVar[list[str]] = [
            "id", "title", "incident", "team", "owner", "due_on", "created_at", "done_at", "clause", "source",
        ]  # fmt: skip
        read_only_fields = fields
