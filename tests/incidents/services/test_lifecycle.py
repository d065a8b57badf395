"""The verbs that move an incident on: once, twice, in the wrong order, and past the services."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from deadlines.extension import PORTAL, Actor
from incidents import gates, services
from incidents.enums import Status
from incidents.models import Incident, TimelineEntry
from incidents.rules.lifecycle import TRANSITIONS
from notifications.models import Page
from procedures.models import Outcome
from tests.incidents.factories import WEDNESDAY, World, page_outs, tick

pytestmark = pytest.mark.django_db
SOON = WEDNESDAY + timedelta(minutes=1)
LATER = WEDNESDAY + timedelta(minutes=30)


def numbers(incident: Incident) -> list[int]:
    return list(incident.timeline.values_list("number", flat=True))


def bring_to(world: World, status: Status) -> Incident:
    incident = world.declare("P2", title=f"To {status}")
    actor = world.actor("primary")
    if status != Status.TRIGGERED:
        services.acknowledge(incident.pk, actor=actor, now=SOON)
    if status == Status.MITIGATED:
        services.mitigate(incident.pk, actor=actor, now=SOON)
    if status in (Status.RESOLVED, Status.CLOSED):
        services.resolve(incident.pk, actor=actor, now=SOON)
    if status == Status.CLOSED:
        services.close(incident.pk, actor=actor, now=SOON)
    incident.refresh_from_db()
    assert incident.status == status
    return incident


@pytest.mark.clause("C16", "C260")
def test_declaring_makes_the_row_the_entry_the_promises_and_the_pages(world: World) -> None:
    incident = world.declare("P2", title="Redis\nis  down\u202e")
    assert incident.ref.startswith("INC-2026-")
    assert incident.title == "Redis is down"
    assert (incident.team, incident.lead_service, incident.owner) == (
        world.team,
        world.service,
        world.primary,
    )
    assert incident.version.number == 1
    assert numbers(incident) == [1, 2]
    assert incident.entries == 2
    assert [world.name(page.user_id) for page in page_outs(incident)] == ["primary"]


def test_references_count_up(world: World) -> None:
    first = world.declare("P2")
    second = world.declare("P3")
    assert int(second.ref[-4:]) == int(first.ref[-4:]) + 1


def test_a_person_declaring_the_same_twice_gets_the_same_incident(world: World) -> None:
    actor = world.actor("engineer")
    first = world.declare("P2", actor=actor)
    assert world.declare("P2", actor=actor, at=SOON) == first
    assert world.declare("P2", actor=actor, at=LATER) != first
    assert world.declare("P2", actor=world.actor("secondary"), at=SOON) != first


def test_a_real_or_a_security_incident_is_never_taken_for_the_drill_before_it(world: World) -> None:
    """The first would have nobody answer a fire; the second would tell everybody of a break-in."""
    actor = world.actor("engineer")
    drill = world.declare("P2", actor=actor, title="Strange logins", drill=True)
    real = world.declare("P2", actor=actor, at=SOON, title="Strange logins")
    hidden = world.declare("P2", actor=actor, at=SOON, title="Strange logins", kind="security")
    assert len({drill.pk, real.pk, hidden.pk}) == 3
    assert (real.drill, real.restricted, hidden.restricted) == (False, False, True)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"title": "\x00 "}, "no_title"),
        ({"severity": "P9"}, "unknown_severity"),
        ({"severity": ""}, "no_severity"),
        ({"services": (10**9,)}, "unknown_service"),
        ({"services": ()}, "no_service"),
        ({"kind": "odd"}, "unknown_kind"),
        ({"criteria": {"moon": True}}, "unknown_criterion"),
    ],
)
def test_declaring_nonsense_is_refused_and_writes_nothing(
    world: World, facts: dict[str, Any], code: str
) -> None:
    with pytest.raises(services.VerbRefused) as refusal:
        world.declare(**{"severity": "P2", **facts})
    assert refusal.value.code == code
    assert not Incident.objects.exists()


@pytest.mark.clause("C42", "C50", "X9")
def test_the_worst_criterion_makes_the_severity_at_least_as_bad(world: World) -> None:
    assert world.declare("P3", criteria={"users_affected": 10.0}).severity == "P2"
    assert world.declare("", criteria={"data-loss": True}, title="Lost").severity == "P1"
    assert world.declare("P1", criteria={"cosmetic": True}, title="Typo").severity == "P1"


VERBS: list[tuple[Callable[..., Any], Status, dict[str, Any]]] = [
    (services.acknowledge, Status.TRIGGERED, {}),
    (services.post_update, Status.ACKNOWLEDGED, {"text": "Still looking", "kind": "findings"}),
    (services.add_note, Status.ACKNOWLEDGED, {"text": "A note"}),
    (services.need_help, Status.ACKNOWLEDGED, {}),
    (services.cannot_take, Status.ACKNOWLEDGED, {}),
    (services.escalate, Status.ACKNOWLEDGED, {"to": "engineering-manager"}),
    (services.all_hands, Status.ACKNOWLEDGED, {}),
    (services.set_severity, Status.ACKNOWLEDGED, {"severity": "P1"}),
    (services.mark_major, Status.ACKNOWLEDGED, {}),
    (services.mitigate, Status.ACKNOWLEDGED, {}),
    (services.relapse, Status.MITIGATED, {}),
    (services.resolve, Status.MITIGATED, {}),
    (services.reopen, Status.RESOLVED, {"reason": "Again"}),
    (services.close, Status.RESOLVED, {}),
    (services.mark_false_positive, Status.ACKNOWLEDGED, {"reason": "A test"}),
]


@pytest.mark.parametrize(
    ("verb", "status", "facts"), VERBS, ids=[verb.__name__ for verb, _, _ in VERBS]
)
def test_saying_it_twice_gives_the_same_answer_and_changes_nothing(
    world: World, verb: Callable[..., Any], status: Status, facts: dict[str, Any]
) -> None:
    incident = bring_to(world, status)
    actor = world.actor("manager")
    first = verb(incident.pk, actor=actor, now=LATER, **facts)
    incident.refresh_from_db()
    before = (incident.status, incident.revision, incident.entries, len(page_outs(incident)))
    assert numbers(incident) == list(range(1, incident.entries + 1))
    second = verb(incident.pk, actor=actor, now=LATER + timedelta(seconds=5), **facts)
    incident.refresh_from_db()
    assert second == first
    assert (
        incident.status,
        incident.revision,
        incident.entries,
        len(page_outs(incident)),
    ) == before


@pytest.mark.clause("C216")
def test_nothing_ends_before_a_person_has_acknowledged(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("manager")
    for verb in (services.mitigate, services.resolve):
        with pytest.raises(services.GatesUnmet) as refusal:
            verb(incident.pk, actor=actor, now=SOON, waive="I know better")
        assert [(reason.clause, reason.waivable) for reason in refusal.value.reasons] == [
            ("C216", False)
        ]
    with pytest.raises(services.GatesUnmet):
        services.mark_false_positive(incident.pk, reason="Nothing there", actor=actor, now=SOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.filter(pk=incident.pk).update(false_positive=True)


@pytest.mark.clause("C216")
def test_its_source_may_resolve_it_before_anybody_acted(world: World) -> None:
    incident = world.declare("P2")
    source = Actor("integration", 1, "Prometheus")
    resolved = services.resolve(incident.pk, actor=source, now=SOON)
    assert resolved.status == Status.RESOLVED
    acknowledged = services.acknowledge(incident.pk, actor=world.actor("primary"), now=LATER)
    assert (acknowledged.status, acknowledged.acknowledged_at) == (Status.RESOLVED, LATER)
    services.mark_false_positive(
        incident.pk, reason="A flapping probe", actor=world.actor("primary"), now=LATER
    )


@pytest.mark.parametrize("status", list(Status))
def test_the_database_refuses_every_transition_the_rule_does_not_know(
    world: World, status: Status
) -> None:
    incident = bring_to(world, status)
    for new in set(Status) - TRANSITIONS[status] - {status}:
        with pytest.raises(DatabaseError), transaction.atomic():
            Incident.objects.filter(pk=incident.pk).update(
                status=new, acknowledged_at=SOON, mitigated_at=SOON,
                resolved_at=SOON if new in (Status.RESOLVED, Status.CLOSED) else None,
                closed_at=SOON if new == Status.CLOSED else None,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "status", "facts"),
    [
        (services.relapse, Status.TRIGGERED, {}),
        (services.relapse, Status.RESOLVED, {}),
        (services.close, Status.ACKNOWLEDGED, {}),
        (services.reopen, Status.CLOSED, {"reason": "Again"}),
        (services.undo, Status.ACKNOWLEDGED, {}),
        (services.set_severity, Status.RESOLVED, {"severity": "P1"}),
        (services.need_help, Status.RESOLVED, {}),
    ],
)
def test_a_verb_out_of_its_order_is_refused(
    world: World, verb: Callable[..., Any], status: Status, facts: dict[str, Any]
) -> None:
    incident = bring_to(world, status)
    before = incident.entries
    with pytest.raises(services.VerbRefused):
        verb(incident.pk, actor=world.actor("manager"), now=LATER, **facts)
    incident.refresh_from_db()
    assert (incident.status, incident.entries) == (status, before)


@pytest.mark.clause("X12")
def test_reopening_needs_a_reason_and_leads_back_to_acknowledged(world: World) -> None:
    incident = bring_to(world, Status.RESOLVED)
    with pytest.raises(services.VerbRefused, match="why"):
        services.reopen(incident.pk, reason=" ", actor=world.actor("primary"), now=LATER)
    reopened = services.reopen(
        incident.pk, reason="It is back", actor=world.actor("primary"), now=LATER
    )
    assert (reopened.status, reopened.resolved_at) == (Status.ACKNOWLEDGED, None)


@pytest.mark.clause("X12")
def test_a_mistaken_resolve_is_taken_back_to_where_it_was(world: World) -> None:
    incident = bring_to(world, Status.MITIGATED)
    services.resolve(incident.pk, actor=world.actor("primary"), now=LATER)
    undone = services.undo(incident.pk, actor=world.actor("primary"), now=LATER)
    assert undone.status == Status.MITIGATED


def test_the_timeline_can_be_neither_edited_nor_deleted(world: World) -> None:
    incident = world.declare("P2")
    changes: tuple[Callable[[], object], ...] = (
        lambda: TimelineEntry.objects.filter(incident=incident).update(text="Never happened"),
        lambda: TimelineEntry.objects.filter(incident=incident)._raw_delete("default"),
        lambda: Incident.objects.filter(pk=incident.pk)._raw_delete("default"),
        lambda: Incident.objects.filter(pk=incident.pk).update(opened_at=LATER),
        lambda: Incident.objects.filter(pk=incident.pk).update(ref="INC-1"),
    )
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.fixture
def gate() -> Any:
    """Something that a later room will ask for before a resolution."""

    def check(incident: Incident, now: datetime) -> list[gates.Reason]:
        return [gates.Reason("unverified", "Nobody has verified the recovery.", "C103")]

    gates.register_gate("resolve", "test", check)
    yield
    gates._gates["resolve"].pop("test")


@pytest.mark.usefixtures("gate")
def test_a_gate_lists_what_is_missing_and_lets_itself_be_waived_with_a_reason(world: World) -> None:
    incident = bring_to(world, Status.MITIGATED)
    actor = world.actor("primary")
    with pytest.raises(services.GatesUnmet) as refusal:
        services.resolve(incident.pk, actor=actor, now=LATER)
    assert [reason.clause for reason in refusal.value.reasons] == ["C103"]
    services.resolve(incident.pk, actor=actor, now=LATER, waive="The probe is broken")
    entry = incident.timeline.get(kind="waived")
    assert entry.data == {
        "transition": "resolve",
        "waived": ["unverified"],
        "why": "The probe is broken",
    }
    outcome = Outcome.objects.get(result="waived")
    assert (outcome.clause, outcome.evidence["by"]) == ("C103", "Primary")


@pytest.mark.usefixtures("gate")
def test_only_those_who_may_waive_do(world: World) -> None:
    incident = bring_to(world, Status.MITIGATED)
    with pytest.raises(services.Forbidden):
        services.resolve(incident.pk, actor=world.actor("engineer"), now=LATER, waive="I want to")
    incident.refresh_from_db()
    assert incident.status == Status.MITIGATED


@pytest.mark.clause("C39")
def test_an_acknowledgment_stops_what_was_not_sent_yet(world: World) -> None:
    incident = world.declare("P1")
    services.acknowledge(incident.pk, actor=world.actor("secondary"), now=SOON)
    assert {page.state for page in page_outs(incident)} == {"answered", "superseded"}
    assert not Page.objects.filter(state__in=["pending", "held", "sending"]).exists()


def test_a_storm_writes_a_first_and_then_counted_entries(world: World) -> None:
    incident = world.declare("P2")
    for _ in range(130):
        services.note_alerts(incident.pk, 10, now=SOON)
    tick(SOON)
    told = incident.timeline.filter(kind="alerts")
    assert [entry.data["count"] for entry in told] == [1300, 1300, 1300]
    services.note_alerts(incident.pk, 10_000, now=LATER)
    tick(LATER)
    assert incident.timeline.filter(kind="alerts").count() == 4


def test_a_proposed_resolution_is_said_once(world: World) -> None:
    incident = bring_to(world, Status.ACKNOWLEDGED)
    source = Actor("integration", 1, "Prometheus")
    for _ in range(2):
        services.propose_resolution(
            incident.pk, text="All its alerts resolved.", actor=source, now=LATER
        )
    assert incident.timeline.filter(kind="proposed").count() == 1


def test_the_portal_is_an_actor_too(world: World) -> None:
    incident = bring_to(world, Status.ACKNOWLEDGED)
    services.add_note(incident.pk, text="By itself", actor=PORTAL, now=LATER)
    assert incident.timeline.get(kind="note").actor_label == "Watchbill"
