"""A manager's way through a rota's draft, in a real browser: sorted, foreseen, mended, published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from directory.models import Team, User
from notifications.models import PageOut
from rotations.enums import PlanState
from rotations.models import Plan, Rota, Shift, TimeOff
from rotations.services.horizon import redraw
from tests.browser.conftest import Opened
from tests.directory import factories as people
from tests.notifications.factories import make_method
from tests.rotations.factories import make_rota, make_secondary

PHONE = {"viewport": {"width": 360, "height": 740}}


@pytest.fixture
def team(transactional_db: None) -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    crew = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo", "Dan")]
    for person in crew:
        make_method(person, address=person.email)
    return crew


@pytest.fixture
def rotas(team: Team, crew: list[User]) -> tuple[Rota, Rota]:
    """Ann holds the primary this week, Ben behind her; then each in order."""
    today = timezone.now().astimezone(UTC).date()
    begins = today - timedelta(days=today.weekday() + 7 * 8)
    primary = make_rota(team, crew, slug="primary", starts_on=begins)
    secondary = make_secondary(primary, slug="secondary")
    redraw(team.pk, now=timezone.now() - timedelta(days=1))
    return primary, secondary


def manager_of(team: Team, name: str) -> User:
    return User.objects.get(pk=people.make_manager(team, name).pk)  # as the grant has left them


def the_row(page: Page, name: str) -> str:
    """The prefix of the fields of the person's row in the list."""
    number = (
        page.locator("tr", has=page.locator(f'select option:checked:text-is("{name}")'))
        .locator('input[name$="-position"]')
        .get_attribute("name")
    )
    assert number is not None
    return number.removesuffix("-position")


def numbered(page: Page, name: str, number: int) -> None:
    page.locator(f'input[name="{the_row(page, name)}-position"]').fill(str(number))


def handoff(weeks: int = 0) -> datetime:
    now = timezone.now().astimezone(UTC)
    monday = (now - timedelta(days=now.weekday())).replace(hour=9, minute=0, second=0)
    monday = monday.replace(microsecond=0)
    coming = monday if monday > now else monday + timedelta(weeks=1)
    return coming + timedelta(weeks=weeks)


@pytest.mark.clause("C8", "C11", "C230")
def test_a_manager_reorders_people_sees_a_breach_mends_it_and_publishes(
    team: Team, rotas: tuple[Rota, Rota], crew: list[User], opened: Opened
) -> None:
    primary, secondary = rotas
    ann, ben, cleo, dan = crew
    first = handoff()
    running = Shift.objects.get(rota=primary, ends_at=first).user
    following = [crew[(crew.index(running) + place) % 4] for place in range(4)]
    away = following[2]
    # Away for maintenance in the week that would become theirs.
    TimeOff.objects.create(
        user=away, starts_at=first, ends_at=first + timedelta(days=7), reason="Maintenance",
        created_at=timezone.now(),
    )  # fmt: skip
    boss = manager_of(team, "Mia")
    page = opened(boss)
    page.goto(reverse("admin:rotations_rota_change", args=[primary.pk]))
    page.get_by_role("button", name="Change the turns").click()
    foresight = page.locator("#foresight")
    expect(foresight.locator(".roster-shifts > li")).to_have_count(12)
    expect(foresight).to_contain_text("Nobody's shifts move")

    numbered(page, away.name, 1)
    numbered(page, following[1].name, 2)
    second = foresight.locator(".roster-shifts > li").nth(1)
    expect(second).to_contain_text(away.name)
    expect(second).to_have_class("moved")
    expect(foresight).to_contain_text("block")
    expect(foresight.locator(".roster-verdict.bad")).to_contain_text(away.name)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("The roster would break").first).to_be_visible()
    assert Plan.objects.get(rota=primary, state=PlanState.DRAFT).edit == 1
    assert not Plan.objects.filter(rota=primary, state=PlanState.PUBLISHED).count() > 1

    numbered(page, following[3].name, 1)
    numbered(page, following[1].name, 2)
    numbered(page, away.name, 3)
    expect(foresight.locator(".roster-verdict.bad")).to_have_count(0)
    expect(second).to_contain_text(following[3].name)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Published, in force from")).to_be_visible()
    weeks = Shift.objects.filter(rota=primary, starts_at__gte=first).order_by("starts_at")[:4]
    assert [week.user for week in weeks] == [following[3], following[1], away, running]
    told = PageOut.objects.filter(step_label="Your shifts have changed")
    moved = {away.name, following[1].name, following[3].name}
    assert set(told.values_list("user__name", flat=True)) == moved


def test_people_are_sorted_by_drag(
    team: Team, rotas: tuple[Rota, Rota], crew: list[User], opened: Opened
) -> None:
    boss = manager_of(team, "Mia")
    page = opened(boss, viewport={"width": 1280, "height": 1400})
    page.goto(reverse("admin:rotations_rota_change", args=[rotas[0].pk]))
    page.get_by_role("button", name="Change the turns").click()
    shifts = page.locator("#foresight .roster-shifts > li")
    before = shifts.nth(1).locator("strong").inner_text()
    last = shifts.nth(3).locator("strong").inner_text()
    handles = page.locator("#members-data tbody.original .cursor-move")
    expect(handles).to_have_count(4)
    sortable = (
        "Object.keys(document.getElementById('members-data')).some(k => k.startsWith('Sortable'))"
    )
    page.wait_for_function(sortable)
    expect(page.locator("#members-data tbody.original .select2-container")).to_have_count(4)
    handles.nth(3).hover()  # once it stands still
    box = handles.nth(3).bounding_box()
    assert box is not None
    page.mouse.down()
    page.mouse.move(box["x"] + 15, box["y"] - 10, steps=8)
    expect(
        page.locator("#members-data .sortable-chosen, #members-data .sortable-ghost")
    ).not_to_have_count(0)
    handles.nth(1).hover(position={"x": 15, "y": 10}, force=True)
    handles.nth(1).hover(position={"x": 15, "y": 5}, force=True)
    rows = page.locator("#members-data tbody.original")
    expect(rows.nth(1).locator("option:checked")).to_have_text(last)
    page.mouse.up()
    expect(shifts.nth(1).locator("strong")).to_have_text(last)
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("The draft is saved")).to_be_visible()
    draft = Plan.objects.get(rota=rotas[0], state=PlanState.DRAFT)
    order = list(draft.members.order_by("position").values_list("user__name", flat=True))
    assert (order[1], order[2]) == (last, before)


def test_an_outsider_of_the_team_looks_and_cannot_change(
    rotas: tuple[Rota, Rota], opened: Opened
) -> None:
    stranger = manager_of(people.make_team(), "Sam")
    page = opened(stranger, **PHONE)
    page.goto(reverse("admin:rotations_rota_change", args=[rotas[0].pk]))
    expect(page.get_by_text("is on call now")).to_be_visible()
    expect(page.get_by_role("button", name="Change the turns")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    answer = page.goto(reverse("admin:rotations_rota_retire", args=[rotas[0].pk]))
    assert answer is not None
    assert answer.status == 403
