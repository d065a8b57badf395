"""Stories in which people act, on the real clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from deadlines.models import Deadline
from deadlines.services import enforce
from incidents import services
from incidents.enums import Promised, Status
from notifications.models import Page, PageOut
from procedures.models import Outcome
from tests.incidents.factories import (
    SATURDAY,
    WEDNESDAY,
    World,
    make_procedure,
    page_outs,
    run_clock,
    tick,
)

pytestmark = pytest.mark.django_db


def at(minutes: float) -> datetime:
    return WEDNESDAY + timedelta(minutes=minutes)


def pending(kind: Promised) -> Deadline:
    return Deadline.objects.get(kind=kind, state="pending")


@pytest.mark.clause("C39", "C73", "C75", "C77", "C30")
def test_p2_acknowledged_but_unresolved_still_climbs(world: World) -> None:
    incident = world.declare("P2")
    run_clock(WEDNESDAY, timedelta(minutes=4))
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(4))
    run_clock(at(4), timedelta(minutes=70))
    assert world.pages(incident) == [
        ("0:00", "primary", "standard/primary/at-once"),
        ("30:00", "secondary", "standard/secondary/unresolved-30m"),
        ("60:00", "manager", "standard/engineering-manager/unresolved-1h"),
    ]
    assert Deadline.objects.get(kind=Promised.ACKNOWLEDGE).state == "met"
    assert Outcome.objects.filter(clause="C30", result="met").count() == 1


@pytest.mark.clause("C41", "X6", "C32")
def test_mitigation_stops_the_clocks_and_a_relapse_goes_on_with_the_time_used(world: World) -> None:
    incident = world.declare("P2")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(2))
    services.mitigate(incident.pk, actor=world.actor("primary"), now=at(20))
    run_clock(at(20), timedelta(minutes=100))
    assert world.called(incident) == ["primary"]
    services.relapse(incident.pk, actor=world.actor("primary"), now=at(120))
    run_clock(at(120), timedelta(minutes=45))
    assert world.pages(incident)[1:] == [
        ("130:00", "secondary", "standard/secondary/unresolved-30m"),
        ("160:00", "manager", "standard/engineering-manager/unresolved-1h"),
    ]
    assert pending(Promised.RESOLVE).due_at == at(240 + 100)


@pytest.mark.clause("C41", "X6")
def test_the_resolution_is_met_for_good_only_when_resolved(world: World) -> None:
    incident = world.declare("P1")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(2))
    services.mitigate(incident.pk, actor=world.actor("primary"), now=at(50))
    assert Deadline.objects.get(kind=Promised.RESOLVE).state == "paused"
    services.resolve(incident.pk, actor=world.actor("primary"), now=at(90))
    assert Deadline.objects.get(kind=Promised.RESOLVE).state == "met"
    assert not Deadline.objects.filter(state__in=["pending", "paused"]).exists()


@pytest.mark.clause("X12", "X6")
def test_a_mistaken_mitigation_taken_back_counts_the_time(world: World) -> None:
    incident = world.declare("P2")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(2))
    services.mitigate(incident.pk, actor=world.actor("primary"), now=at(20))
    services.undo(incident.pk, actor=world.actor("primary"), now=at(25))
    assert pending(Promised.RESOLVE).due_at == at(240)
    run_clock(at(25), timedelta(minutes=6))
    assert world.pages(incident)[1:] == [
        ("30:00", "secondary", "standard/secondary/unresolved-30m")
    ]


@pytest.mark.clause("C40", "C28", "X20", "C132")
def test_only_findings_settle_the_first_update_and_start_the_cadence(world: World) -> None:
    incident = world.declare("P1")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.post_update(incident.pk, text="Investigating", kind="initial", actor=actor, now=at(2))
    assert pending(Promised.FIRST_UPDATE).due_at == at(15)
    assert not Deadline.objects.filter(kind=Promised.UPDATE).exists()
    services.post_update(incident.pk, text="Redis is down", kind="findings", actor=actor, now=at(9))
    assert Deadline.objects.get(kind=Promised.FIRST_UPDATE).state == "met"
    assert pending(Promised.UPDATE).due_at == at(24)
    services.post_update(incident.pk, text="Restarting", actor=actor, now=at(20))
    assert pending(Promised.UPDATE).due_at == at(35)
    run_clock(at(20), timedelta(minutes=31))
    states = (
        Deadline.objects.filter(kind=Promised.UPDATE)
        .order_by("due_at")
        .values_list("due_at", "state")
    )
    assert list(states) == [
        (at(24), "met"),
        (at(35), "missed"),
        (at(50), "missed"),
        (at(65), "pending"),
    ]
    services.post_update(incident.pk, text="Up again", actor=actor, now=at(55))
    missed = Deadline.objects.get(kind=Promised.UPDATE, due_at=at(50))
    assert missed.fulfilled_at == at(55)


@pytest.mark.clause("C28", "C132")
def test_a_missed_first_update_tells_the_responder_and_goes_on_asking(world: World) -> None:
    incident = world.declare("P1")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    run_clock(at(1), timedelta(minutes=45))
    told = PageOut.objects.filter(purpose="note", subject_id=incident.pk).order_by("created_at")
    assert [(note.created_at, note.user) for note in told] == [
        (at(15), world.primary), (at(30), world.primary), (at(45), world.primary),
    ]  # fmt: skip
    services.post_update(
        incident.pk, text="It was DNS", kind="findings", actor=world.actor("primary"), now=at(46)
    )
    assert not Deadline.objects.filter(kind=Promised.NUDGE, state="pending").exists()
    assert Deadline.objects.get(kind=Promised.FIRST_UPDATE).fulfilled_at == at(46)


@pytest.mark.clause("C133")
def test_a_p2_owes_an_update_every_half_hour_also_while_mitigated(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.post_update(incident.pk, text="It was DNS", kind="findings", actor=actor, now=at(5))
    services.mitigate(incident.pk, actor=actor, now=at(6))
    tick(at(35))
    assert Deadline.objects.get(kind=Promised.UPDATE, due_at=at(35)).state == "missed"
    services.resolve(incident.pk, actor=actor, now=at(40))
    assert Deadline.objects.get(kind=Promised.UPDATE, due_at=at(65)).state == "cancelled"


@pytest.mark.clause("C134", "X2", "X20")
def test_the_cadence_of_a_p3_is_a_reminder_without_a_breach(world: World) -> None:
    incident = world.declare("P3")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.post_update(incident.pk, text="A slow query", kind="findings", actor=actor, now=at(5))
    tick(at(65))
    first = Deadline.objects.get(kind=Promised.UPDATE, due_at=at(65))
    assert (first.nature, first.state) == ("act", "met")
    assert pending(Promised.UPDATE).due_at == at(125)
    assert not Outcome.objects.filter(result="missed").exists()


@pytest.mark.clause("X2")
def test_the_later_steps_of_an_acknowledged_p3_tell_and_do_not_wake(world: World) -> None:
    incident = world.declare("P3")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    run_clock(at(1), timedelta(minutes=61))
    later = page_outs(incident)[1:]
    assert [(world.name(page.user_id), page.urgency) for page in later] == [
        ("secondary", "low"), ("manager", "low"),
    ]  # fmt: skip


@pytest.mark.clause("C74")
def test_need_help_pages_the_next_step_now_and_once(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.need_help(incident.pk, actor=actor, now=at(3))
    services.need_help(incident.pk, actor=actor, now=at(4))
    assert world.pages(incident)[1:] == [("3:00", "secondary", "standard/secondary/on-demand")]
    services.need_help(incident.pk, actor=actor, now=at(9))
    services.need_help(incident.pk, actor=actor, now=at(15))
    assert world.called(incident)[2:] == ["manager", "manager", "admin"]


@pytest.mark.clause("C74")
def test_need_help_with_a_p3_at_night_is_not_held(world: World) -> None:
    incident = world.declare("P3", at=SATURDAY)
    services.need_help(
        incident.pk, actor=world.actor("primary"), now=SATURDAY + timedelta(minutes=5)
    )
    [_, page] = page_outs(incident)
    assert (world.name(page.user_id), page.held_until, page.urgency) == ("secondary", None, "high")


@pytest.mark.clause("C22", "C219")
def test_who_cannot_take_it_is_replaced_at_once_and_asked_nothing(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.cannot_take(incident.pk, actor=actor, now=at(3))
    services.cannot_take(incident.pk, actor=actor, now=at(4))
    assert world.pages(incident)[1:] == [("3:00", "secondary", "standard/secondary/on-demand")]
    incident.refresh_from_db()
    assert incident.owner == world.secondary
    run_clock(at(4), timedelta(minutes=15))
    assert world.pages(incident)[2:] == [
        ("18:00", "manager", "standard/engineering-manager/handover")
    ]


@pytest.mark.clause("C22")
def test_who_takes_it_over_ends_the_search(world: World) -> None:
    incident = world.declare("P2")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    services.cannot_take(incident.pk, actor=world.actor("primary"), now=at(3))
    services.acknowledge(incident.pk, actor=world.actor("secondary"), now=at(5))
    run_clock(at(5), timedelta(minutes=20))
    assert world.called(incident) == ["primary", "secondary"]
    incident.refresh_from_db()
    assert incident.owner == world.secondary


@pytest.mark.clause("C76", "X1")
def test_a_major_p2_tells_the_vp_by_mail_and_offers_p1(world: World) -> None:
    incident = world.declare("P2")
    services.acknowledge(incident.pk, actor=world.actor("primary"), now=at(1))
    incident = services.mark_major(
        incident.pk, actor=world.actor("manager"), now=at(5), reason="Customers call"
    )
    [_, vp] = page_outs(incident)
    assert (world.name(vp.user_id), vp.urgency) == ("vp", "low")
    assert set(Page.objects.filter(page_out=vp).values_list("channel", flat=True)) == {"mail"}
    assert services.may_be_raised(incident) == "P1"
    raised = services.set_severity(
        incident.pk, severity="P1", actor=world.actor("manager"), now=at(6)
    )
    phone = [
        page
        for page in page_outs(raised)
        if page.user_id == world.vp.pk and page.created_at == at(6)
    ]
    assert set(Page.objects.filter(page_out__in=phone).values_list("method__kind", flat=True)) == {
        "phone"
    }
    assert services.may_be_raised(raised) is None


@pytest.mark.clause("C82")
def test_a_confirmed_breach_calls_legal_pr_and_the_c_level(world: World) -> None:
    incident = world.declare("P1", kind="security")
    services.confirm_breach(
        incident.pk, note="Keys were read", actor=world.actor("security"), now=at(9)
    )
    assert world.called(incident, at=at(9)) == ["legal", "pr", "chief"]
    entry = incident.timeline.get(kind="breach")
    assert (entry.actor_id, entry.data["note"]) == (world.security.pk, "Keys were read")
    services.confirm_breach(incident.pk, note="Again", actor=world.actor("security"), now=at(10))
    assert incident.timeline.filter(kind="breach").count() == 1


@pytest.mark.clause("C49", "C79")
def test_all_hands_pages_the_whole_team_once(world: World) -> None:
    incident = world.declare("P2")
    services.all_hands(incident.pk, actor=world.actor("engineer"), now=at(2))
    services.all_hands(incident.pk, actor=world.actor("secondary"), now=at(3))
    assert sorted(world.called(incident, at=at(2))) == ["engineer", "primary", "secondary"]
    assert world.called(incident, at=at(3)) == []


@pytest.mark.clause("C27", "C29", "C49", "C78")
def test_raised_to_p1_the_clocks_go_on_from_the_opening_and_all_three_are_called(
    world: World,
) -> None:
    incident = world.declare("P2")
    run_clock(WEDNESDAY, timedelta(minutes=3))
    services.set_severity(incident.pk, severity="P1", actor=world.actor("manager"), now=at(3))
    assert world.called(incident, at=at(3)) == ["primary", "secondary", "manager"]
    assert pending(Promised.ACKNOWLEDGE).due_at == at(5)
    assert pending(Promised.RESOLVE).due_at == at(60)
    run_clock(at(3), timedelta(minutes=3))
    assert Deadline.objects.get(kind=Promised.ACKNOWLEDGE, state="missed").clause == "C27"
    assert Deadline.objects.filter(
        kind=Promised.ACKNOWLEDGE, clause="C30", state="cancelled"
    ).exists()


def test_raised_late_what_is_over_is_due_at_once_and_what_was_missed_is_not_missed_twice(
    world: World,
) -> None:
    incident = world.declare("P2")
    run_clock(WEDNESDAY, timedelta(minutes=31))
    services.set_severity(incident.pk, severity="P1", actor=world.actor("manager"), now=at(31))
    states = Deadline.objects.filter(kind=Promised.ACKNOWLEDGE).values_list("clause", "state")
    assert list(states) == [("C30", "missed")]
    enforce(now=at(61))
    assert Deadline.objects.get(kind=Promised.RESOLVE, state="missed").due_at == at(60)


def test_lowered_to_p4_nothing_pages_any_more(world: World) -> None:
    incident = world.declare("P1")
    services.set_severity(incident.pk, severity="P4", actor=world.actor("manager"), now=at(1))
    before = len(page_outs(incident))
    run_clock(at(1), timedelta(hours=2), every=timedelta(minutes=5))
    assert len(page_outs(incident)) == before
    assert incident.action_items.count() == 1
    assert pending(Promised.ACKNOWLEDGE).clause == "C36"


def test_a_held_page_is_called_out_at_once_when_the_severity_is_raised_at_night(
    world: World,
) -> None:
    incident = world.declare("P3", at=SATURDAY)
    later = SATURDAY + timedelta(minutes=5)
    services.set_severity(incident.pk, severity="P2", actor=world.actor("manager"), now=later)
    [held, paged] = page_outs(incident)
    assert held.state == "superseded"
    assert (world.name(paged.user_id), paged.held_until, paged.created_at) == (
        "primary",
        None,
        later,
    )


@pytest.mark.clause("C260")
def test_a_new_version_of_the_procedure_does_not_touch_a_running_incident(world: World) -> None:
    incident = world.declare("P2")
    make_procedure(**{'acknowledge_within = "15m"': 'acknowledge_within = "2m"'})
    run_clock(WEDNESDAY, timedelta(minutes=14))
    assert world.called(incident) == ["primary", "primary", "primary"]
    later = world.declare("P2", at=at(14), title="Another")
    assert (incident.version.number, later.version.number) == (1, 2)
    assert Deadline.objects.get(kind=Promised.ACKNOWLEDGE, subject_id=later.pk).due_at == at(16)


@pytest.mark.clause("X12")
def test_reopened_it_burns_again_with_new_clocks(world: World) -> None:
    incident = world.declare("P2")
    actor = world.actor("primary")
    services.acknowledge(incident.pk, actor=actor, now=at(1))
    services.resolve(incident.pk, actor=actor, now=at(10))
    services.reopen(incident.pk, reason="It is back", actor=actor, now=at(100))
    incident.refresh_from_db()
    assert incident.status == Status.ACKNOWLEDGED
    assert pending(Promised.RESOLVE).due_at == at(340)
    run_clock(at(100), timedelta(minutes=31))
    assert world.pages(incident)[1:] == [
        ("130:00", "secondary", "standard/secondary/unresolved-30m")
    ]


def test_a_brought_in_outsider_may_answer(world: World, other: World) -> None:
    incident = world.declare("P2")
    with pytest.raises(services.Forbidden):
        services.acknowledge(incident.pk, actor=other.actor("engineer"), now=at(1))
    services.assign_role(
        incident.pk, role="sme", user_id=other.engineer.pk, actor=world.actor("primary"), now=at(2)
    )
    assert page_outs(incident)[-1].user_id == other.engineer.pk
    services.acknowledge(incident.pk, actor=other.actor("engineer"), now=at(3))
    incident.refresh_from_db()
    assert incident.acknowledged_by == other.engineer
