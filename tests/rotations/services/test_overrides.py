"""Taking over and overriding: the rows, the record, who may, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction

from deadlines.extension import PORTAL, Actor
from directory.models import Team, User
from directory.permissions import actor_of
from rotations import services
from rotations.models import Override, Plan, Rota
from rotations.queries import who_is_on_call
from rotations.services import RotaRefused
from tests.directory import factories as people
from tests.rotations.factories import make_override, make_rota, make_secondary

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
SHIFT_ENDS = datetime(2026, 1, 19, 9, tzinfo=UTC)
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
    return make_rota(team, crew)


def holders(at: datetime) -> list[int]:
    return [held.user_id for held in who_is_on_call(at=at)]


class TestTakeOver:
    @pytest.mark.clause("C22")
    def test_the_secondary_takes_over_until_the_shift_ends(
        self, primary: Rota, crew: list[User]
    ) -> None:
        make_secondary(primary)
        ann, ben, cleo = crew
        assert holders(NOW) == [ben.pk, cleo.pk]
        override = services.take_over(primary.pk, actor=actor_of(cleo), now=NOW)
        assert override is not None
        assert (override.user, override.created_by, override.starts_at, override.ends_at) == (
            cleo, cleo, NOW, SHIFT_ENDS,
        )  # fmt: skip
        assert override.reason == "Taken over from Ben"
        assert holders(NOW) == [cleo.pk, ann.pk]
        assert holders(SHIFT_ENDS) == [cleo.pk, ann.pk]

    @pytest.mark.clause("C22")
    def test_it_is_on_record(self, primary: Rota, crew: list[User]) -> None:
        services.take_over(primary.pk, actor=actor_of(crew[2]), now=NOW)
        events = Override.pgh_event_model.objects.values_list(  # type: ignore[attr-defined]
            "pgh_label", "user_id", "created_by_id"
        )
        assert list(events) == [("insert", crew[2].pk, crew[2].pk)]

    def test_twice_is_once(self, primary: Rota, crew: list[User]) -> None:
        services.take_over(primary.pk, actor=actor_of(crew[2]), now=NOW)
        assert services.take_over(primary.pk, actor=actor_of(crew[2]), now=NOW + HOUR) is None
        assert Override.objects.count() == 1

    def test_taking_it_back_holds_to_the_same_end(self, primary: Rota, crew: list[User]) -> None:
        services.take_over(primary.pk, actor=actor_of(crew[2]), now=NOW)
        back = services.take_over(primary.pk, actor=actor_of(crew[1]), now=NOW + HOUR)
        assert back is not None
        assert back.ends_at == SHIFT_ENDS
        assert holders(NOW + HOUR) == [crew[1].pk]

    def test_an_override_is_taken_over_to_its_own_end(
        self, primary: Rota, crew: list[User]
    ) -> None:
        make_override(primary, crew[0], NOW - HOUR, NOW + HOUR)
        override = services.take_over(primary.pk, actor=actor_of(crew[2]), now=NOW)
        assert override is not None
        assert override.ends_at == NOW + HOUR

    def test_of_a_rota_nobody_holds_there_is_nothing_to_take(
        self, team: Team, crew: list[User]
    ) -> None:
        with pytest.raises(RotaRefused) as refused:
            services.take_over(make_rota(team).pk, actor=actor_of(crew[0]), now=NOW)
        assert refused.value.code == "nobody"

    def test_only_people_take_over(self, primary: Rota) -> None:
        for actor in (PORTAL, Actor("integration", 1, "x"), Actor("user", 10**12, "gone")):
            with pytest.raises(RotaRefused) as refused:
                services.take_over(primary.pk, actor=actor, now=NOW)
            assert refused.value.code == "not_a_person"


@pytest.mark.django_db(transaction=True)
def test_one_person_taking_over_three_times_at_once_leaves_one_override() -> None:
    """Three real connections; the rota's lock puts them in a row."""
    first, second = people.make_user(), people.make_user()
    primary = make_rota(people.make_team(), [first, second])

    def take(user: User) -> None:
        try:
            services.take_over(primary.pk, actor=actor_of(user), now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=3) as pool:
        list(pool.map(take, [first] * 3))
    assert list(Override.objects.values_list("user_id", flat=True)) == [first.pk]
    assert holders(NOW) == [first.pk]


WHO: dict[str, Callable[[Team], User]] = {
    "admin": lambda team: people.make_admin(),
    "manager": people.make_manager,
    "engineer": people.make_engineer,
    "responder": people.make_responder,
    "auditor": lambda team: people.make_auditor(),
    "other manager": lambda team: people.make_manager(people.make_team()),
    "outsider": lambda team: people.make_engineer(people.make_team()),
    "inactive": lambda team: people.make_engineer(team, is_active=False),
}


