"""A person's way through the pages, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from incidents.models import Incident, TimelineEntry
from incidents.services import acknowledge
from notifications.links import token_of
from tests.browser.conftest import Opened
from tests.incidents.factories import World, page_outs

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def sideways(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


@pytest.mark.clause("C39")
@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_is_acknowledged_on_a_small_phone_with_and_without_scripts(
    world: World, burning: Incident, opened: Opened, scripts: bool
) -> None:
    [page_out] = page_outs(burning)
    phone = opened(java_script_enabled=scripts, **PHONE)
    phone.goto(f"/p/{token_of(page_out)}/")
    button = phone.get_by_role("button", name="Acknowledge")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] < 740  # in the first screen, without scrolling
    if scripts:
        assert not sideways(phone)
    button.click()
    expect(phone.get_by_text("You acknowledged")).to_be_visible()
    assert Incident.objects.get(pk=burning.pk).acknowledged_by == page_out.user


def test_one_tap_posts_an_update_from_the_phone(
    world: World, burning: Incident, opened: Opened
) -> None:
    [page_out] = page_outs(burning)
    phone = opened(**PHONE)
    phone.goto(f"/p/{token_of(page_out)}/")
    phone.get_by_role("button", name="Acknowledge").click()
    phone.get_by_role("button", name="Found the cause.").click()
    phone.wait_for_load_state()
    assert TimelineEntry.objects.filter(incident=burning, text="Found the cause.").exists()


def test_what_happens_shows_up_while_typing_and_no_word_is_lost(
    world: World, burning: Incident, opened: Opened
) -> None:
    page = opened(world.engineer)
    page.goto(f"/incidents/{burning.ref}/")
    composer = page.get_by_label("What is known?")
    composer.fill("Half a sente")
    acknowledge(burning.pk, actor=world.actor("manager"), now=timezone.now())
    expect(page.locator("#timeline")).to_contain_text("Manager acknowledged.")
    expect(page.locator("#incident-head")).to_contain_text("Manager has it")
    expect(composer).to_have_value("Half a sente")
    expect(composer).to_be_focused()
    page.reload()
    expect(composer).to_have_value("Half a sente")
    expect(page.get_by_text("Kept from before")).to_be_visible()
    composer.press_sequentially("nce.")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("#timeline")).to_contain_text("Half a sentence.")
    expect(composer).to_have_value("")
    page.reload()
    expect(composer).to_have_value("")


def test_a_form_one_has_opened_stays_open_when_the_incident_moves_on(
    world: World, burning: Incident, opened: Opened
) -> None:
    page = opened(world.engineer)
    page.goto(f"/incidents/{burning.ref}/")
    page.get_by_text("Need help…").click()
    acknowledge(burning.pk, actor=world.actor("manager"), now=timezone.now())
    expect(page.locator("#timeline")).to_contain_text("Manager acknowledged.")
    expect(page.get_by_role("button", name="Call help now")).to_be_visible()
    expect(page.get_by_text("This incident has moved on")).to_be_visible()


def test_clocks_tick_from_the_servers_time_whatever_the_device_believes(
    world: World, burning: Incident, opened: Opened
) -> None:
    page = opened(world.engineer)
    page.clock.install(time="2031-01-01T00:00:00")
    page.goto(f"/incidents/{burning.ref}/")
    clock = page.locator("#incident-head .clock").first
    expect(clock).to_have_text(re.compile(r"1[45] min left"))
    for silent in ("**/live/**", "**/clock/"):  # the server tells the time no more
        page.route(silent, lambda route: route.abort())
    page.clock.run_for(16 * 60 * 1000)
    expect(clock).to_have_text(re.compile("past due"))


def test_the_keyboard_lists_its_keys_and_goes_places(
    world: World, burning: Incident, opened: Opened
) -> None:
    page = opened(world.engineer)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/incidents/")


def test_declaring_says_whom_it_wakes_as_one_chooses(world: World, opened: Opened) -> None:
    page = opened(world.engineer)
    page.goto("/incidents/declare/")
    page.get_by_label("Service", exact=True).select_option(world.service.slug)
    page.locator('input[name="severity"][value="P1"]').check()
    expect(page.locator("#wakes")).to_contain_text("Declaring wakes, at once:")
    assert not Incident.objects.exists()
    page.get_by_label("What is wrong?").fill("Nothing answers")
    page.get_by_role("button", name="Declare and page").click()
    expect(page.get_by_role("heading", name="Nothing answers")).to_be_visible()


def test_no_page_scrolls_sideways_on_a_small_phone_or_breaks_its_own_policy(
    world: World, burning: Incident, opened: Opened
) -> None:
    world.admin.is_staff = True
    world.admin.save()
    page = opened(world.admin, **PHONE)
    paths = [
        "/",
        "/incidents/",
        f"/incidents/{burning.ref}/",
        "/incidents/declare/",
        "/outbox/",
        "/rotations/",
    ]
    paths += [
        "/procedure/clauses/",
        f"/preview/?severity=P1&service={world.service.slug}",
        "/admin/",
    ]
    for path in paths:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200
        assert not sideways(page), path


def test_the_menu_opens_on_a_phone_without_scripts(
    world: World, opened: Opened, live_server: Any
) -> None:
    page = opened(world.engineer, java_script_enabled=False, **PHONE)
    expect(page.get_by_role("link", name="Preview", exact=True)).to_be_hidden()
    page.get_by_role("link", name="Open the menu").click()
    page.get_by_role("link", name="Preview", exact=True).click()
    page.wait_for_url("**/preview/")


def test_the_colours_chosen_here_hold_in_the_admin_too(world: World, opened: Opened) -> None:
    world.admin.is_staff = True
    world.admin.save()
    page = opened(world.admin)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_class("dark")
    page.goto("/admin/")
    expect(page.locator("html")).to_have_class(re.compile("dark"))
