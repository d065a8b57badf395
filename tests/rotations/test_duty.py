"""What stands against planned work in a slot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from directory.models import Team, User
from rotations.models import Rota
from rotations.queries import roster
from rotations.queries.duty import duty_of, handoffs_within
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota, make_secondary

pytestmark = pytest.mark.django_db
HANDOFF = datetime(2026, 1, 12, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [people.make_engineer(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    """Ben's week begins at HANDOFF; Cleo is his secondary."""
    rota = make_rota(team, crew)
    make_secondary(rota)
    return rota


@pytest.mark.clause("X4", "C230")
def test_who_is_primary_or_secondary_in_a_slot_is_on_duty_in_it(
    team: Team, crew: list[User], primary: Rota
) -> None:
    slot = {"start": HANDOFF + DAY, "end": HANDOFF + DAY + 4 * HOUR}
    ann, ben, cleo = crew
    assert [one.level for one in duty_of(ben.pk, team.pk, **slot)] == ["primary"]
    assert [one.level for one in duty_of(cleo.pk, team.pk, **slot)] == ["secondary"]
    assert duty_of(ann.pk, team.pk, **slot) == []
    make_override(primary, ann, slot["end"] - HOUR, slot["end"])
    assert [one.why for one in duty_of(ann.pk, team.pk, **slot)] == ["override"]
    assert duty_of(ann.pk, people.make_team().pk, **slot) == []


@pytest.mark.clause("X4", "C230")
def test_a_handoff_lies_in_a_slot_that_goes_over_it_and_not_in_one_that_touches_it(
    team: Team, primary: Rota
) -> None:
    def within(start: datetime, end: datetime) -> list[datetime]:
        return handoffs_within(team.pk, start=start, end=end)

    assert within(HANDOFF - HOUR, HANDOFF + HOUR) == [HANDOFF]
    assert within(HANDOFF, HANDOFF + HOUR) == []
    assert within(HANDOFF - HOUR, HANDOFF) == []


@pytest.mark.clause("X11")
def test_the_incoming_engineer_is_on_call_from_the_very_instant_of_the_handoff(
    team: Team, crew: list[User], primary: Rota
) -> None:
    """The meeting begins then; nobody waits for it to be over. Until it, it is the outgoing one."""
    ann, ben, _ = crew
    before = roster(team.pk, at=HANDOFF - timedelta(microseconds=1))
    after = roster(team.pk, at=HANDOFF)
    assert (before.holder("primary"), after.holder("primary")) == (ann.pk, ben.pk)
    assert (before.holder("secondary"), after.holder("secondary")) == (ben.pk, crew[2].pk)
