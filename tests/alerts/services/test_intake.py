"""What becomes of events: alerts, groups, incidents, and their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerts.enums import Action, IntegrationKind
from alerts.models import Alert, Integration
from alerts.queries import hash_of
from alerts.services import UnknownKey, mark_false_positive, send_test, start_test, take
from alerts.services.openings import ALERT_SUBJECT
from deadlines.extension import Actor
from deadlines.models import Deadline
from directory.models import Service
from incidents import services as incidents
from incidents.models import ActionItem, AlertTally, Incident
from tests.alerts.factories import Sender, event, make_sender
from tests.incidents.factories import SATURDAY, WEDNESDAY, World, make_world, page_outs, tick

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def send(sender: Sender, *events: Any, at: Any = WEDNESDAY) -> None:
    take(sender.key, IntegrationKind(sender.integration.kind), list(events), now=at)


@pytest.fixture
def sender(world: World) -> Sender:
    return make_sender(world=world)


def resolve(key: str = "a") -> Any:
    return event(key, action=Action.RESOLVE)


def acknowledge(key: str = "a") -> Any:
    return event(key, action=Action.ACKNOWLEDGE)


# --- One alert -----------------------------------------------------------------------------------


@pytest.mark.clause("C14", "C57", "C72")
def test_a_new_alert_opens_an_incident_and_pages_the_primary(sender: Sender) -> None:
    send(sender, event("a", title="Too slow", started_at=WEDNESDAY - 2 * MINUTE))
    incident = sender.incident
    assert (incident.title, incident.severity, incident.kind) == ("Too slow", "P2", "standard")
    assert (incident.opened_at, incident.started_at) == (WEDNESDAY, WEDNESDAY - 2 * MINUTE)
    assert incident.declared_by == sender.integration.name
    assert sender.world.called(incident) == ["primary"]
    assert sender.alert.incident == incident


@pytest.mark.parametrize("title", ["\u180e", "\u06dd", "\u2063\u200d", " "])
def test_a_title_that_nobody_can_see_pages_all_the_same(sender: Sender, title: str) -> None:
    send(sender, event("a", title=title))
    assert sender.alert.incident == sender.incident
    assert sender.incident.title == f"An alert from {sender.integration.name}"
    assert sender.world.called(sender.incident) == ["primary"]


def test_a_repeat_is_counted_and_changes_nothing_else(sender: Sender) -> None:
    send(sender, event())
    before = (
        Incident.objects.get().revision,
        Deadline.objects.count(),
        len(page_outs(sender.incident)),
    )
    send(sender, event(), event(), at=WEDNESDAY + MINUTE)
    alert = sender.alert
    assert (alert.count, alert.last_seen_at) == (3, WEDNESDAY + MINUTE)
    assert (
        Incident.objects.get().revision,
        Deadline.objects.count(),
        len(page_outs(sender.incident)),
    ) == before


@pytest.mark.clause("C64")
def test_a_warning_at_the_weekend_waits_for_business_hours(sender: Sender) -> None:
    send(sender, event(severity="warning"), at=SATURDAY)
    assert sender.incident.severity == "P3"
    assert all(page.held_until is not None for page in page_outs(sender.incident))


@pytest.mark.clause("C67", "C71")
def test_an_informational_alert_pages_nobody_and_becomes_a_backlog_item(sender: Sender) -> None:
    send(sender, event(severity="info"))
    assert sender.incident.severity == "P4"
    assert page_outs(sender.incident) == []
    assert ActionItem.objects.get().incident == sender.incident


@pytest.mark.clause("C80", "C81")
def test_a_security_label_makes_a_security_incident_that_only_those_granted_see(
    sender: Sender,
) -> None:
    send(sender, event(severity="critical", labels={"category": "security"}))
    assert (sender.incident.kind, sender.incident.restricted) == ("security", True)
    assert {"primary", "security", "manager", "ciso"} <= set(sender.world.called(sender.incident))


def test_an_unknown_key_takes_nothing(sender: Sender) -> None:
    with pytest.raises(UnknownKey):
        take("0" * 32, IntegrationKind.GENERIC, [event()], now=WEDNESDAY)
    assert not Alert.objects.exists()


def test_only_the_hash_of_a_key_is_kept(sender: Sender) -> None:
    row = sender.integration.keys.get()
    assert (row.sha256, row.prefix) == (hash_of(sender.key), sender.key[:6])
    assert sender.key not in str(Integration.objects.values().get())


# --- Services ------------------------------------------------------------------------------------


def test_the_service_is_the_one_a_label_names(sender: Sender) -> None:
    send(sender, event(labels={"service": sender.world.other_service.slug.upper()}))
    assert sender.incident.lead_service == sender.world.other_service


def test_an_alert_of_no_known_service_goes_to_the_default(sender: Sender) -> None:
    send(sender, event(labels={"service": "nobody-knows-it", "job": ""}))
    assert sender.incident.lead_service == sender.world.service


def test_another_teams_service_is_reached_only_by_an_integration_for_all_teams(
    sender: Sender,
) -> None:
    other = make_world()
    named = event(labels={"service": other.service.slug})
    send(sender, named)
    assert Incident.objects.get().team == sender.world.team
    wide = make_sender(world=sender.world, all_teams=True)
    send(wide, named)
    assert other.called(Incident.objects.get(team=other.team)) == ["primary"]


def test_an_inactive_service_is_not_named(sender: Sender) -> None:
    Service.objects.filter(pk=sender.world.other_service.pk).update(active=False)
    send(sender, event(labels={"service": sender.world.other_service.slug}))
    assert sender.incident.lead_service == sender.world.service


# --- Groups --------------------------------------------------------------------------------------


def test_alerts_of_one_rule_and_service_are_one_incident(sender: Sender) -> None:
    send(sender, event("a"))
    send(sender, event("b"), event("c"), at=WEDNESDAY + MINUTE)
    assert Incident.objects.count() == 1
    assert Alert.objects.filter(incident=sender.incident).count() == 3
    assert sender.world.called(sender.incident) == ["primary"]
    assert AlertTally.objects.get().count == 3


@pytest.mark.parametrize(
    "other",
    [{"rule": "TooBig"}, {"labels": {"service": "other"}}, {"labels": {"category": "security"}}],
    ids=["rule", "service", "kind"],
)
def test_another_rule_service_or_kind_is_another_incident(
    sender: Sender, other: dict[str, Any]
) -> None:
    Service.objects.create(team=sender.world.team, slug="other", name="Other")
    send(sender, event("a"))
    send(sender, event("b", **other))
    assert Incident.objects.count() == 2


def test_two_integrations_of_one_team_group_together(sender: Sender) -> None:
    send(sender, event("a"))
    send(make_sender(world=sender.world), event("a"))
    assert Incident.objects.count() == 1
    assert Alert.objects.count() == 2


def test_the_window_is_data_of_the_integration(sender: Sender) -> None:
    Integration.objects.filter(pk=sender.integration.pk).update(group_window_seconds=600)
    send(sender, event("a"))
    send(sender, event("b"), at=WEDNESDAY + 9 * MINUTE)
    send(sender, event("c"), at=WEDNESDAY + 19 * MINUTE)
    assert Incident.objects.count() == 1
    send(sender, event("d"), at=WEDNESDAY + 30 * MINUTE)
    assert Incident.objects.count() == 2


def test_a_worse_alert_of_the_group_raises_the_incident(sender: Sender) -> None:
    send(sender, event("a", severity="warning"))
    send(sender, event("b", severity="critical"), at=WEDNESDAY + MINUTE)
    incident = sender.incident
    assert incident.severity == "P1"
    assert {"primary", "secondary", "manager"} <= set(sender.world.called(incident))
    send(sender, event("c", severity="info"), at=WEDNESDAY + 2 * MINUTE)
    assert sender.incident.severity == "P1"


def test_the_same_alert_told_worse_raises_the_incident(sender: Sender) -> None:
    send(sender, event("a", severity="warning"))
    send(sender, event("a", severity="critical"), at=WEDNESDAY + MINUTE)
    alert = sender.alert
    assert (alert.count, alert.severity, alert.severity_word) == (2, "P1", "critical")
    assert sender.incident.severity == "P1"


def test_an_alert_told_worse_never_lowers_an_incident_that_a_person_raised(sender: Sender) -> None:
    send(sender, event("a", severity="P3"))
    manager = sender.world.actor("manager")
    incidents.set_severity(sender.incident.pk, severity="P1", actor=manager, now=WEDNESDAY + MINUTE)
    send(sender, event("a", severity="P2"), at=WEDNESDAY + 2 * MINUTE)
    assert (sender.incident.severity, sender.alert.severity, sender.alert.count) == ("P1", "P2", 2)


def test_a_new_alert_on_a_mitigated_incident_is_a_relapse(sender: Sender) -> None:
    send(sender, event("a"))
    primary = sender.world.actor("primary")
    incidents.acknowledge(sender.incident.pk, actor=primary, now=WEDNESDAY + MINUTE)
    incidents.mitigate(sender.incident.pk, actor=primary, now=WEDNESDAY + 2 * MINUTE)
    send(sender, event("b"), at=WEDNESDAY + 3 * MINUTE)
    assert Incident.objects.count() == 1
    assert sender.incident.status == "acknowledged"


def test_a_group_of_ten_thousand_is_one_incident_with_one_page_per_person_and_step(
    sender: Sender,
) -> None:
    send(sender, *[event(f"key-{number}") for number in range(10_000)])
    assert Alert.objects.filter(incident=sender.incident).count() == 10_000
    assert Incident.objects.count() == 1
    assert sender.world.called(sender.incident) == ["primary"]
    tick(WEDNESDAY + timedelta(seconds=1))
    told = list(sender.incident.timeline.filter(kind="alerts").values_list("text", flat=True))
    assert told
    assert len(told) <= 5
    assert "10000" in told[-1]


# --- The end -------------------------------------------------------------------------------------


@pytest.mark.clause("C41")
def test_when_its_last_alert_resolves_the_incident_is_proposed_for_resolution(
    sender: Sender,
) -> None:
    send(sender, event("a"), event("b"))
    send(sender, resolve("a"), at=WEDNESDAY + MINUTE)
    assert not sender.incident.timeline.filter(kind="proposed").exists()
    send(sender, resolve("b"), at=WEDNESDAY + 2 * MINUTE)
    send(sender, resolve("b"), at=WEDNESDAY + 3 * MINUTE)
    assert sender.incident.timeline.filter(kind="proposed").count() == 1
    assert sender.incident.status == "triggered"
    assert set(Alert.objects.values_list("resolved_at", flat=True)) == {
        WEDNESDAY + MINUTE,
        WEDNESDAY + 2 * MINUTE,
    }


@pytest.mark.clause("C41", "X7")
def test_or_resolved_when_the_integration_says_so(world: World) -> None:
    sender = make_sender(world=world, resolve_mode="resolve")
    send(sender, event("a"))
    send(sender, resolve("a"), at=WEDNESDAY + MINUTE)
    incident = sender.incident
    assert (incident.status, incident.resolved_at, incident.acknowledged_at) == (
        "resolved", WEDNESDAY + MINUTE, None,
    )  # fmt: skip
    assert incident.timeline.get(kind="resolved").actor_kind == "integration"
    assert not Deadline.objects.filter(
        subject_type="incident", subject_id=incident.pk, state__in=["pending", "paused"]
    ).exists()


def test_what_fires_again_is_a_new_alert_in_the_same_incident_while_that_is_active(
    sender: Sender,
) -> None:
    send(sender, event("a"))
    send(sender, resolve("a"), at=WEDNESDAY + MINUTE)
    send(sender, event("a"), at=WEDNESDAY + 2 * MINUTE)
    assert list(Alert.objects.order_by("id").values_list("state", flat=True)) == [
        "resolved",
        "firing",
    ]
    assert Incident.objects.count() == 1


def test_what_fires_after_the_end_opens_a_new_incident_though_the_source_never_said_it_ended(
    sender: Sender,
) -> None:
    send(sender, event("a"))
    primary = sender.world.actor("primary")
    incidents.acknowledge(sender.incident.pk, actor=primary, now=WEDNESDAY + MINUTE)
    incidents.resolve(sender.incident.pk, actor=primary, now=WEDNESDAY + 2 * MINUTE, waive="a test")
    assert sender.alert.state == "resolved"
    send(sender, event("a"), at=WEDNESDAY + 3 * MINUTE)
    first, second = Incident.objects.order_by("id")
    assert second.status == "triggered"
    assert sender.world.called(second) == ["primary"]


def test_an_alert_left_open_by_a_finished_incident_does_not_swallow_what_fires_now(
    sender: Sender,
) -> None:
    send(sender, event("a"))
    incident = sender.incident
    incidents.resolve(
        incident.pk, actor=Actor("integration", 1, "x"), now=WEDNESDAY + MINUTE, waive="a test"
    )
    Alert.objects.update(state="firing", resolved_at=None)
    send(sender, event("a"), at=WEDNESDAY + 2 * MINUTE)
    assert Incident.objects.count() == 2
    assert sorted(Alert.objects.values_list("state", flat=True)) == ["firing", "resolved"]


@pytest.mark.clause("C39")
def test_an_acknowledgment_at_the_source_acknowledges_the_incident(sender: Sender) -> None:
    send(sender, event("a"))
    send(sender, acknowledge("a"), at=WEDNESDAY + MINUTE)
    assert (sender.incident.status, sender.incident.acknowledged_at) == (
        "acknowledged",
        WEDNESDAY + MINUTE,
    )
    met = Deadline.objects.get(kind="incident.acknowledge")
    assert (met.state, met.settled_at) == ("met", WEDNESDAY + MINUTE)
    send(sender, event("a"), at=WEDNESDAY + 2 * MINUTE)
    assert (sender.alert.state, sender.alert.count) == ("acknowledged", 2)


@pytest.mark.parametrize(
    "order",
    [
        ("trigger", "acknowledge", "resolve"), ("trigger", "resolve", "acknowledge"),
        ("acknowledge", "trigger", "resolve"), ("acknowledge", "resolve", "trigger"),
        ("resolve", "trigger", "acknowledge"), ("resolve", "acknowledge", "trigger"),
    ],
    ids="-".join,
)  # fmt: skip
@pytest.mark.parametrize("together", [True, False])
def test_events_of_one_key_in_any_order(
    sender: Sender, order: tuple[str, ...], together: bool
) -> None:
    events = [event("a", action=Action(action)) for action in order]
    if together:
        send(sender, *events)
    else:
        for number, one in enumerate(events):
            send(sender, one, at=WEDNESDAY + number * MINUTE)
    after = order[order.index("trigger") + 1 :]
    expected = (
        "resolved" if "resolve" in after else "acknowledged" if "acknowledge" in after else "firing"
    )
    assert sender.alert.state == expected
    assert (
        sender.incident.acknowledged_at is not None
        or "acknowledge" not in after
        or after[0] == "resolve"
    )


# --- False positives -----------------------------------------------------------------------------


@pytest.mark.clause("C216")
def test_a_false_positive_only_after_the_acknowledgment(sender: Sender) -> None:
    send(sender, event("a"), event("b"))
    primary = sender.world.actor("primary")
    first, second = Alert.objects.order_by("id")
    with pytest.raises(incidents.VerbRefused, match="C216"):
        mark_false_positive(first.pk, reason="noise", actor=primary, now=WEDNESDAY)
    incidents.acknowledge(sender.incident.pk, actor=primary, now=WEDNESDAY + MINUTE)
    with pytest.raises(incidents.VerbRefused, match="why"):
        mark_false_positive(first.pk, reason=" \x00 ", actor=primary, now=WEDNESDAY)
    for _ in range(2):
        marked = mark_false_positive(
            first.pk, reason="noise", actor=primary, now=WEDNESDAY + 2 * MINUTE
        )
    assert (marked.false_positive_reason, marked.false_positive_by) == (
        "noise",
        sender.world.primary,
    )
    assert not sender.incident.false_positive
    mark_false_positive(second.pk, reason="noise too", actor=primary, now=WEDNESDAY + 3 * MINUTE)
    assert sender.incident.false_positive


def test_a_stranger_to_the_team_cannot_say_so(sender: Sender) -> None:
    send(sender, event("a"))
    incidents.acknowledge(sender.incident.pk, actor=sender.world.actor("primary"), now=WEDNESDAY)
    outsider = make_world().actor("engineer")
    with pytest.raises(incidents.Forbidden):
        mark_false_positive(sender.alert.pk, reason="no", actor=outsider, now=WEDNESDAY)


# --- Trouble of our own --------------------------------------------------------------------------


def test_an_alert_whose_incident_cannot_be_opened_is_kept_and_opened_later(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr("alerts.services.openings.incidents.declare", broken)
        send(sender, event("a"))
    assert sender.alert.incident is None
    promise = Deadline.objects.get(subject_type=ALERT_SUBJECT)
    assert (promise.state, promise.due_at) == ("pending", WEDNESDAY)
    send(sender, event("a"))
    assert sender.alert.count == 2
    tick(WEDNESDAY + timedelta(seconds=1))
    assert sender.alert.incident == sender.incident
    assert sender.world.called(sender.incident) == ["primary"]


def test_a_test_alert_that_is_opened_later_is_still_a_drill(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a fault of ours")

    run = start_test(sender.integration, user=sender.world.manager, now=WEDNESDAY)
    with monkeypatch.context() as patched:
        patched.setattr("alerts.services.openings.incidents.declare", broken)
        send_test(run, now=WEDNESDAY)
    tick(WEDNESDAY + timedelta(seconds=1))
    assert sender.incident.drill
    assert sender.world.called(sender.incident) == ["manager"]


def test_a_severity_the_procedure_does_not_know_becomes_the_next_worse(world: World) -> None:
    sender = make_sender(world=world, severity_map={"odd": "P7"})
    send(sender, event("a", severity="odd"))
    assert sender.incident.severity == "P4"
    wild = make_sender(world=world, severity_map={"odd": "A1"})
    send(wild, event("b", severity="odd", rule="Other"))
    assert Alert.objects.get(dedup_key="b").incident.severity == "P1"  # type: ignore[union-attr]


def test_a_worse_word_that_the_procedure_does_not_know_raises_to_the_next_one_it_knows() -> None:
    sender = make_sender(severity_map={"high": "P2", "hell": "A1"})
    take(sender.key, IntegrationKind.GENERIC, [event("a", severity="high")], now=WEDNESDAY)
    assert sender.incident.severity == "P2"
    take(sender.key, IntegrationKind.GENERIC, [event("a", severity="hell")], now=WEDNESDAY)
    assert sender.incident.severity == "P1"
    take(sender.key, IntegrationKind.GENERIC, [event("b", severity="hell")], now=WEDNESDAY)
    assert (sender.incident.severity, Alert.objects.filter(incident=None).count()) == ("P1", 0)
