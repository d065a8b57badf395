"""Every change says whose it was, for each row that it writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pghistory.models import Events

from directory.models import Team, User
from directory.permissions import actor_of
from rotations import services
from rotations.models import Override, Rota, TimeOff
from rotations.services.horizon import redraw
from tests.directory import factories as people
from tests.rotations.factories import make_reachable, make_rota

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
MONDAY = datetime(2026, 1, 19, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [make_reachable(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def boss(team: Team) -> User:
    return people.make_manager(team, "Mia")


@pytest.fixture
def rota(team: Team, crew: list[User]) -> Rota:
    """Cleo's turn is the week from Monday on."""
    made = make_rota(team, crew, slug="primary")
    redraw(team.pk, now=NOW - HOUR)
    return made


def record_of(model: type[Any], pk: int) -> list[tuple[str, str]]:
    """What was done to the row, and by whom, in order."""
    of_row = Events.objects.references(model(pk=pk))  # type: ignore[no-untyped-call]
    events = of_row.filter(pgh_obj_model=model._meta.label)
    return [
        (event.pgh_label, (event.pgh_context or {}).get("actor", "nobody"))
        for event in events.order_by("pgh_id")
    ]


def test_an_override_is_its_makers_and_its_end_that_of_who_took_it_back(
    rota: Rota, crew: list[User], boss: User
) -> None:
    mine = services.add_override(
        rota.pk, user_id=crew[0].pk, starts_at=NOW, ends_at=MONDAY, actor=actor_of(crew[0]), now=NOW
    )
    services.remove_override(mine.pk, actor=actor_of(boss), now=NOW + HOUR)
    assert record_of(Override, mine.pk) == [("insert", "Ann"), ("update", "Mia")]


def test_a_take_over_is_of_who_took_over(rota: Rota, crew: list[User]) -> None:
    taken = services.take_over(rota.pk, actor=actor_of(crew[0]), now=NOW)
    assert taken is not None
    assert record_of(Override, taken.pk) == [("insert", "Ann")]


def test_time_off_too_of_who_is_in_no_rota(team: Team, rota: Rota, boss: User) -> None:
    dan = people.make_engineer(team, "Dan")
    off = services.add_time_off(dan.pk, starts_at=NOW, ends_at=MONDAY, actor=actor_of(dan), now=NOW)
    services.change_time_off(off.pk, ends_at=MONDAY + HOUR, actor=actor_of(boss), now=NOW)
    services.remove_time_off(off.pk, actor=actor_of(dan), now=NOW)
    assert record_of(TimeOff, off.pk) == [("insert", "Dan"), ("update", "Mia"), ("delete", "Dan")]


def test_each_step_of_a_swap(rota: Rota, crew: list[User], boss: User) -> None:
    ann, _, cleo = crew

    def ask() -> Any:
        return services.ask_swap(
            rota.pk, giver_id=cleo.pk, colleague_id=ann.pk, starts_at=MONDAY, ends_at=MONDAY + WEEK,
            actor=actor_of(cleo), now=NOW,
        )  # fmt: skip

    swap = ask()
    services.withdraw_swap(swap.pk, actor=actor_of(cleo), now=NOW)
    assert record_of(type(swap), swap.pk) == [("insert", "Cleo"), ("update", "Cleo")]
    swap = ask()
    services.decline_swap(swap.pk, reason="Ill", actor=actor_of(ann), now=NOW)
    assert record_of(type(swap), swap.pk) == [("insert", "Cleo"), ("update", "Ann")]
    swap = ask()
    services.accept_swap(swap.pk, actor=actor_of(ann), now=NOW)
    [made] = Override.objects.all()
    services.undo_swap(swap.pk, actor=actor_of(boss), now=NOW)
    assert record_of(type(swap), swap.pk) == [
        ("insert", "Cleo"),
        ("update", "Ann"),
        ("update", "Mia"),
    ]
    assert record_of(Override, made.pk) == [("insert", "Ann"), ("delete", "Mia")]
