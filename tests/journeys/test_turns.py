"""Stories that turn around half way: lowered, reopened, taken back, handed on, caught by an outage."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from deadlines.enums import State
from deadlines.extension import PORTAL, Actor
from deadlines.models import Deadline
from incidents import services
from incidents.enums import Promised, Status
from incidents.models import ActionItem, Incident
from incidents.queries.health import without_a_future
from incidents.services.failing import person_was_not_reached
from notifications.models import PageOut
from procedures.models import Outcome
from tests.incidents.factories import SATURDAY, WEDNESDAY, World, page_outs, run_clock, tick

pytestmark = pytest.mark.django_db


def at(minutes: float) -> datetime:
    return WEDNESDAY + timedelta(minutes=minutes)


def open_calls(world: World, incident: Incident) -> list[str]:
    """Who is still to be called, that is by messages nothing has ended."""
    return sorted(
        world.name(page_out.user_id)
        for page_out in page_outs(incident)
        if page_out.state in ("waiting", "held", "sent")
    )


@pytest.mark.clause("C30", "X17")
def test_lowered_before_its_pages_went_out_the_primary_is_still_called_and_called_again(
    world: World,
) -> None:
    incident = world.declare("P1")
    services.set_severity(incident.pk, severity="P2", actor=world.actor("manager"), now=at(1))
    assert open_calls(world, incident) == ["primary"]
    run_clock(at(1), timedelta(minutes=4))
    assert world.called(incident, at=at(5)) == ["primary"]


def test_lowered_after_its_page_went_out_nobody_is_called_anew_at_once(world: World) -> None:
    incident = world.declare("P1")
    PageOut.objects.filter(subject_id=incident.pk).update(state="sent", sent_at=at(0))
    services.set_severity(incident.pk, severity="P2", actor=world.actor("manager"), now=at(1))
    assert world.called(incident, at=at(1)) == []
    run_clock(at(1), timedelta(minutes=4))
    assert world.called(incident, at=at(5)) == ["primary"]


def test_lowered_within_the_same_path_whose_page_had_not_left_is_called_again(world: World) -> None:
    """P2 and P3 climb one path: that its first step was reached before must not keep the page back."""
    incident = world.declare("P2")
    services.set_severity(incident.pk, severity="P3", actor=world.actor("manager"), now=at(1))
    assert open_calls(world, incident) == ["primary"]


@pytest.mark.clause("C74")
def test_help_wanted_after_the_severity_was_lowered_calls_somebody_who_does_not_answer_yet(
    world: World,
) -> None:
    incident = world.declare("P1")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.set_severity(incident.pk, severity="P2", actor=actor, now=at(2))
    services.need_help(incident.pk, actor=actor, now=at(3))
    assert world.called(incident, at=at(3)) == ["secondary"]


@pytest.mark.clause("C74")
def test_help_is_somebody_who_does_not_answer_yet(world: World) -> None:
    incident = world.declare("P2")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    services.acknowledge(incident.pk, actor=world.actor("secondary"), now=at(2))
    services.need_help(incident.pk, actor=world.actor("primary"), now=at(3))
    assert world.called(incident, at=at(3)) == ["manager"]


@pytest.mark.clause("X17")
def test_lowered_to_p3_the_repeats_at_opening_do_not_meet_the_earlier_ones(world: World) -> None:
    incident = world.declare("P2")
    run_clock(WEDNESDAY, timedelta(minutes=6))
    services.set_severity(incident.pk, severity="P3", actor=world.actor("manager"), now=at(6))
    thursday_nine = WEDNESDAY.replace(hour=9) + timedelta(days=1)
    tick(thursday_nine)
    assert "primary" in world.called(incident, at=thursday_nine)


@pytest.mark.clause("X12", "C73", "C75")
def test_reopened_it_climbs_the_path_from_the_start(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    run_clock(at(1), timedelta(minutes=60))
    services.acknowledge(incident.pk, actor=world.actor("secondary"), now=at(61))
    services.resolve(incident.pk, actor=actor, now=at(70))
    services.reopen(incident.pk, reason="It is back", actor=actor, now=at(300))
    run_clock(at(300), timedelta(minutes=61))
    assert world.called(incident, at=at(330)) == ["secondary"]
    assert world.called(incident, at=at(360)) == ["manager"]


@pytest.mark.clause("X12", "C133")
def test_reopened_its_cadence_starts_at_the_reopening(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.post_update(incident.pk, text="Redis", kind="findings", actor=actor, now=at(2))
    services.resolve(incident.pk, actor=actor, now=at(10))
    services.reopen(incident.pk, reason="It is back", actor=actor, now=at(300))
    update = Deadline.objects.get(kind=Promised.UPDATE, state=State.PENDING)
    assert update.due_at == at(330)


@pytest.mark.clause("X12", "C29", "C28")
def test_what_was_missed_is_not_missed_again_when_a_resolve_is_taken_back(world: World) -> None:
    incident = world.declare("P1")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    run_clock(at(1), timedelta(minutes=64), every=timedelta(minutes=5))
    services.resolve(incident.pk, actor=actor, now=at(66))
    services.undo(incident.pk, actor=actor, now=at(67))
    run_clock(at(67), timedelta(minutes=20), every=timedelta(minutes=5))
    for kind in (Promised.RESOLVE, Promised.FIRST_UPDATE):
        assert Deadline.objects.filter(kind=kind, state=State.MISSED).count() == 1
    assert Deadline.objects.filter(kind=Promised.NUDGE, state=State.PENDING).exists()


@pytest.mark.clause("X12", "C29")
def test_a_resolution_in_time_that_is_taken_back_is_owed_again(world: World) -> None:
    incident = world.declare("P1")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.resolve(incident.pk, actor=actor, now=at(20))
    services.undo(incident.pk, actor=actor, now=at(22))
    owed = Deadline.objects.get(kind=Promised.RESOLVE, state=State.PENDING)
    assert owed.due_at == at(60)


@pytest.mark.clause("X12", "C32")
def test_a_resolution_that_was_taken_back_is_owed_under_another_severity_too(world: World) -> None:
    incident = world.declare("P1")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.resolve(incident.pk, actor=actor, now=at(20))
    services.undo(incident.pk, actor=actor, now=at(22))
    services.set_severity(incident.pk, severity="P2", actor=actor, now=at(23))
    owed = Deadline.objects.get(kind=Promised.RESOLVE, state=State.PENDING)
    assert owed.due_at == at(240)


@pytest.mark.clause("C27", "C30")
@pytest.mark.parametrize("turn", ["lowered", "resolved by its source"])
def test_an_acknowledgment_overdue_at_a_turn_is_missed_before_any_clock_came_by(
    world: World, turn: str
) -> None:
    incident = world.declare("P1")
    if turn == "lowered":
        manager = world.actor("manager")
        services.set_severity(incident.pk, severity="P2", actor=manager, now=at(6))
    else:
        services.resolve(incident.pk, actor=Actor("integration", 1, "Prometheus"), now=at(6))
    [duty] = Deadline.objects.filter(kind=Promised.ACKNOWLEDGE)
    assert (duty.state, duty.clause) == (State.MISSED, "C27")
    assert Outcome.objects.filter(clause="C27", result="missed", subject_id=incident.pk).exists()


@pytest.mark.clause("X17", "C22", "C219")
def test_when_who_had_it_is_gone_the_search_never_ends_in_silence(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.cannot_take(incident.pk, actor=actor, now=at(70))
    run_clock(at(70), timedelta(minutes=50))
    handovers = [page for page in world.pages(incident) if page[2].endswith("/handover")]
    assert handovers == [
        ("85:00", "manager", "standard/engineering-manager/handover"),
        ("100:00", "manager", "standard/engineering-manager/handover"),
        ("115:00", "manager", "standard/engineering-manager/handover"),
    ]
    services.acknowledge(incident.pk, actor=world.actor("secondary"), now=at(121))
    run_clock(at(121), timedelta(minutes=30))
    assert world.pages(incident)[-1][0] == "115:00"


@pytest.mark.clause("C22")
def test_when_somebody_else_answers_already_they_have_it_and_nobody_is_searched_for(
    world: World,
) -> None:
    incident = world.declare("P1")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    services.acknowledge(incident.pk, actor=world.actor("secondary"), now=at(2))
    services.cannot_take(incident.pk, actor=world.actor("primary"), now=at(3))
    incident.refresh_from_db()
    assert incident.owner == world.secondary
    assert not Deadline.objects.filter(payload__waits="handover").exists()


@pytest.mark.clause("C78", "X6")
def test_raised_while_mitigated_a_relapse_calls_whom_the_new_path_calls_at_once(
    world: World,
) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.mitigate(incident.pk, actor=actor, now=at(5))
    services.set_severity(incident.pk, severity="P1", actor=actor, now=at(8))
    assert world.called(incident, at=at(8)) == []
    services.relapse(incident.pk, actor=actor, now=at(9))
    assert world.called(incident, at=at(9)) == ["secondary", "manager"]


@pytest.mark.clause("C21")
def test_experts_whose_page_had_not_left_are_called_again_when_it_is_raised(
    world: World, other: World
) -> None:
    incident = world.declare("P2", services=(world.service.pk, other.service.pk))
    services.set_severity(incident.pk, severity="P1", actor=world.actor("manager"), now=at(0.5))
    [expert] = [
        page_out
        for page_out in page_outs(incident)
        if page_out.user_id == other.primary.pk and page_out.state == "waiting"
    ]
    assert expert.created_at == at(0.5)


@pytest.mark.clause("C29", "C41")
def test_a_resolution_time_that_passed_unseen_is_missed_though_it_was_mitigated_since(
    world: World,
) -> None:
    incident = world.declare("P1")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.mitigate(incident.pk, actor=actor, now=at(70))
    services.resolve(incident.pk, actor=actor, now=at(80))
    assert Deadline.objects.get(kind=Promised.RESOLVE).state == State.MISSED


@pytest.mark.clause("X17")
def test_the_watchdog_sees_the_one_silent_incident_behind_a_hundred_in_the_backlog(
    world: World,
) -> None:
    lost = world.declare("P2")
    over = {"state": State.CANCELLED, "settled_at": at(1)}
    Deadline.objects.filter(subject_id=lost.pk).update(**over)
    for number in range(101):
        world.declare("P4", title=f"Typo {number}", at=at(1))
    assert ActionItem.objects.count() == 101
    Deadline.objects.filter(state=State.PENDING).update(**over)
    assert without_a_future(at(10)) == [lost]


def test_a_page_that_failed_while_somebody_acknowledged_wakes_nobody_else(world: World) -> None:
    incident = world.declare("P2")
    [page_out] = page_outs(incident)
    services.acknowledge(incident.pk, actor=world.actor("engineer"), now=at(1))
    before = len(page_outs(incident))
    person_was_not_reached(incident.pk, page_out_id=page_out.pk, actor=PORTAL, now=at(2))
    assert len(page_outs(incident)) == before
    assert incident.timeline.filter(text__startswith="No way led to").exists()


@pytest.mark.clause("C64")
def test_a_held_page_of_somebody_who_left_since_calls_the_next_one_at_the_opening(
    world: World,
) -> None:
    incident = world.declare("P3", at=SATURDAY)
    assert world.called(incident) == ["secondary"], "who is the primary from Monday at nine on"
    world.secondary.is_active = False
    world.secondary.save()
    monday_nine = SATURDAY.replace(hour=9) + timedelta(days=2)
    tick(monday_nine)
    assert world.called(incident, at=monday_nine) == ["engineer"]


@pytest.mark.clause("C28")
def test_what_is_due_is_told_to_somebody_who_is_still_here(world: World) -> None:
    incident = world.declare("P1")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    world.primary.is_active = False
    world.primary.save()
    tick(at(15))
    told = PageOut.objects.filter(subject_id=incident.pk, purpose="note")
    assert told.exists()
    assert world.primary.pk not in told.values_list("user_id", flat=True)


def test_the_flag_that_was_raised_once_calls_nobody_again_at_a_reopening(world: World) -> None:
    incident = world.declare("P1")
    actor = world.actor("manager")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.mark_major(incident.pk, actor=actor, now=at(2))
    services.resolve(incident.pk, actor=actor, now=at(10))
    services.reopen(incident.pk, reason="It is back", actor=actor, now=at(60))
    assert world.called(incident, at=at(60)) == []
    incident.refresh_from_db()
    assert incident.status == Status.ACKNOWLEDGED


@pytest.mark.clause("C26")
def test_whom_a_person_called_stays_called_when_the_severity_changes(
    world: World, other: World
) -> None:
    incident = world.declare("P2")
    manager = world.actor("manager")
    services.escalate(incident.pk, to=other.engineer.email, actor=manager, now=at(1))
    services.set_severity(incident.pk, severity="P1", actor=manager, now=at(1.1))
    services.set_severity(incident.pk, severity="P2", actor=manager, now=at(1.2))
    [call] = [one for one in page_outs(incident) if one.user_id == other.engineer.pk]
    assert call.state == "waiting"


@pytest.mark.clause("C26")
def test_calling_somebody_to_whom_no_way_leads_is_written_down(world: World) -> None:
    incident = world.declare("P2")
    world.vp.contact_methods.all().delete()
    services.escalate(incident.pk, to=world.vp.email, actor=world.actor("manager"), now=at(1))
    assert incident.timeline.filter(text__startswith="No way leads to").count() == 1


@pytest.mark.clause("X6", "X2", "C35")
def test_a_p3_that_relapses_before_the_weekend_goes_on_in_business_hours(world: World) -> None:
    opened = WEDNESDAY.replace(hour=15)
    incident = world.declare("P3", at=opened)
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=opened + timedelta(minutes=10))
    services.mitigate(incident.pk, actor=actor, now=opened + timedelta(minutes=20))
    friday = opened.replace(hour=16, minute=50) + timedelta(days=2)
    services.relapse(incident.pk, actor=actor, now=friday)
    monday = friday.replace(hour=9, minute=0) + timedelta(days=3)
    due = dict(
        Deadline.objects.filter(kind__in=[Promised.RESOLVE, Promised.STEP], state=State.PENDING)
        .order_by()
        .values_list("clause", "due_at")
    )
    assert due == {
        "C73": friday + timedelta(minutes=10),
        "C75": monday + timedelta(minutes=30),
        "C35": monday + timedelta(hours=7, minutes=30),
    }


@pytest.mark.clause("X17", "C22")
@pytest.mark.parametrize("turn", ["raised", "lowered", "resolve taken back"])
def test_the_search_for_somebody_survives_a_turn(world: World, turn: str) -> None:
    incident = world.declare("P2")
    actor, manager = world.actor("primary"), world.actor("manager")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.cannot_take(incident.pk, actor=actor, now=at(3))
    if turn == "resolve taken back":
        services.resolve(incident.pk, actor=manager, now=at(4))
        services.undo(incident.pk, actor=manager, now=at(5))
    else:
        severity = {"raised": "P1", "lowered": "P3"}[turn]
        services.set_severity(incident.pk, severity=severity, actor=manager, now=at(5))
    search = Deadline.objects.filter(payload__waits="handover", state=State.PENDING)
    assert search.count() == 1
    tick(search.get().due_at)
    assert world.pages(incident)[-1][2].endswith("/handover")
    services.acknowledge(incident.pk, actor=world.actor("engineer"), now=at(90))
    assert not search.exists()
