"""Stories in which nobody answers, minute by minute on the real clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deadlines.models import Deadline, Outage
from incidents.enums import Promised
from incidents.models import ActionItem
from notifications.models import Page
from procedures.models import Outcome
from tests.incidents.factories import (
    SATURDAY,
    WEDNESDAY,
    World,
    make_user,
    page_outs,
    run_clock,
    tick,
)

pytestmark = pytest.mark.django_db


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.clause("C14", "C49", "C75", "C77", "C78", "C13", "C19", "C23")
def test_p1_pages_primary_secondary_and_manager_in_the_same_instant(world: World) -> None:
    incident = world.declare("P1")
    assert world.pages(incident) == [
        ("0:00", "primary", "p1/primary/at-once"),
        ("0:00", "secondary", "p1/secondary/at-once"),
        ("0:00", "manager", "p1/engineering-manager/at-once"),
    ]
    assert {page.created_at for page in page_outs(incident)} == {WEDNESDAY}


@pytest.mark.clause("X17", "C27", "C79")
def test_p1_that_nobody_answers_repeats_and_then_calls_vp_and_all_hands(world: World) -> None:
    incident = world.declare("P1")
    run_clock(WEDNESDAY, minutes(16))
    assert world.called(incident, at=WEDNESDAY + minutes(5)) == ["primary", "secondary", "manager"]
    assert world.called(incident, at=WEDNESDAY + minutes(10)) == [
        "primary", "secondary", "manager", "vp", "engineer",
    ]  # fmt: skip
    assert len(world.called(incident, at=WEDNESDAY + minutes(15))) == 5
    vp = next(page for page in page_outs(incident) if page.user_id == world.vp.pk)
    assert set(Page.objects.filter(page_out=vp).values_list("method__kind", flat=True)) == {"phone"}
    missed = Deadline.objects.get(kind=Promised.ACKNOWLEDGE)
    assert (missed.state, missed.clause, missed.due_at) == ("missed", "C27", WEDNESDAY + minutes(5))
    assert (
        Outcome.objects.filter(clause="C27", result="missed", subject_id=incident.pk).count() == 1
    )


@pytest.mark.clause("X17")
def test_a_path_never_ends_in_silence(world: World) -> None:
    incident = world.declare("P1")
    run_clock(WEDNESDAY, timedelta(hours=6), every=minutes(5))
    assert len(world.called(incident, at=WEDNESDAY + timedelta(hours=6))) == 5
    assert Deadline.objects.filter(kind=Promised.REPEAT, state="pending").count() == 1


@pytest.mark.clause("C72", "C57", "C73", "C75", "C22", "C30", "C20")
def test_p2_with_a_silent_primary_climbs_to_the_secondary_and_the_manager(world: World) -> None:
    incident = world.declare("P2")
    assert world.called(incident) == ["primary"]
    run_clock(WEDNESDAY, minutes(61))
    steps = [page for page in world.pages(incident) if not page[2].endswith("/repeat")]
    assert steps == [
        ("0:00", "primary", "standard/primary/at-once"),
        ("15:00", "secondary", "standard/secondary/unacknowledged"),
        ("30:00", "secondary", "standard/secondary/unresolved-30m"),
        ("60:00", "manager", "standard/engineering-manager/unresolved-1h"),
    ]
    incident.refresh_from_db()
    assert incident.owner == world.secondary


@pytest.mark.clause("C64", "X2", "X21", "C33", "C34", "C35", "X1")
def test_p3_on_saturday_waits_for_monday_and_is_shown_as_held(world: World) -> None:
    incident = world.declare("P3", at=SATURDAY)
    monday = SATURDAY.replace(day=9, hour=9)
    [held] = page_outs(incident)
    assert held.held_until == monday
    assert held.state == "held"
    # The rota is handed over at the very opening: who is on call then is paged, not Saturday's primary.
    assert world.name(held.user_id) == "secondary"
    duties = {row.kind: (row.due_at, row.clause) for row in Deadline.objects.filter(nature="duty")}
    assert duties == {
        Promised.ACKNOWLEDGE: (monday.replace(hour=10), "C33"),
        Promised.FIRST_UPDATE: (monday.replace(hour=11), "C34"),
        Promised.RESOLVE: (monday.replace(hour=17), "C35"),
    }
    run_clock(SATURDAY, timedelta(hours=42), every=timedelta(hours=1))
    assert len(page_outs(incident)) == 1
    run_clock(monday - minutes(1), minutes(62))
    assert [
        (page.created_at - monday, world.name(page.user_id)) for page in page_outs(incident)[1:]
    ] == [
        (minutes(30), "engineer"),
        (minutes(60), "engineer"),
        (minutes(60), "manager"),
    ]


@pytest.mark.clause("X17", "C64")
def test_p3_that_nobody_answers_is_repeated_at_each_opening_of_business(world: World) -> None:
    incident = world.declare("P3")
    run_clock(WEDNESDAY, timedelta(days=3), every=minutes(30))
    repeats = [page.created_at for page in page_outs(incident) if page.step_key.endswith("/repeat")]
    assert set(repeats) == {WEDNESDAY.replace(day=5, hour=9), WEDNESDAY.replace(day=6, hour=9)}


@pytest.mark.clause("C36", "C37", "C38", "C71", "X23")
def test_p4_pages_nobody_and_becomes_a_backlog_item(world: World) -> None:
    incident = world.declare("P4")
    run_clock(WEDNESDAY, timedelta(hours=30), every=timedelta(hours=1))
    assert page_outs(incident) == []
    item = ActionItem.objects.get(incident=incident)
    assert (item.owner, item.clause, item.due_on > WEDNESDAY.date()) == (world.primary, "C71", True)
    [duty] = Deadline.objects.filter(subject_id=incident.pk)
    assert (duty.kind, duty.clause, duty.state) == (Promised.ACKNOWLEDGE, "C36", "missed")
    assert duty.due_at == WEDNESDAY + timedelta(hours=24)


@pytest.mark.clause("X17", "C83")
def test_a_step_that_reaches_nobody_does_not_make_the_others_wait(world: World) -> None:
    for method in world.primary.contact_methods.all():
        method.enabled = False
        method.save()
    world.primary.is_active = False
    world.primary.save()
    incident = world.declare("P2")
    assert "primary" not in world.called(incident)
    assert world.called(incident) == ["secondary"]
    [empty] = incident.timeline.filter(kind="empty_step")
    assert "Primary on-call reached nobody" in empty.text


@pytest.mark.clause("X17")
def test_after_the_last_step_the_managers_and_the_admins_are_called(world: World) -> None:
    world.rota.plans.get().members.all().delete()
    world.team.role_holders.all().delete()
    incident = world.declare("P2")
    assert world.called(incident) == ["manager", "admin"]
    assert incident.timeline.filter(kind="empty_step").count() == 3


@pytest.mark.clause("C80", "C81", "X18")
def test_security_p1_runs_both_paths_and_pages_each_person_once(world: World) -> None:
    incident = world.declare("P1", kind="security")
    assert sorted(world.called(incident)) == ["ciso", "manager", "primary", "secondary", "security"]


@pytest.mark.clause("C80", "C81")
def test_security_p2_pages_primary_security_team_manager_and_ciso_at_once(world: World) -> None:
    incident = world.declare("P2", kind="security")
    assert world.called(incident, at=WEDNESDAY) == ["primary", "security", "manager", "ciso"]


@pytest.mark.clause("C21")
def test_the_other_services_primaries_are_called_as_experts_for_a_p2(
    world: World, other: World
) -> None:
    services = [world.service.pk, other.service.pk]
    incident = world.declare("P2", services=services)
    assert incident.team == world.team
    called = {page.user_id: page.step_label for page in page_outs(incident)}
    assert called[other.primary.pk] == "Experts of the other services"
    quiet = world.declare("P3", services=services, title="Slow")
    assert other.primary.pk not in {page.user_id for page in page_outs(quiet)}


def test_a_second_team_follows_its_own_zone_and_procedure(other_procedure: World) -> None:
    """Seconds instead of minutes, and business hours of Tokyo."""
    team = other_procedure
    incident = team.declare("P2")
    run_clock(WEDNESDAY, timedelta(seconds=16), every=timedelta(seconds=1))
    assert ("0:03", "secondary", "standard/secondary/unacknowledged") in team.pages(incident)
    held = team.declare("P3", at=WEDNESDAY, title="Slow")
    [page] = page_outs(held)
    assert page.held_until == WEDNESDAY.replace(day=5, hour=0)


@pytest.mark.clause("C83")
def test_whoever_is_on_call_at_the_instant_of_the_step_is_paged(world: World) -> None:
    opened = WEDNESDAY.replace(day=9, hour=8, minute=50)
    incident = world.declare("P2", at=opened)
    assert world.called(incident) == ["primary"]
    run_clock(opened, minutes(16))
    # At nine the shift was handed over: the secondary is the primary now.
    unanswered = next(page for page in page_outs(incident) if "unacknowledged" in page.step_key)
    assert world.name(unanswered.user_id) == "engineer"


def test_after_an_outage_what_fell_due_is_recorded_in_order_and_paged_once(world: World) -> None:
    incident = world.declare("P2")
    run_clock(WEDNESDAY, minutes(12))
    back = WEDNESDAY + minutes(72)
    Outage.objects.create(began_at=WEDNESDAY + minutes(12), ended_at=back)
    before = len(page_outs(incident))
    tick(back)
    late = [entry.text for entry in incident.timeline.filter(at=back)]
    order = [text for text in late if "Late: the portal was down" in text]
    steps = ("acknowledgment was due", "Paged Secondary: Secondary on-call, as nobody",
             "Secondary on-call: whoever holds it", "Paged Manager: Engineering Manager")  # fmt: skip
    places = [next(n for n, text in enumerate(order) if step in text) for step in steps]
    assert places == sorted(places)
    new = page_outs(incident)[before:]
    assert [world.name(page.user_id) for page in new if page.state == "collapsed"] == ["secondary"]
    sent = [world.name(page.user_id) for page in new if page.state != "collapsed"]
    assert sorted(sent) == ["manager", "primary", "secondary"]
    following = Deadline.objects.get(kind=Promised.REPEAT, state="pending")
    assert following.due_at == WEDNESDAY + minutes(75)


def test_a_person_without_any_way_to_be_reached_is_passed_over(world: World) -> None:
    lone = make_user("Nobody", kinds=())
    world.team.role_holders.filter(role="engineering-manager").update(user=lone)
    incident = world.declare("P1")
    assert lone.pk not in {page.user_id for page in page_outs(incident)}
    assert incident.timeline.filter(kind="empty_step").exists()