@pytest.mark.parametrize(
    ("verb", "may"),
    [
        ("take over", {"admin", "manager", "engineer", "responder"}),
        ("override for oneself", {"admin", "manager", "engineer", "responder"}),
        ("override for another", {"admin", "manager"}),
        ("take another's back", {"admin", "manager"}),
        ("take one's own back", set(WHO) - {"inactive"}),
        ("take back what a manager gave", {"admin", "manager"}),
    ],
)
@pytest.mark.parametrize("who", WHO)
def test_who_may_say_which_verb(
    who: str, verb: str, may: set[str], team: Team, primary: Rota, crew: list[User]
) -> None:
    asker = WHO[who](team)
    actor = actor_of(asker)
    given = make_override(primary, asker, NOW + DAY, NOW + DAY * 2)
    others = make_override(primary, crew[0], NOW + DAY, NOW + DAY * 2)
    own = make_override(primary, asker, NOW + DAY, NOW + DAY * 2)
    Override.objects.filter(pk=own.pk).update(created_by=asker)
    times: Any = {"starts_at": NOW, "ends_at": NOW + HOUR, "actor": actor, "now": NOW}
    say: dict[str, Callable[[], object]] = {
        "take over": lambda: services.take_over(primary.pk, actor=actor, now=NOW),
        "override for oneself": lambda: services.add_override(
            primary.pk, user_id=asker.pk, **times
        ),
        "override for another": lambda: services.add_override(
            primary.pk, user_id=crew[0].pk, **times
        ),
        "take another's back": lambda: services.remove_override(others.pk, actor=actor, now=NOW),
        "take one's own back": lambda: services.remove_override(own.pk, actor=actor, now=NOW),
        "take back what a manager gave": lambda: services.remove_override(
            given.pk, actor=actor, now=NOW
        ),
    }
    if who in may:
        say[verb]()
    else:
        with pytest.raises((PermissionDenied, RotaRefused)):
            say[verb]()


class TestOverride:
    def add(self, rota: Rota, user: User, **changed: Any) -> Override:
        times: dict[str, Any] = {
            "starts_at": NOW + HOUR,
            "ends_at": NOW + DAY,
            "now": NOW,
            "actor": PORTAL,
        }
        return services.add_override(rota.pk, user_id=user.pk, **(times | changed))

    def test_it_is_made_once_until_another_lies_over_it(
        self, primary: Rota, crew: list[User]
    ) -> None:
        ann, ben, _ = crew
        first = self.add(primary, ann, reason="Dentist")
        assert self.add(primary, ann, now=NOW + timedelta(minutes=1)) == first
        self.add(primary, ben, now=NOW + timedelta(minutes=2))
        again = self.add(primary, ann, now=NOW + timedelta(minutes=3))
        assert again != first
        assert holders(NOW + HOUR) == [ann.pk]

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"ends_at": NOW + HOUR}, "ends_before_it_starts"),
            ({"ends_at": NOW}, "ends_before_it_starts"),
            ({"starts_at": NOW - DAY, "ends_at": NOW}, "past"),
            ({"ends_at": NOW + timedelta(days=368)}, "too_long"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, primary: Rota, crew: list[User], changed: dict[str, datetime], code: str
    ) -> None:
        with pytest.raises(RotaRefused) as refused:
            self.add(primary, crew[0], **changed)
        assert refused.value.code == code
        assert not Override.objects.exists()

    def test_the_inactive_are_not_put_on_call(self, primary: Rota) -> None:
        with pytest.raises(RotaRefused) as refused:
            self.add(primary, people.make_user(is_active=False))
        assert refused.value.code == "inactive"

    def test_one_to_come_goes_one_that_runs_ends_one_that_is_over_stays(
        self, primary: Rota, crew: list[User]
    ) -> None:
        over = make_override(primary, crew[0], NOW - DAY, NOW - HOUR)
        runs = make_override(primary, crew[0], NOW - HOUR, NOW + HOUR)
        comes = make_override(primary, crew[0], NOW + HOUR, NOW + DAY)
        for _ in range(2):
            for override in (over, runs, comes):
                services.remove_override(override.pk, actor=PORTAL, now=NOW)
        assert dict(Override.objects.values_list("pk", "ends_at")) == {
            over.pk: NOW - HOUR,
            runs.pk: NOW,
        }

    def test_the_database_refuses_what_cannot_be(self, primary: Rota, crew: list[User]) -> None:
        for length in (timedelta(0), -HOUR, timedelta(days=367)):
            with pytest.raises(IntegrityError), transaction.atomic():
                make_override(primary, crew[0], NOW, NOW + length)
        for wrong in (
            {"length": 0},
            {"offset": 0},
            {"handoff_weekday": 7},
            {"derived_from": primary},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Plan.objects.filter(rota=primary).update(**wrong)
