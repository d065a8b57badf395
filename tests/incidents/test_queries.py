"""What pages say, what the phone shows, what the watchdog sees."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from deadlines.extension import contribute, contributions
from deadlines.models import Deadline
from incidents import services
from incidents.enums import Promised
from incidents.queries.freeze import freeze_reasons
from incidents.queries.health import check, metrics, without_a_future
from incidents.queries.messages import message_of, messages_of
from incidents.queries.phone import phone_facts
from notifications.events import page_exhausted
from notifications.models import PageOut
from tests.incidents.factories import (
    WEDNESDAY,
    World,
    make_world,
    page_outs,
    run_clock,
    since,
    tick,
)

pytestmark = pytest.mark.django_db
SOON = WEDNESDAY + timedelta(minutes=1)


def page_of(world: World, who: str, number: int = -1) -> PageOut:
    return [
        page for page in PageOut.objects.order_by("id") if page.user_id == getattr(world, who).pk
    ][number]


def test_a_page_says_what_burns_since_when_and_what_is_owed(world: World) -> None:
    world.service.runbook_url = "https://runbooks.example.org/redis"
    world.service.save()
    world.declare("P1", title="Redis is down", started_at=WEDNESDAY - timedelta(minutes=3))
    page_out = page_of(world, "primary")
    message = message_of(page_out, SOON)
    assert message is not None
    assert message.subject == f"P1 {world.service.name}: Redis is down"
    for words in ("Acknowledge", "10:05", "C27", "Primary on-call", "Secondary, Manager", "/p/"):
        assert words in message.text, words
    assert "https://runbooks.example.org/redis" in [link.url for link in message.links]
    assert message.html


def test_many_pages_of_one_incident_are_read_like_one(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    services.all_hands(world.declare("P1").pk, actor=world.actor("manager"), now=SOON)
    outs = list(PageOut.objects.select_related("user"))
    assert len(outs) > 3
    with django_assert_num_queries(4):
        assert message_of(outs[0], SOON)
    with django_assert_num_queries(4):
        tell = messages_of(outs, SOON)
        assert all(tell(out) for out in outs)


def test_nothing_is_said_once_somebody_has_answered_or_it_is_over(world: World) -> None:
    incident = world.declare("P1")
    page_out = page_of(world, "secondary")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=SOON)
    assert message_of(page_out, SOON) is None
    run_clock(SOON, timedelta(minutes=1))
    services.need_help(incident.pk, actor=world.actor("primary"), now=SOON + timedelta(minutes=2))
    later = page_of(world, "engineer")
    assert message_of(later, SOON + timedelta(minutes=2)) is not None
    services.resolve(incident.pk, actor=world.actor("primary"), now=SOON + timedelta(minutes=3))
    assert message_of(later, SOON + timedelta(minutes=3)) is None


@pytest.mark.clause("C39")
def test_an_acknowledgment_answers_ones_own_page_and_ends_the_others(world: World) -> None:
    incident = world.declare("P1")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=SOON)
    states = {world.name(page.user_id): page.state for page in page_outs(incident)}
    assert states == {"primary": "answered", "secondary": "superseded", "manager": "superseded"}
    assert page_of(world, "primary").acknowledged_at == SOON


def test_the_phone_page_tells_who_is_woken_next(world: World) -> None:
    incident = world.declare("P2")
    facts = phone_facts(page_of(world, "primary"), WEDNESDAY + timedelta(minutes=9))
    assert facts is not None
    assert facts.coming is not None
    assert (since(incident, facts.coming.at), facts.coming.people, facts.coming.soon) == (
        "15:00", ("Secondary",), False,
    )  # fmt: skip
    soon = phone_facts(page_of(world, "primary"), WEDNESDAY + timedelta(minutes=10))
    assert soon is not None
    assert soon.coming is not None
    assert soon.coming.soon
    assert [(owed.what, since(incident, owed.due_at), owed.clause) for owed in soon.owed] == [
        ("Acknowledge", "15:00", "C30"),
        ("Post the first findings", "30:00", "C31"),
        ("Resolve or mitigate", "240:00", "C32"),
    ]
    assert soon.usable
    services.cannot_take(
        incident.pk, actor=world.actor("primary"), now=WEDNESDAY + timedelta(minutes=11)
    )
    gone = phone_facts(page_of(world, "primary"), WEDNESDAY + timedelta(minutes=12))
    assert gone is not None
    assert not gone.usable


def test_links_come_from_the_alerts_first_and_only_over_http(world: World) -> None:
    incident = world.declare("P2")
    contribute(
        "incident.links", "test",
        lambda _: [("Panel", "https://grafana.example.org/1"), ("Bad", "javascript:alert(1)")],
    )  # fmt: skip
    try:
        facts = phone_facts(page_of(world, "primary"), SOON)
        assert facts is not None
        assert facts.links[0] == ("Panel", "https://grafana.example.org/1")
        assert "javascript:alert(1)" not in [address for _, address in facts.links]
    finally:
        contribute("incident.links", "test", lambda _: [])
    assert "incidents" in [name for name, _ in contributions("health")]
    assert incident.ref


def test_an_open_incident_always_has_a_future(world: World) -> None:
    loud = [world.declare(severity, title=severity) for severity in ("P1", "P2")]
    quiet = [world.declare(severity, title=severity) for severity in ("P3", "P4")]
    at = WEDNESDAY

    def watch(hours: int, *, every: int) -> None:
        nonlocal at
        for _ in range(0, hours, every):
            at += timedelta(hours=every)
            tick(at)
            assert without_a_future(at) == []

    watch(2, every=1)
    for incident in loud:
        services.acknowledge(incident.pk, actor=world.actor("manager"), now=at)
    watch(24, every=6)
    for incident in quiet:
        services.acknowledge(incident.pk, actor=world.actor("manager"), now=at)
    watch(24, every=6)


def test_the_watchdog_sees_an_incident_to_which_nothing_would_happen(world: World) -> None:
    incident = world.declare("P2")
    later = WEDNESDAY + timedelta(minutes=1)
    assert check(later) == []
    Deadline.objects.filter(subject_id=incident.pk).delete()
    [problem] = check(later)
    assert (problem.severity, incident.ref in problem.detail) == ("error", True)


def test_no_metric_counts_a_drill(world: World) -> None:
    world.declare("P2", drill=True)
    world.declare("P1", title="Real")
    found = {name: values for name, _, _, values in metrics(SOON)}
    assert found["watchbill_incidents_active"] == [({"severity": "P1", "status": "triggered"}, 1.0)]
    assert found["watchbill_incident_oldest_unacknowledged_seconds"] == [({}, 60.0)]


def exhaust(page_out: PageOut) -> None:
    PageOut.objects.filter(pk=page_out.pk).update(state="unreachable", reason="550 no such mailbox")
    page_exhausted.announce(
        page_out_id=page_out.pk, subject_type="incident", subject_id=page_out.subject_id,
        user_id=page_out.user_id, step_key=page_out.step_key, step_label=page_out.step_label,
        clause=page_out.clause, round=page_out.round, severity=page_out.severity, reason="550",
        now=SOON.isoformat(),
    )  # fmt: skip


@pytest.mark.clause("X17")
def test_when_every_way_to_a_person_fails_the_next_step_is_called_at_once(world: World) -> None:
    incident = world.declare("P2")
    exhaust(page_of(world, "primary"))
    assert world.pages(incident)[1:] == [("1:00", "secondary", "standard/secondary/after-empty")]
    exhaust(page_of(world, "secondary"))
    exhaust(page_of(world, "manager", 0))
    assert world.called(incident)[2:] == ["manager", "admin"]
    assert incident.timeline.filter(kind="pages").count() == 3


def test_a_step_that_reached_somebody_else_is_not_climbed_over(world: World) -> None:
    other = make_world()
    world.team.role_holders.create(role="security-team", user=other.security, position=1)
    incident = world.declare("P2", kind="security")
    before = len(page_outs(incident))
    exhaust(page_of(world, "security"))
    assert len(page_outs(incident)) == before


@pytest.mark.clause("C73")
def test_the_promises_name_who_owes_them(world: World) -> None:
    world.declare("P2")
    owed = dict(Deadline.objects.values_list("kind", "owed_by"))
    assert owed[Promised.ACKNOWLEDGE] == "Primary"
    assert owed[Promised.STEP] == "Watchbill"


def test_monitors_are_told_of_no_restricted_incident(world: World) -> None:
    hidden = world.declare("P2", kind="security", title="Break-in")
    found = {name: values for name, _, _, values in metrics(SOON)}
    assert found["watchbill_incidents_active"] == []
    assert found["watchbill_incident_oldest_unacknowledged_seconds"] == [({}, 0.0)]
    Deadline.objects.filter(subject_id=hidden.pk).delete()
    [problem] = check(SOON)
    assert problem.detail == "Nothing more would happen to 1 open incidents."


@pytest.mark.clause("C221")
def test_the_freeze_of_a_service_costs_the_same_with_many_incidents(world: World) -> None:
    elsewhere = make_world()

    def asked() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            reasons = freeze_reasons(world.engineer, now=SOON, service=world.other_service.slug)
        return len(reasons), len(queries)

    world.declare("P1")
    asked()
    found, cost = asked()
    assert found == 1
    for number in range(3):
        world.declare("P2", title=f"Fire {number}")
        elsewhere.declare("P2", title=f"Fire {number}")
    assert asked() == (4, cost)
