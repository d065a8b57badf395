"""The rotas' pages and My shifts, by who looks; and their buttons."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from directory.models import User
from notifications.models import PageOut
from rotations.models import Breach, Feed, Override, Rota, Shift, Swap, TimeOff
from rotations.services.horizon import redraw
from tests.incidents.factories import WEDNESDAY, World, make_world, page_outs
from tests.rotations.factories import make_method, make_override, make_rota, make_secondary

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def world() -> World:
    return make_world("payments")


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, path: str) -> str:
    answer = as_user(user).get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def bars(text: str) -> list[tuple[str, str, str]]:
    """(classes, x, width) of each bar."""
    found = re.findall(r'<svg class="bar ([^"]*)" x="([^"]*)" y="\d+" width="([^"]*)"', text)
    return [(kind, x, width) for kind, x, width in found]


def breach(world: World, said: str, **fields: Any) -> Breach:
    defaults: dict[str, Any] = {
        "team": world.team, "key": said, "kind": "gap", "clause": "C6", "blocking": True, "said": said,
        "starts_at": WEDNESDAY + DAY, "ends_at": WEDNESDAY + 2 * DAY, "found_at": WEDNESDAY,
    }  # fmt: skip
    return Breach.objects.create(**defaults | fields)


@pytest.mark.clause("C4", "C5", "C9")
def test_four_weeks_of_every_rota_with_its_levels_stacked(world: World) -> None:
    text = page(world.secondary, "/rotations/")
    assert text.index(">Primary</text>") < text.index(">Secondary</text>")
    assert len(bars(text)) == 2 * 4
    assert "Primary, Mon 2 Mar 09:00 – Mon 9 Mar 09:00: by turn" in text
    assert "Secondary (you), Mon 9 Mar 09:00 – Mon 16 Mar 09:00: by turn" in text
    assert 'class="now"' in text


def test_the_weeks_are_chosen_by_links(world: World) -> None:
    text = page(world.engineer, "/rotations/?from=2026-03-25&weeks=2")
    assert "Mon 23 Mar 2026" in text
    assert 'href="?from=2026-03-09&amp;weeks=2"' in text
    assert 'href="?from=2026-04-06&amp;weeks=2"' in text
    assert 'class="now"' not in text
    for nonsense in ("from=x", "weeks=0", "weeks=99999", "from=0001-01-01", "from=2026-02-30"):
        assert as_user(world.engineer).get(f"/rotations/?{nonsense}").status_code == 200


@pytest.mark.clause("C167", "C168")
def test_overrides_are_hatched_and_say_who_made_them_and_why(world: World) -> None:
    made = make_override(world.rota, world.engineer, WEDNESDAY + DAY, WEDNESDAY + 2 * DAY)
    Override.objects.filter(pk=made.pk).update(created_by=world.manager, reason="Dentist <b>")
    text = page(world.primary, f"/rotations/{world.rota.slug}/")
    assert 'fill="url(#hatch)"' in text
    assert (
        "Engineer, Thu 5 Mar 10:00 – Fri 6 Mar 10:00: override by Manager, Dentist &lt;b&gt;"
        in text
    )


@pytest.mark.clause("C6")
def test_a_gap_is_red_and_named(world: World) -> None:
    Override.objects.create(
        rota=world.rota, user=None, starts_at=WEDNESDAY + DAY, ends_at=WEDNESDAY + 2 * DAY,
        created_at=WEDNESDAY,
    )  # fmt: skip
    text = page(world.primary, f"/rotations/{world.rota.slug}/")
    assert [kind for kind, _, _ in bars(text) if kind.startswith("gap")] == ["gap"]
    assert "Nobody, Thu 5 Mar 10:00 – Fri 6 Mar 10:00: nobody holds the primary" in text


@pytest.mark.parametrize(
    ("start", "hours", "nine"), [("2026-03-23", 167, 8 / 167), ("2026-10-19", 169, 9 / 169)]
)
def test_the_week_of_a_clock_change_is_drawn_as_long_as_it_is(
    start: str, hours: int, nine: float
) -> None:
    world = make_world("berlin", zone="Europe/Berlin")
    User.objects.update(zone="Europe/Berlin")
    world.engineer.refresh_from_db()
    text = page(world.engineer, f"/rotations/{world.rota.slug}/?from={start}&weeks=2")
    assert f"The clocks change: {hours} hours." in text
    # The change is on Sunday, so that Monday's nine o'clock is nine hours into the week, and the bar
    # goes on to the week's end.
    _, _, width = bars(text)[0]
    assert width == f"{9 / hours * 100:.2f}%"
    monday = bars(text.split("<h3>")[2])[0]
    assert monday[2] == f"{9 / 168 * 100:.2f}%"


def test_the_verdict_stands_on_top_blocking_first_and_waived_as_waived(world: World) -> None:
    breach(world, "Only to know.", blocking=False, kind="holiday", clause="")
    breach(world, "Let be.", waived_by=world.manager, waived_at=WEDNESDAY, waived_reason="We know.")
    breach(
        world,
        "Nobody holds the primary.",
        starts_at=WEDNESDAY + 3 * DAY,
        ends_at=WEDNESDAY + 4 * DAY,
    )
    breach(world, "Mended.", gone_at=WEDNESDAY)
    breach(world, "Over.", starts_at=WEDNESDAY - 2 * DAY, ends_at=WEDNESDAY - DAY)
    text = page(world.engineer, f"/rotations/{world.rota.slug}/")
    assert "1 breach of the procedure" in text
    places = [
        text.index(said) for said in ("Nobody holds the primary.", "Let be.", "Only to know.")
    ]
    assert places == sorted(places)
    assert 'href="/procedure/clauses/#C6"' in text
    assert "Manager let it stand: We know." in text
    assert "Mended." not in text
    assert "Over." not in text


def test_a_roster_that_holds_says_so(world: World) -> None:
    assert "holds: nothing is wrong" in page(world.engineer, f"/rotations/{world.rota.slug}/")


def test_the_page_says_the_plan_the_people_and_who_is_next(world: World) -> None:
    text = page(world.engineer, f"/rotations/{world.rota.slug}/")
    assert "Every week from Monday 09:00 UTC." in text
    order = text[text.index('id="plan"') :]
    assert (
        order.index("Primary</li>") < order.index("Secondary</li>") < order.index("Engineer (you)")
    )
    second = page(world.engineer, "/rotations/payments-secondary/")
    assert "Follows Primary, the next person in order." in second


def test_an_empty_page_says_how_to_begin(world: World) -> None:
    stranger = make_world("other").engineer
    Rota.objects.update(active=False)
    assert "No rota yet." in page(stranger, "/rotations/")
    empty = make_rota(world.team, (), slug="empty")
    text = page(world.engineer, f"/rotations/{empty.slug}/")
    assert "Nobody is planned." in text
    assert "Nobody is in its order." in text


def test_who_sees_which_rota(world: World) -> None:
    other = make_world("elsewhere")
    User.objects.filter(pk=other.primary.pk).get().groups.clear()
    outsider = User.objects.get(pk=other.primary.pk)
    assert as_user(outsider).get(f"/rotations/{world.rota.slug}/").status_code == 404
    assert "payments" not in page(outsider, "/rotations/").lower()
    for path in (
        "/rotations/nothing/",
        "/rotations/nothing/take-over/",
        "/rotations/nothing/override/",
    ):
        assert as_user(world.engineer).get(path).status_code == 404
    assert Client().get("/rotations/").status_code == 302
    assert Client().get("/shifts/").status_code == 302


def test_who_has_a_place_in_a_rota_of_a_foreign_team_sees_the_rota_and_not_its_breaches(
    world: World,
) -> None:
    guest = make_world("elsewhere").primary
    guest.groups.clear()
    guest = User.objects.get(pk=guest.pk)
    rota = make_rota(world.team, [guest], slug="guests")
    breach(world, "Cat has no way to be reached.")
    text = page(guest, f"/rotations/{rota.slug}/")
    assert "Cat has no way" not in text
    assert "payments-secondary" not in text


def test_a_page_costs_as_many_queries_with_one_team_as_with_thirty_and_stays_light(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_user(world.engineer)
    client.get("/rotations/")
    with django_assert_max_num_queries(30) as few:
        client.get("/rotations/")
    cost = len(few.captured_queries)
    for number in range(24):
        team = make_world(f"abacus-{number:02}").team
        breach(world, f"Something {number}", team=team)
    client.get("/rotations/")  # what is kept while it stands is read
    with django_assert_max_num_queries(cost):
        answer = client.get("/rotations/")
    assert answer.content.decode().count('<h2 id="team-') == 25
    assert len(answer.content) < 150_000


def test_many_teams_come_a_page_at_a_time_and_each_once(world: World) -> None:
    for number in range(30):
        rota = make_rota(
            make_world(f"abacus-{number:02}").team, [world.primary], slug=f"x-{number}"
        )
        make_secondary(rota)
    client, path, seen = as_user(world.engineer), "/rotations/", []
    for _ in range(5):
        text = client.get(path).content.decode()
        assert len(text) < 150_000
        seen += re.findall(r'<h2 id="team-([^"]*)"', text)
        more = re.search(r'href="([^"]*)">More teams', text)
        if not more:
            break
        path = "/rotations/" + more[1].replace("&amp;", "&")
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 31


def test_a_rota_of_short_shifts_makes_no_heavy_page(world: World) -> None:
    make_rota(world.team, [world.primary, world.secondary], unit="hour", length=1, slug="hourly")
    for path in ("/rotations/", "/rotations/hourly/", "/rotations/hourly/?weeks=8"):
        answer = as_user(world.engineer).get(path)
        assert len(answer.content) < 150_000
        assert "Only the first 170 shifts of each rota are shown" in answer.content.decode()


@pytest.mark.clause("C22")
def test_taking_over_says_whose_pager_it_is_before_it_is_pressed(world: World) -> None:
    client, path = as_user(world.engineer), f"/rotations/{world.rota.slug}/take-over/"
    asked = client.get(path).content.decode()
    assert "<strong>Primary</strong> holds it until" in asked
    assert not Override.objects.exists()
    assert client.post(path)["Location"] == f"/rotations/{world.rota.slug}/"
    made = Override.objects.get(rota=world.rota)
    assert (made.user, made.starts_at, made.ends_at) == (
        world.engineer,
        WEDNESDAY,
        datetime(2026, 3, 9, 9, tzinfo=UTC),
    )
    assert "You hold it already" in client.get(path).content.decode()
    client.post(path)
    assert Override.objects.filter(rota=world.rota).count() == 1


def test_an_outsider_of_the_team_sees_no_button_and_opens_no_door(world: World) -> None:
    outsider = make_world("elsewhere").engineer
    client, path = as_user(outsider), f"/rotations/{world.rota.slug}/"
    text = client.get(path).content.decode()
    for door in ("take-over/", "override/"):
        assert f"{path}{door}" not in text
        assert client.get(f"{path}{door}").status_code == 403
        assert client.post(f"{path}{door}").status_code == 403
    assert not Override.objects.exists()


def test_a_manager_puts_somebody_on_for_a_while_in_their_own_zone(world: World) -> None:
    User.objects.filter(pk=world.manager.pk).update(zone="Europe/Berlin")
    typed = {
        "user": world.engineer.pk, "starts_at": "2026-03-05T09:00", "ends_at": "2026-03-05T18:00",
        "reason": "Dentist",
    }  # fmt: skip
    answer = as_user(world.manager).post(f"/rotations/{world.rota.slug}/override/", typed)
    assert answer.status_code == 302
    made = Override.objects.get()
    assert (made.user, made.starts_at, made.ends_at, made.reason, made.created_by) == (
        world.engineer,
        datetime(2026, 3, 5, 8, tzinfo=UTC),
        datetime(2026, 3, 5, 17, tzinfo=UTC),
        "Dentist",
        world.manager,
    )


def test_a_manager_plans_several_days_at_once_all_or_none(world: World) -> None:
    client, path = as_user(world.manager), f"/rotations/{world.rota.slug}/days/"
    assert as_user(world.engineer).get(path).status_code == 403
    assert client.get(path).status_code == 200
    assert "Fill in a row at least." in client.post(path, {}).content.decode()
    first = {
        "user_1": world.engineer.pk,
        "starts_at_1": "2026-03-12T09:00",
        "ends_at_1": "2026-03-13T09:00",
    }
    half = client.post(path, {**first, "user_2": "nobody"})
    assert half.status_code == 409
    assert half.content.decode().count("Fill in the whole row, or leave it empty.") == 2
    vacant = {
        "user_2": "nobody",
        "starts_at_2": "2026-03-13T09:00",
        "ends_at_2": "2026-03-14T09:00",
    }
    refused = client.post(path, {**first, **vacant, "reason": "Holidays"})
    assert refused.status_code == 409
    assert "The roster would break" in refused.content.decode()
    assert not Override.objects.exists()
    waived = {**first, **vacant, "reason": "Holidays", "waiver_reason": "Shut"}
    assert client.post(path, waived).status_code == 302
    made = Override.objects.order_by("starts_at").values_list("user__name", "reason")
    assert list(made) == [(world.engineer.name, "Holidays"), (None, "Holidays")]


def test_what_is_refused_says_why_and_keeps_what_was_typed(world: World) -> None:
    typed = {
        "user": world.engineer.pk, "starts_at": "2026-03-06T09:00", "ends_at": "2026-03-05T18:00",
        "reason": "Dentist <i>",
    }  # fmt: skip
    answer = as_user(world.manager).post(f"/rotations/{world.rota.slug}/override/", typed)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "An override must end after it starts." in text
    assert 'value="2026-03-06T09:00"' in text
    assert "Dentist &lt;i&gt;" in text
    empty = as_user(world.manager).post(f"/rotations/{world.rota.slug}/override/", {})
    assert empty.status_code == 409
    assert 'aria-invalid="true"' in empty.content.decode()


def test_a_vacancy_is_chosen_never_fallen_into_and_needs_a_reason(world: World) -> None:
    client, path = as_user(world.manager), f"/rotations/{world.rota.slug}/override/"
    when = {"starts_at": "2026-03-05T09:00", "ends_at": "2026-03-05T18:00"}
    assert client.post(path, {**when, "user": "", "reason": "Holiday"}).status_code == 409
    assert client.post(path, {**when, "user": "x"}).status_code == 409
    refused = client.post(path, {**when, "user": "nobody"})
    assert "Say why nobody holds the rota then." in refused.content.decode()
    gap = client.post(path, {**when, "user": "nobody", "reason": "Holiday"})
    assert gap.status_code == 409
    assert 'href="/procedure/clauses/#C6"' in gap.content.decode()
    assert not Override.objects.exists()
    waived = {**when, "user": "nobody", "reason": "Holiday", "waiver_reason": "The shop is shut"}
    assert client.post(path, waived).status_code == 302
    assert Override.objects.get().user is None
    text = client.get(f"/rotations/{world.rota.slug}/").content.decode()
    assert "Manager let it stand: The shop is shut" in text


def test_an_engineer_takes_a_part_for_themselves_only_and_takes_it_back(world: World) -> None:
    client = as_user(world.engineer)
    typed = {
        "user": world.primary.pk, "starts_at": "2026-03-05T09:00", "ends_at": "2026-03-05T18:00",
        "waiver_reason": "Because",
    }  # fmt: skip
    client.post(f"/rotations/{world.rota.slug}/override/", typed)
    made = Override.objects.get()
    assert made.user == world.engineer
    back = f"/rotations/{world.rota.slug}/override/{made.pk}/remove/"
    assert back in client.get(f"/rotations/{world.rota.slug}/").content.decode()
    assert as_user(world.secondary).post(back).status_code == 403
    assert client.get(back).status_code == 405
    assert client.post(back).status_code == 302
    assert not Override.objects.exists()


def test_my_shifts_shows_mine_and_nobody_elses(world: World) -> None:
    text = page(world.secondary, "/shifts/")
    shown = text[text.index('id="mine"') : text.index('id="off"')]
    assert shown.index("Payments, Secondary") < shown.index("Payments, Primary")
    assert "Mon 9 Mar 09:00" in shown
    assert "Nothing in the next half year." in page(world.vp, "/shifts/")


def test_my_shifts_costs_the_same_with_one_rota_and_with_ten(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_user(world.engineer)
    client.get("/shifts/")
    with django_assert_max_num_queries(30) as few:
        client.get("/shifts/")
    cost = len(few.captured_queries)
    for number in range(10):
        rota = make_rota(make_world(f"abacus-{number}").team, [world.engineer], slug=f"x-{number}")
        make_override(rota, world.engineer, WEDNESDAY, WEDNESDAY + DAY)
    client.get("/shifts/")
    with django_assert_max_num_queries(cost + 1):  # who made the overrides
        assert len(client.get("/shifts/").content) < 150_000


def test_time_off_is_written_down_and_taken_back(world: World) -> None:
    client = as_user(world.engineer)
    typed = {"starts_at": "2026-03-05T00:00", "ends_at": "2026-03-06T00:00", "reason": "Moving"}
    assert client.post("/shifts/time-off/", typed)["Location"] == "/shifts/"
    made = TimeOff.objects.get()
    assert (made.user, made.reason, made.created_by) == (world.engineer, "Moving", world.engineer)
    assert "Moving" in client.get("/shifts/").content.decode()
    path = f"/shifts/time-off/{made.pk}/remove/"
    assert as_user(world.primary).post(path).status_code == 404
    client.post(path)
    assert not TimeOff.objects.exists()


def test_a_manager_writes_down_time_off_of_their_people_only(world: World) -> None:
    typed = {"starts_at": "2026-03-05T00:00", "ends_at": "2026-03-06T00:00"}
    client = as_user(world.manager)
    outsider = make_world("elsewhere").engineer
    assert client.post("/shifts/time-off/", {**typed, "user": outsider.pk}).status_code == 409
    assert client.post("/shifts/time-off/", {**typed, "user": world.engineer.pk}).status_code == 302
    assert TimeOff.objects.get().user == world.engineer
    as_user(world.primary).post("/shifts/time-off/", {**typed, "user": world.engineer.pk})
    assert not TimeOff.objects.filter(user=world.engineer, created_by=world.primary).exists()


def test_a_calendars_address_is_shown_once_and_can_be_revoked(world: World) -> None:
    client = as_user(world.engineer)
    made = client.post("/shifts/new-feed/").content.decode()
    match = re.search(r'value="(http[^"]*/shifts\.ics\?token=[^"]+)"', made)
    assert match
    path = "/shifts.ics" + match[1].split("/shifts.ics")[1]
    assert Client().get(path).status_code == 200
    listed = client.get("/shifts/").content.decode()
    feed = Feed.objects.get()
    assert feed.prefix in listed
    assert match[1] not in listed
    revoke = f"/shifts/feeds/{feed.pk}/revoke/"
    assert as_user(world.primary).post(revoke).status_code == 404
    assert client.get(revoke).status_code == 405
    client.post(revoke)
    assert Client().get(path).status_code == 404
    assert feed.prefix not in client.get("/shifts/").content.decode()


def test_a_rotas_calendar_is_made_by_who_sees_the_rota(world: World) -> None:
    made = as_user(world.engineer).post(f"/rotations/{world.rota.slug}/new-feed/").content.decode()
    assert f"/rotations/{world.rota.slug}.ics?token=wbf_" in made
    guest = make_world("elsewhere").primary
    guest.groups.clear()
    guest = User.objects.get(pk=guest.pk)
    assert as_user(guest).post(f"/rotations/{world.rota.slug}/new-feed/").status_code == 404


def test_what_was_is_shown_from_the_record(world: World) -> None:
    Shift.objects.create(
        rota=world.rota, team=world.team, level="primary", user=world.vp, why="rota", frozen=True,
        starts_at=WEDNESDAY - 9 * DAY, ends_at=WEDNESDAY - 2 * DAY,
    )  # fmt: skip
    redraw(world.team.pk, now=WEDNESDAY)
    text = page(world.engineer, f"/rotations/{world.rota.slug}/?from={date(2026, 2, 23)}")
    assert "Vp, Mon 23 Feb 10:00 – Mon 2 Mar 10:00: by turn" in text


def test_fairness_shows_hours_beside_the_fair_share(world: World) -> None:
    text = page(
        world.engineer, f"/rotations/{world.rota.slug}/fairness/?first=2026-03-02&last=2026-03-15"
    )
    rows = re.findall(r'<th scope="row">(.*?)</tr>', text, re.S)
    figures = [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)][1:3]
        for row in rows
    ]
    assert [row.split("<")[0] for row in rows] == ["Primary", "Secondary", "Engineer (you)"]
    assert figures == [["168", "56"], ["159", "50"], ["0", "0"]]


def test_fairness_counts_the_pages_of_who_held_the_rota(world: World) -> None:
    incident = world.declare("P1")
    called = next(one for one in page_outs(incident) if one.user == world.primary)
    PageOut.objects.filter(pk=called.pk).update(sent_at=WEDNESDAY)
    path = f"/rotations/{world.rota.slug}/fairness/"
    assert 'data-label="Pages" class="num">1<' in page(world.engineer, path)
    second = page(world.engineer, "/rotations/payments-secondary/fairness/")
    assert 'data-label="Pages" class="num">1<' not in second


def test_hours_for_payroll_are_local_days_of_who_held_it(world: World) -> None:
    path = f"/rotations/{world.rota.slug}/hours.csv?first=2026-03-01&last=2026-03-09"
    answer = as_user(world.manager).get(path)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert (
        'filename="hours-payments-primary-2026-03-01-2026-03-09.csv"'
        in answer["Content-Disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["day"], row["person"], row["hours"]) for row in rows] == [
        ("2026-03-02", "Primary", "15.00"),
        *[(f"2026-03-0{day}", "Primary", "24.00") for day in range(3, 9)],
        ("2026-03-09", "Primary", "9.00"),
        ("2026-03-09", "Secondary", "15.00"),
    ]
    sunday = next(row for row in rows if row["day"] == "2026-03-08")
    assert (sunday["night_hours"], sunday["weekend_hours"], sunday["holiday_hours"]) == (
        "8.00",
        "24.00",
        "0.00",
    )


def test_the_day_of_a_clock_change_has_its_own_hours() -> None:
    world = make_world("berlin", zone="Europe/Berlin")
    path = f"/rotations/{world.rota.slug}/hours.csv?first=2026-03-29&last=2026-03-29"
    [row] = csv.DictReader(io.StringIO(as_user(world.admin).get(path).content.decode()))
    assert (row["hours"], row["night_hours"]) == ("23.00", "7.00")


def test_hours_are_for_the_manager_and_admins_only(world: World) -> None:
    path = f"/rotations/{world.rota.slug}/hours.csv"
    other = make_world("elsewhere")
    for reader in (world.engineer, other.manager):
        assert as_user(reader).get(path).status_code == 403
        assert "hours.csv" not in page(reader, f"/rotations/{world.rota.slug}/fairness/")
    for reader in (world.manager, world.admin):
        assert as_user(reader).get(path).status_code == 200
        assert "hours.csv" in page(reader, f"/rotations/{world.rota.slug}/fairness/")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_name_becomes_a_formula_in_a_spreadsheet(world: World, start: str) -> None:
    User.objects.filter(pk=world.primary.pk).update(name=f"{start}HYPERLINK(1)")
    path = f"/rotations/{world.rota.slug}/hours.csv?first=2026-03-02&last=2026-03-02"
    text = as_user(world.manager).get(path).content.decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["person"] == f"'{start}HYPERLINK(1)"


def test_a_period_that_makes_no_sense_is_read_as_the_usual_one(world: World) -> None:
    path = f"/rotations/{world.rota.slug}/fairness/"
    for nonsense in (
        "first=x&last=y",
        "first=2026-05-01&last=2026-01-01",
        "first=2015-01-05",
        "last=9999-12-31",
    ):
        assert as_user(world.engineer).get(f"{path}?{nonsense}").status_code == 200


@pytest.fixture
def reachable(world: World) -> World:
    """A team in which everybody who is asked can be paged, so that the proof has nothing against them."""
    for person in (world.primary, world.secondary, world.engineer):
        make_method(person)
    return world


def ask(client: Client, rota: Rota, **typed: Any) -> Any:
    """Asks for the first of the stretches offered."""
    offered = client.get(f"/rotations/{rota.slug}/swap/").content.decode()
    path = re.search(rf'href="(/rotations/{rota.slug}/swap/[^"]+)"', offered)
    assert path
    return client.post(path[1], typed)


@pytest.mark.clause("C167")
def test_a_swap_is_asked_accepted_and_taken_back_on_the_pages(reachable: World) -> None:
    world = reachable
    giver, colleague = as_user(world.secondary), as_user(world.engineer)
    asked = ask(giver, world.rota, colleague=world.engineer.pk, note="Wedding")
    assert asked["Location"] == "/shifts/"
    swap = Swap.objects.get()
    assert (swap.giver, swap.colleague, swap.starts_at) == (
        world.secondary,
        world.engineer,
        datetime(2026, 3, 9, 9, tzinfo=UTC),
    )
    assert "Withdraw" in giver.get("/shifts/").content.decode()
    mine = colleague.get("/shifts/").content.decode()
    assert "“Wedding”" in mine
    assert f"/shifts/swaps/{swap.pk}/accept/" in mine
    assert as_user(world.vp).post(f"/shifts/swaps/{swap.pk}/accept/").status_code in (403, 404)
    colleague.post(f"/shifts/swaps/{swap.pk}/accept/")
    assert Override.objects.get().user == world.engineer
    text = colleague.get(f"/rotations/{world.rota.slug}/").content.decode()
    assert "Engineer (you), Mon 9 Mar 09:00 – Mon 16 Mar 09:00: swap by Engineer" in text
    giver.post(f"/shifts/swaps/{swap.pk}/undo/")
    assert not Override.objects.exists()
    assert "None.</strong>What colleagues ask" in giver.get("/shifts/").content.decode()


def test_whom_to_ask_is_said_with_why_the_freest_first(reachable: World) -> None:
    client = as_user(reachable.secondary)
    offered = client.get(f"/rotations/{reachable.rota.slug}/swap/").content.decode()
    path = re.search(rf'href="(/rotations/{reachable.rota.slug}/swap/[^"]+)"', offered)
    assert path
    text = client.get(path[1]).content.decode()
    people = re.findall(r"<span>(\w+) (is [^<]*)</span>", text)
    assert people[0][0] == "Primary"
    assert people[0][1].startswith("is free then")
    assert ("Engineer", "is secondary on call then") in people


def test_a_colleague_declines_with_a_reason(reachable: World) -> None:
    world = reachable
    ask(as_user(world.secondary), world.rota, colleague=world.engineer.pk)
    swap = Swap.objects.get()
    client = as_user(world.engineer)
    refused = client.post(f"/shifts/swaps/{swap.pk}/decline/", follow=True).content.decode()
    assert "Not done: Say why, in a few words." in refused
    client.post(f"/shifts/swaps/{swap.pk}/decline/", {"reason": "Away"})
    swap.refresh_from_db()
    assert (swap.state, swap.answer) == ("declined", "Away")


def test_a_manager_asks_for_anybody_and_others_for_themselves_only(reachable: World) -> None:
    world = reachable
    mine = as_user(world.engineer).get(f"/rotations/{world.rota.slug}/swap/").content.decode()
    all_of_them = as_user(world.manager).get(f"/rotations/{world.rota.slug}/swap/").content.decode()
    first = re.search(rf'href="(/rotations/{world.rota.slug}/swap/[^"]+)"', all_of_them)
    assert first
    assert first[1] not in mine
    assert as_user(world.engineer).get(first[1]).status_code == 404
    assert (
        as_user(world.engineer).post(first[1], {"colleague": world.engineer.pk}).status_code == 404
    )
    assert as_user(world.manager).get(first[1]).status_code == 200
    outsider = make_world("elsewhere").engineer
    assert as_user(outsider).get(f"/rotations/{world.rota.slug}/swap/").status_code == 403
    for nonsense in ("x", "1-2-3", "9" * 300):
        path = f"/rotations/{world.rota.slug}/swap/{nonsense}/"
        assert as_user(world.manager).get(path).status_code == 404


def test_a_swap_that_cannot_be_is_refused_and_what_was_typed_kept(reachable: World) -> None:
    answer = ask(
        as_user(reachable.secondary), reachable.rota, colleague=reachable.engineer.pk,
        starts_at="2026-03-11T09:00", ends_at="2026-03-10T09:00", note="Kept <b>",
    )  # fmt: skip
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "must end after it starts" in text
    assert "Kept &lt;b&gt;" in text
    nobody = ask(as_user(reachable.secondary), reachable.rota, colleague="")
    assert nobody.status_code == 409
    assert not Swap.objects.exists()


def test_my_shifts_says_what_i_carried(world: World) -> None:
    text = page(world.primary, "/shifts/")
    assert "49 hours" in text[text.index('id="carried"') : text.index('id="off"')]
