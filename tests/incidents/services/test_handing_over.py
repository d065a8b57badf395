"""Somebody takes the pager over while incidents burn: whose calls are whose."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from incidents import services
from incidents.models import Incident, TimelineEntry
from notifications.enums import PageOutState, Purpose
from notifications.models import ContactMethod, PageOut
from rotations.models import Rota
from rotations.queries import who_is_on_call
from rotations.services import found_rota, take_over
from tests.incidents.factories import WEDNESDAY, World, make_world, page_outs, run_clock

pytestmark = pytest.mark.django_db
SOON = WEDNESDAY + timedelta(minutes=2)
LATER = WEDNESDAY + timedelta(minutes=4)


@pytest.fixture
def world() -> World:
    return make_world()


def states(world: World, incident: Incident) -> list[tuple[str, str, str]]:
    return [
        (world.name(out.user_id), out.step_key.split("/")[1], out.state)
        for out in page_outs(incident)
    ]


def texts(incident: Incident) -> list[str]:
    return list(
        TimelineEntry.objects.filter(incident=incident)
        .order_by("number")
        .values_list("text", flat=True)
    )


@pytest.mark.clause("C22")
def test_the_open_page_is_the_new_holders(world: World) -> None:
    incident = world.declare("P2")
    take_over(world.rota.pk, actor=world.actor("engineer"), now=SOON)
    assert states(world, incident) == [
        ("primary", "primary", PageOutState.SUPERSEDED),
        ("engineer", "primary", PageOutState.WAITING),
    ]
    incident.refresh_from_db()
    assert incident.owner == world.engineer
    assert "Engineer has taken the pager over from Primary." in texts(incident)
    services.acknowledge(incident.pk, actor=world.actor("engineer"), now=LATER)
    assert [out.answer for out in page_outs(incident)] == ["", "acknowledged"]


@pytest.mark.clause("C22")
def test_pressing_twice_pages_once_and_taking_it_back_pages_again(world: World) -> None:
    incident = world.declare("P2")
    for at in (SOON, SOON + timedelta(seconds=1)):
        take_over(world.rota.pk, actor=world.actor("engineer"), now=at)
    assert len(page_outs(incident)) == 2
    take_over(world.rota.pk, actor=world.actor("primary"), now=LATER)
    assert [state for _, _, state in states(world, incident)] == [
        PageOutState.SUPERSEDED, PageOutState.SUPERSEDED, PageOutState.WAITING,
    ]  # fmt: skip
    assert page_outs(incident)[-1].user == world.primary


@pytest.mark.clause("C20", "C22")
def test_the_secondary_takes_over_and_the_next_is_escalated_to(world: World) -> None:
    incident = world.declare("P2")
    take_over(world.rota.pk, actor=world.actor("secondary"), now=SOON)
    run_clock(SOON, timedelta(minutes=40))
    called = [(who, step) for who, step, _ in states(world, incident) if step == "secondary"]
    assert called[0] == ("engineer", "secondary")


@pytest.mark.clause("C12", "C22", "X13")
def test_with_nobody_left_the_engineering_manager_is_called_for_the_secondary(
    world: World,
) -> None:
    ContactMethod.objects.filter(user=world.engineer).delete()
    incident = world.declare("P2")
    take_over(world.rota.pk, actor=world.actor("secondary"), now=SOON)
    assert [one.level for one in who_is_on_call(at=SOON)] == ["primary"]
    run_clock(SOON, timedelta(minutes=40))
    assert "manager" in [who for who, _, _ in states(world, incident)]
    assert any("reached nobody" in text for text in texts(incident))


def test_what_is_answered_or_over_stays_as_it_is(world: World) -> None:
    answered, over = world.declare("P2"), world.declare("P3", title="Over")
    services.acknowledge(answered.pk, actor=world.actor("primary"), now=SOON)
    services.acknowledge(over.pk, actor=world.actor("secondary"), now=SOON)
    services.mark_false_positive(over.pk, actor=world.actor("primary"), now=SOON, reason="No")
    calls = PageOut.objects.filter(purpose=Purpose.PAGE)
    before = calls.count()
    take_over(world.rota.pk, actor=world.actor("engineer"), now=LATER)
    assert calls.count() == before
    answered.refresh_from_db()
    assert answered.owner == world.primary


def test_another_teams_calls_stay_theirs(world: World) -> None:
    other = make_world()
    Rota.objects.get(pk=other.rota.pk).plans.get().members.update(position=5)
    other.rota.plans.get().members.create(user=world.primary, position=0)
    theirs = other.declare("P2")
    assert page_outs(theirs)[0].user == world.primary
    take_over(world.rota.pk, actor=world.actor("engineer"), now=SOON)
    assert page_outs(theirs)[0].state == PageOutState.WAITING


@pytest.mark.clause("C22")
def test_in_the_place_of_who_could_not_be_reached_the_new_holder_is_called(world: World) -> None:
    ContactMethod.objects.filter(user=world.primary).delete()
    incident = world.declare("P2")
    take_over(world.rota.pk, actor=world.actor("engineer"), now=SOON)
    incident.refresh_from_db()
    assert incident.owner == world.engineer
    assert ("engineer", "primary", PageOutState.WAITING) in states(world, incident)


@pytest.mark.clause("C22")
def test_who_takes_a_shadow_over_does_not_get_the_primarys_incident(world: World) -> None:
    shadow = found_rota(
        world.team, "shadow", [world.primary], level="shadow", starts_on=date(2026, 3, 2)
    )
    incident = world.declare("P2")
    take_over(shadow.pk, actor=world.actor("engineer"), now=SOON)
    incident.refresh_from_db()
    assert incident.owner == world.primary
    assert states(world, incident) == [("primary", "primary", PageOutState.WAITING)]
