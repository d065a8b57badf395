"""The buttons of an incident: what each asks for, whom it wakes, which verb it calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from incidents import services
from incidents.enums import RoleName, Status, UpdateKind
from incidents.models import Incident
from incidents.permissions import Verb
from incidents.queries.facts import policy_of_incident


class NoteForm(forms.Form):
    """Words for the timeline; they may be left out."""

    note = forms.CharField(
        required=False, max_length=20_000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class EndForm(NoteForm):
    """With the reason to go on without what is missing."""

    waive = forms.CharField(
        required=False, max_length=2000, label="If something is missing: why go on without it",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )  # fmt: skip


class ReasonForm(forms.Form):
    """A reason is needed."""

    reason = forms.CharField(max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class MaybeReasonForm(forms.Form):
    """A reason helps."""

    reason = forms.CharField(
        required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class SignatureForm(forms.Form):
    """A second look, and a signature."""

    note = forms.CharField(
        max_length=20_000,
        label="What is known of the breach",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    sure = forms.BooleanField(label="I have looked twice, and sign this with my name")


class UpdateForm(forms.Form):
    """An update."""

    text = forms.CharField(max_length=20_000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.value) for kind in UpdateKind], initial=UpdateKind.FINDINGS.value,
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip


class SeverityForm(MaybeReasonForm):
    """Another severity, of those that the incident's procedure has."""

    severity = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    field_order = ("severity", "reason")


class RoleForm(forms.Form):
    """A person for a role."""

    role = forms.ChoiceField(
        choices=[(role.value, role.value.replace("-", " ")) for role in RoleName],
        widget=UnfoldAdminSelectWidget,
    )
    user = forms.EmailField(label="Address of the person", widget=UnfoldAdminEmailInputWidget)


@dataclass(frozen=True, slots=True)
class Button:
    """One verb: `wakes` says beforehand whom it wakes; `when` are the statuses in which it makes sense."""

    name: str
    title: str
    permission: Verb
    verb: Callable[..., Any]
    form: type[forms.Form] = forms.Form
    wakes: str = ""
    when: frozenset[str] = frozenset({Status.TRIGGERED, Status.ACKNOWLEDGED, Status.MITIGATED})


_RESOLVED = frozenset({Status.RESOLVED})
BUTTONS = {
    button.name: button
    for button in (
        Button("acknowledge", "Acknowledge", Verb.ACKNOWLEDGE, services.acknowledge,
               when=frozenset({Status.TRIGGERED, Status.ACKNOWLEDGED, Status.RESOLVED})),
        Button("update", "Post an update", Verb.UPDATE, services.post_update, UpdateForm),
        Button("need-help", "Need help", Verb.NEED_HELP, services.need_help,
               wakes="This pages the next step of the path now."),
        Button("cannot-take", "I can't take this", Verb.CANNOT_TAKE, services.cannot_take,
               wakes="This pages the next person of the path now. Nobody asks why."),
        Button("escalate", "Escalate", Verb.ESCALATE, services.escalate, MaybeReasonForm,
               wakes="This pages the next step of the path now."),
        Button("all-hands", "All hands", Verb.ALL_HANDS, services.all_hands,
               wakes="This pages the whole team now, at any hour."),
        Button("severity", "Set the severity", Verb.SET_SEVERITY, services.set_severity, SeverityForm,
               wakes="Raising the severity pages everybody whom its path calls at once."),
        Button("major", "Mark as major", Verb.PROPOSE_MAJOR, services.mark_major, MaybeReasonForm,
               wakes="This calls whoever the path names for a major incident."),
        Button("confirm-breach", "Confirm a breach", Verb.CONFIRM_BREACH, services.confirm_breach, SignatureForm,
               wakes="This pages Legal, PR and the C-level now. It cannot be taken back."),
        Button("role", "Give a role", Verb.ASSIGN_ROLE, services.assign_role, RoleForm,
               wakes="The person is called in."),
        Button("mitigate", "Mitigated", Verb.MITIGATE, services.mitigate, EndForm,
               when=frozenset({Status.ACKNOWLEDGED})),
        Button("relapse", "It is back", Verb.RELAPSE, services.relapse, NoteForm,
               when=frozenset({Status.MITIGATED})),
        Button("resolve", "Resolve", Verb.RESOLVE, services.resolve, EndForm,
               when=frozenset({Status.ACKNOWLEDGED, Status.MITIGATED})),
        Button("undo", "Take that back", Verb.UNDO, services.undo, NoteForm,
               when=frozenset({Status.MITIGATED, Status.RESOLVED})),
        Button("reopen", "Reopen", Verb.REOPEN, services.reopen, ReasonForm, when=_RESOLVED,
               wakes="Its clocks start anew: unresolved, the path is climbed again."),
        Button("false-positive", "False positive", Verb.FALSE_POSITIVE, services.mark_false_positive, ReasonForm,
               when=frozenset({Status.ACKNOWLEDGED, Status.MITIGATED, Status.RESOLVED})),
        Button("close", "Close", Verb.CLOSE, services.close, EndForm, when=_RESOLVED),
    )
}  # fmt: skip


def buttons_for(incident: Incident, allowed: frozenset[Verb]) -> list[Button]:
    """The buttons that work for somebody with these permissions, as the incident stands."""
    return [
        button
        for button in BUTTONS.values()
        if button.permission in allowed
        and incident.status in button.when
        and _makes_sense(button, incident)
    ]


def _makes_sense(button: Button, incident: Incident) -> bool:
    if button.name == "confirm-breach":
        return incident.kind == "security" and not incident.breach_confirmed
    if button.name == "major":
        return not incident.major
    if button.name == "false-positive":
        return incident.acknowledged_at is not None and not incident.false_positive
    return True


def form_for(button: Button, incident: Incident, data: Any = None) -> forms.Form:
    """The button's form, its choices taken from the incident's own procedure."""
    form = button.form(data)
    if isinstance(form, SeverityForm):
        field = form.fields["severity"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [
                (severity.code, f"{severity.code} {severity.name}")
                for severity in policy_of_incident(incident).severities
            ]
        form.initial["severity"] = incident.severity
    return form
