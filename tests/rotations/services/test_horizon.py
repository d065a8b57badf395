"""The shifts in the database: drawn from the rules, frozen once over, split where a change cuts one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from deadlines.extension import PORTAL
from directory.models import Team, User
from rotations.enums import Level, PlanState
from rotations.models import Override, Plan, RosterRules, Rota, Shift
from rotations.queries import held_at, held_between, shifts_of
from rotations.services.changing import changing
from rotations.services.horizon import Moved, Stretch, redraw
from rotations.services.overrides import add_override
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota, make_secondary
from tests.rotations.reach import make_reachable

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
BEGAN = datetime(2026, 1, 12, 9, tzinfo=UTC)
ENDS = datetime(2026, 1, 19, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    found = [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]
    make_reachable(*found)
    return found


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew)


def rows(rota: Rota) -> list[tuple[int, datetime, datetime, bool]]:
    return list(
        Shift.objects.filter(rota=rota)
        .order_by("starts_at")
        .values_list("user_id", "starts_at", "ends_at", "frozen")
    )


def assert_as_the_rules_say(rota: Rota, now: datetime, until: datetime) -> None:
    wanted = [
        (held.user_id, max(held.starts_at, now), held.ends_at, held.why)
        for held in shifts_of(Rota.objects.filter(pk=rota.pk), start=now, end=until)
    ]
    drawn = [
        (shift.user_id, max(shift.starts_at, now), shift.ends_at, shift.why)
        for shift in Shift.objects.filter(rota=rota, ends_at__gt=now, starts_at__lt=until)
    ]
    assert drawn == wanted


class TestDrawing:
    @pytest.mark.clause("C5", "C7")
    def test_shifts_are_drawn_to_the_horizon_from_boundary_to_boundary(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        assert redraw(team.pk, now=NOW) == []
        drawn = rows(primary)
        assert drawn[0] == (crew[1].pk, BEGAN, ENDS, False)
        assert [row[1] for row in drawn] == [BEGAN + WEEK * n for n in range(len(drawn))]
        assert drawn[-1][2] >= NOW + WEEK * 26 > drawn[-1][1]

    def test_drawing_again_changes_nothing(self, team: Team, primary: Rota) -> None:
        redraw(team.pk, now=NOW)
        before = list(Shift.objects.values_list("pk", "uid", "sequence"))
        assert redraw(team.pk, now=NOW + HOUR) == []
        assert list(Shift.objects.values_list("pk", "uid", "sequence")) == before

    def test_what_is_over_is_frozen_and_the_horizon_rolls_on_without_anybody_moved(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        RosterRules.objects.filter(team=team).update(horizon_weeks=4)
        hourly = make_rota(team, crew[:2], unit="hour", level=Level.SHADOW)
        redraw(team.pk, now=NOW)
        assert redraw(team.pk, now=ENDS + HOUR) == []
        assert [frozen for *_, frozen in rows(primary)[:2]] == [True, False]
        for rota in (primary, hourly):
            assert_as_the_rules_say(rota, ENDS + HOUR, ENDS + HOUR + WEEK * 4)

    @pytest.mark.clause("C5", "C7")
    @pytest.mark.parametrize(
        ("zone", "change", "hours"),
        [
            ("Europe/Berlin", date(2026, 3, 29), 167),
            ("Europe/Berlin", date(2026, 10, 25), 169),
            ("America/New_York", date(2026, 3, 8), 167),
            ("America/New_York", date(2026, 11, 1), 169),
        ],
    )
    def test_the_week_of_a_clock_change_is_drawn_with_its_true_length(
        self, team: Team, crew: list[User], zone: str, change: date, hours: int
    ) -> None:
        rota = make_rota(team, crew, zone=zone)
        redraw(team.pk, now=datetime.combine(change - timedelta(days=10), NOW.timetz()))
        drawn = Shift.objects.filter(rota=rota)
        lengths = {shift.ends_at - shift.starts_at for shift in drawn}
        assert timedelta(hours=hours) in lengths
        assert lengths <= {timedelta(hours=hour) for hour in (167, 168, 169)}
        [changed] = [s for s in drawn if s.starts_at.date() < change <= s.ends_at.date()]
        assert changed.ends_at - changed.starts_at == timedelta(hours=hours)
        local = {(s.starts_at.astimezone(ZoneInfo(zone))) for s in drawn}
        assert {(at.weekday(), at.hour, at.minute) for at in local} == {(0, 9, 0)}

    def test_an_inactive_person_keeps_the_shift_they_are_in(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        User.objects.filter(pk=crew[1].pk).update(is_active=False)
        redraw(team.pk, now=NOW + HOUR)
        assert rows(primary)[0] == (crew[1].pk, BEGAN, ENDS, False)

    def test_a_vacant_stretch_is_nobodys(self, team: Team, primary: Rota) -> None:
        Override.objects.create(
            rota=primary, user=None, starts_at=NOW + HOUR, ends_at=NOW + HOUR * 2, created_at=NOW
        )
        redraw(team.pk, now=NOW)
        assert not Shift.objects.filter(starts_at__lte=NOW + HOUR, ends_at__gt=NOW + HOUR).exists()


class TestChanging:
    def test_a_running_shift_is_split_at_now(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        uid = Shift.objects.get(rota=primary, starts_at=BEGAN).uid
        make_override(primary, crew[0], NOW + HOUR, ENDS)
        redraw(team.pk, now=NOW + HOUR)
        assert rows(primary)[:3] == [
            (crew[1].pk, BEGAN, NOW + HOUR, True),
            (crew[0].pk, NOW + HOUR, ENDS, False),
            (crew[2].pk, ENDS, ENDS + WEEK, False),
        ]
        ended = Shift.objects.get(rota=primary, starts_at=BEGAN)
        assert (ended.uid, ended.sequence) == (uid, 1)

    def test_one_that_ends_elsewhere_is_the_same_event_in_its_next_version(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        known = Shift.objects.get(rota=primary, starts_at=ENDS)
        make_override(primary, crew[0], ENDS + HOUR * 24, ENDS + WEEK)
        redraw(team.pk, now=NOW)
        again = Shift.objects.get(rota=primary, starts_at=ENDS)
        assert (again.pk, again.uid, again.sequence) == (known.pk, known.uid, 1)

    def test_one_that_begins_elsewhere_is_the_same_event_in_its_next_version(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        known = Shift.objects.get(rota=primary, starts_at=ENDS)
        make_override(primary, crew[0], ENDS, ENDS + HOUR * 24)
        redraw(team.pk, now=NOW)
        again = Shift.objects.get(rota=primary, starts_at=ENDS + HOUR * 24)
        assert (again.uid, again.sequence, again.user_id) == (known.uid, 1, crew[2].pk)
        other = Shift.objects.get(rota=primary, starts_at=ENDS)
        assert other.uid != known.uid

    def test_it_says_whose_shifts_moved_and_nobody_else_s(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        with changing(team.pk, now=NOW) as first:
            pass
        assert first.moved == []
        with changing(team.pk, now=NOW) as outcome:
            make_override(primary, crew[0], ENDS, ENDS + HOUR * 24)
        day, whole = (ENDS, ENDS + HOUR * 24), (ENDS, ENDS + WEEK)
        assert outcome.moved == [
            Moved(crew[0].pk, (), (Stretch(primary.pk, *day),)),
            Moved(
                crew[2].pk,
                (Stretch(primary.pk, *whole),),
                (Stretch(primary.pk, day[1], whole[1]),),
            ),
        ]

    def test_a_new_rota_s_people_have_moved_and_those_of_one_retired_too(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        with changing(team.pk, now=NOW) as founded:
            dave = people.make_engineer(team, "Dave")
            shadow = make_rota(team, [dave], level=Level.SHADOW)
        assert [one.user_id for one in founded.moved] == [dave.pk]
        assert Shift.objects.filter(rota=shadow).exists()
        with changing(team.pk, now=NOW + HOUR) as retired:
            Rota.objects.filter(pk=shadow.pk).update(active=False)
        [one] = retired.moved
        assert (one.user_id, one.after) == (dave.pk, ())
        assert rows(shadow) == [(dave.pk, NOW, NOW + HOUR, True)]

    def test_another_host_s_clock_may_be_behind(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        make_override(primary, crew[0], NOW, ENDS)
        redraw(team.pk, now=NOW + HOUR)
        Override.objects.all().delete()
        redraw(team.pk, now=NOW + HOUR - timedelta(seconds=2))
        assert rows(primary)[0] == (crew[1].pk, BEGAN, NOW + HOUR, True)
        assert_as_the_rules_say(primary, NOW + HOUR, ENDS + WEEK)

    def test_a_secondary_that_becomes_primary_leaves_its_place_in_the_same_stroke(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        secondary = make_secondary(primary)
        redraw(team.pk, now=NOW)
        add_override(
            primary.pk, user_id=crew[2].pk, starts_at=NOW, ends_at=ENDS, now=NOW,
            actor=PORTAL,
        )  # fmt: skip
        redraw(team.pk, now=NOW)
        assert_as_the_rules_say(primary, NOW, ENDS + WEEK)
        assert_as_the_rules_say(secondary, NOW, ENDS + WEEK)
        assert rows(secondary)[0][:3] == (crew[2].pk, BEGAN, NOW)


class TestTheDatabase:
    def test_the_past_cannot_be_changed(self, team: Team, primary: Rota) -> None:
        redraw(team.pk, now=NOW)
        redraw(team.pk, now=ENDS)
        frozen = Shift.objects.filter(frozen=True)
        attempts: list[Callable[[], object]] = [
            lambda: frozen.update(ends_at=ENDS + HOUR),
            lambda: frozen.update(frozen=False),
            frozen.delete,
        ]
        for attempt in attempts:
            with pytest.raises(DatabaseError, match="frozen_shift_stays"), transaction.atomic():
                attempt()

    def test_nobody_shares_a_slot_and_nobody_is_their_own_backup(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        secondary = make_secondary(primary)
        redraw(team.pk, now=NOW)
        values = {"team": team, "starts_at": NOW, "ends_at": NOW + HOUR, "why": "rota"}
        for rota, person in ((primary, crew[0]), (secondary, crew[1])):
            Shift.objects.filter(rota=secondary).delete() if rota == secondary else None
            with pytest.raises(IntegrityError), transaction.atomic():
                Shift.objects.create(rota=rota, level=rota.level, user=person, **values)


class TestTheRecord:
    def test_the_past_is_as_it_was_whatever_the_rules_say_now(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        redraw(team.pk, now=ENDS + HOUR)
        plan = primary.plans.get()
        plan.members.filter(user=crew[1]).delete()
        rotas = Rota.objects.filter(pk=primary.pk)
        now = ENDS + HOUR
        assert [one.user_id for one in held_at(rotas, at=NOW, now=now)] == [crew[1].pk]
        assert [one.user_id for one in held_between(rotas, start=NOW, end=ENDS, now=now)] == [
            crew[1].pk
        ]
        Rota.objects.update(active=False)
        assert [one.user_id for one in held_at(rotas, at=NOW, now=now)] == [crew[1].pk]
        assert held_at(rotas, at=now, now=now) == []

    def test_before_the_record_and_from_now_on_the_rules_answer(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        redraw(team.pk, now=NOW)
        rotas = Rota.objects.filter(pk=primary.pk)
        held = held_between(rotas, start=BEGAN - WEEK, end=ENDS + WEEK, now=NOW)
        assert held == shifts_of(rotas, start=BEGAN - WEEK, end=ENDS + WEEK)
        assert [one.user_id for one in held] == [person.pk for person in crew]
        for at in (BEGAN - HOUR, NOW - HOUR, NOW, NOW + WEEK):
            assert held_at(rotas, at=at, now=NOW) == [
                one for one in held if one.starts_at <= at < one.ends_at
            ]


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_come_one_after_the_other() -> None:
    """Two real connections that change one team: each finds the other's rows, and no two people share a slot."""
    team = people.make_team()
    crew = [people.make_engineer(team) for _ in range(3)]
    make_reachable(*crew)
    primary = make_rota(team, crew)
    make_secondary(primary)
    redraw(team.pk, now=NOW)
    start = Barrier(2)

    def change(person: User) -> None:
        try:
            start.wait(10)
            with changing(team.pk, now=NOW):
                make_override(primary, person, NOW, ENDS)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(change, [crew[0], crew[2]]))
    assert Override.objects.count() == 2
    for rota in Rota.objects.all():
        assert_as_the_rules_say(rota, NOW, ENDS + WEEK)


def test_a_plan_published_for_later_moves_only_what_comes_later(
    team: Team, primary: Rota, crew: list[User]
) -> None:
    redraw(team.pk, now=NOW)
    kept = list(Shift.objects.filter(starts_at__lt=ENDS + WEEK).values_list("pk", "sequence"))
    plan = primary.plans.get()
    later = Plan.objects.create(
        rota=primary, state=PlanState.PUBLISHED, starts_on=plan.starts_on, effective_at=ENDS + WEEK
    )
    for position, person in enumerate([crew[2], crew[1], crew[0]]):
        later.members.create(user=person, position=position)
    redraw(team.pk, now=NOW)
    assert (
        list(Shift.objects.filter(starts_at__lt=ENDS + WEEK).values_list("pk", "sequence")) == kept
    )
    assert_as_the_rules_say(primary, NOW, NOW + WEEK * 26)
