"""A person's way through the rotas' pages, in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from rotations.models import Breach, Override, Swap
from rotations.services.horizon import redraw
from tests.browser.conftest import Opened
from tests.browser.test_pages import PHONE, sideways
from tests.incidents.factories import World
from tests.rotations.factories import make_method

STANDARDS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
}


@pytest.fixture
def roster(world: World) -> World:
    """Everything a calendar can show: an override, a gap, a swap that is asked, a breach."""
    now = timezone.now()
    for person in (world.primary, world.secondary, world.engineer):
        make_method(person)
    Override.objects.create(
        rota=world.rota, user=world.engineer, starts_at=now + timedelta(days=1),
        ends_at=now + timedelta(days=3), reason="Dentist", created_by=world.manager, created_at=now,
    )  # fmt: skip
    Override.objects.create(
        rota=world.rota, user=None, starts_at=now + timedelta(days=4), ends_at=now + timedelta(days=5),
        reason="Nobody is there", created_by=world.manager, created_at=now,
    )  # fmt: skip
    Breach.objects.create(
        team=world.team, key="gap", kind="gap", clause="C6", blocking=True, found_at=now,
        said="Nobody holds the primary.", starts_at=now + timedelta(days=4),
        ends_at=now + timedelta(days=5),
    )  # fmt: skip
    redraw(world.team.pk, now=now)
    return world


def paths(world: World) -> list[str]:
    rota = f"/rotations/{world.rota.slug}/"
    return [
        "/rotations/", rota, f"{rota}?weeks=8", f"{rota}take-over/", f"{rota}override/",
        f"{rota}swap/", f"{rota}fairness/", "/shifts/", "/shifts/time-off/",
    ]  # fmt: skip


def violations(page: Page) -> list[Any]:
    found = Axe().run(page, options=STANDARDS).response["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_pages_keep_the_standard_of_accessibility(
    roster: World, opened: Opened, colours: str
) -> None:
    page = opened(roster.manager, color_scheme=colours)
    for path in paths(roster):
        page.goto(path)
        assert violations(page) == [], path


def test_no_page_of_the_rotas_scrolls_sideways_on_a_small_phone(
    roster: World, opened: Opened
) -> None:
    page = opened(roster.manager, **PHONE)
    for path in paths(roster):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200
        assert not sideways(page), path
    assert violations(page) == []


def test_each_bar_says_why_to_the_pointer_and_to_the_keyboard(
    roster: World, opened: Opened
) -> None:
    page = opened(roster.engineer)
    page.goto("/rotations/")
    bar = page.locator(".cal a").filter(has_text="override by Manager, Dentist").first
    why = bar.locator(".why")
    expect(why).to_have_css("opacity", "0")
    bar.locator("svg").hover()
    expect(why).to_have_css("opacity", "1")
    page.mouse.move(0, 0)
    expect(why).to_have_css("opacity", "0")
    page.get_by_role("link", name="Later", exact=True).focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        if bar.evaluate("node => node === document.activeElement"):
            break
    expect(why).to_have_css("opacity", "1")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_reads_the_weeks_as_a_list_with_and_without_scripts(
    roster: World, opened: Opened, scripts: bool
) -> None:
    page = opened(roster.engineer, java_script_enabled=scripts, **PHONE)
    page.goto("/rotations/")
    expect(page.locator(".cal").first).to_be_hidden()
    listed = page.locator(".only-phone").first
    expect(listed.get_by_text("Engineer (you)").first).to_be_visible()
    expect(listed.get_by_text("Nobody").first).to_be_visible()
    expect(page.get_by_text("Nobody holds the primary.").first).to_be_visible()


@pytest.mark.clause("C22")
def test_the_pager_is_taken_over_in_one_press(roster: World, opened: Opened) -> None:
    page = opened(roster.manager)
    page.goto(f"/rotations/{roster.rota.slug}/")
    page.get_by_role("button", name="Take over now").click()
    expect(page.get_by_text("You are on call now.")).to_be_visible()
    expect(page.locator("#upcoming").locator("xpath=../..").locator("li").first).to_contain_text(
        "Manager (you)"
    )


def test_a_swap_is_asked_and_accepted_by_two_people(roster: World, opened: Opened) -> None:
    Override.objects.all().delete()
    page = opened(roster.manager)
    page.goto(f"/rotations/{roster.rota.slug}/")
    page.get_by_role("link", name="Ask for a swap").click()
    page.get_by_role("link", name="Ask for").first.click()
    page.locator("label.choice", has_text="is free then").first.click()
    page.get_by_label("A word to them").fill("Please")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("is asked, and told.")).to_be_visible()
    swap = Swap.objects.get()
    colleague = opened(swap.colleague)
    colleague.goto("/shifts/")
    expect(colleague.get_by_text("“Please”")).to_be_visible()
    colleague.get_by_role("button", name="Accept").click()
    expect(colleague.get_by_text("Accepted.")).to_be_visible()
    assert Override.objects.get().user == swap.colleague


def test_a_calendars_address_is_made_once_and_read(roster: World, opened: Opened) -> None:
    page = opened(roster.engineer)
    page.goto("/shifts/")
    page.get_by_role("button", name="Make an address").click()
    address = page.get_by_label("Address").input_value()
    path = "/shifts.ics" + address.split("/shifts.ics")[1]
    stranger = opened()
    assert stranger.request.get(path).text().startswith("BEGIN:VCALENDAR")
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked:")).to_be_visible()
    assert stranger.request.get(path).status == 404
