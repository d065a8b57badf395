"""Overriding: the rows, the record, who may, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from deadlines.extension import PORTAL
from directory.models import Team, User
from directory.permissions import actor_of
from notifications.models import PageOut
from rotations import services
from rotations.enums import BreachKind, OverrideKind
from rotations.models import Breach, Override, Plan, Rota, Shift
from rotations.queries import who_is_on_call
from rotations.services import OverrideWanted, RosterBroken, RotaRefused
from tests.directory import factories as people
from tests.rotations.factories import (
    away_is_a_breach,
    make_method,
    make_override,
    make_reachable,
    make_rota,
    make_secondary,
)

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
    return [make_reachable(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    return make_rota(team, crew)


def holders(at: datetime) -> list[int]:
    return [held.user_id for held in who_is_on_call(at=at)]


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
    make_method(asker)
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


class TestVacancy:
    def test_a_manager_leaves_a_rota_vacant_with_a_reason(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        boss = actor_of(people.make_manager(team))
        times: Any = {"starts_at": NOW + HOUR, "ends_at": NOW + DAY, "now": NOW}
        with pytest.raises(RotaRefused) as refused:
            services.add_override(primary.pk, user_id=None, actor=boss, **times)
        assert refused.value.code == "no_reason"
        with pytest.raises(PermissionDenied):
            services.add_override(
                primary.pk, user_id=None, reason="Off", actor=actor_of(crew[0]), **times
            )
        services.add_override(
            primary.pk, user_id=None, reason="The site is closed", actor=boss,
            waiver_reason="Nothing runs", **times,
        )  # fmt: skip
        assert holders(NOW + HOUR) == []
        assert holders(NOW + DAY) == [crew[1].pk]


def test_a_retired_rota_takes_no_override(primary: Rota, crew: list[User]) -> None:
    Rota.objects.filter(pk=primary.pk).update(active=False)
    with pytest.raises(RotaRefused) as refused:
        services.add_override(
            primary.pk, user_id=crew[0].pk, starts_at=NOW, ends_at=NOW + DAY, actor=PORTAL, now=NOW
        )
    assert refused.value.code == "retired"


class TestBeyondTheHorizon:
    def test_what_lies_far_ahead_is_judged_and_told_as_well(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        boss, far = actor_of(people.make_manager(team)), SHIFT_ENDS + timedelta(weeks=40)
        times: dict[str, Any] = {"starts_at": far, "ends_at": far + DAY, "now": NOW}
        with pytest.raises(RosterBroken):
            services.add_override(primary.pk, user_id=None, reason="Closed", actor=boss, **times)
        assert not Override.objects.exists()
        holder = who_is_on_call(at=far)[0].user_id
        other = next(one for one in crew if one.pk != holder)
        services.add_override(primary.pk, user_id=other.pk, actor=boss, **times)
        told = PageOut.objects.filter(step_key__startswith="moved:")
        assert {out.user_id for out in told} == {holder, other.pk}


class TestOwnBackup:
    def test_a_plan_of_days_may_overlap_itself(
        self, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        make_secondary(primary)
        week = OverrideWanted(primary.pk, crew[0].pk, SHIFT_ENDS, SHIFT_ENDS + DAY * 7)
        day = OverrideWanted(primary.pk, crew[1].pk, SHIFT_ENDS + DAY, SHIFT_ENDS + DAY * 2)
        services.add_overrides([week, day], actor=PORTAL, now=NOW)
        assert holders(SHIFT_ENDS + DAY)[0] == crew[1].pk
        assert holders(SHIFT_ENDS + DAY * 2)[0] == crew[0].pk

    @pytest.mark.clause("C11")
    def test_who_holds_the_primary_is_not_made_secondary(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        with pytest.raises(RotaRefused) as refused:
            services.add_override(
                second.pk, user_id=crew[1].pk, starts_at=NOW + HOUR, ends_at=NOW + DAY,
                actor=PORTAL, now=NOW,
            )  # fmt: skip
        assert refused.value.code == "own_backup"
        assert refused.value.message == (
            "Ben holds the level above at 2026-01-14 04:10 UTC. Nobody is their own backup."
        )
        assert not Override.objects.exists()

    @pytest.mark.clause("C11")
    def test_primary_and_secondary_change_places_in_one_stroke(
        self, primary: Rota, crew: list[User]
    ) -> None:
        second = make_secondary(primary)
        _, ben, cleo = crew
        services.add_overrides(
            [
                OverrideWanted(second.pk, ben.pk, NOW + HOUR, NOW + DAY),
                OverrideWanted(primary.pk, cleo.pk, NOW + HOUR, NOW + DAY),
            ],
            actor=PORTAL,
            now=NOW,
        )
        assert holders(NOW + HOUR) == [cleo.pk, ben.pk]


class TestProof:
    """What the proof finds refuses the override, whole."""

    def plan(self, rota: Rota, crew: list[User]) -> list[OverrideWanted]:
        return [
            OverrideWanted(rota.pk, crew[0].pk, NOW + DAY, NOW + DAY * 2, "Holidays"),
            OverrideWanted(rota.pk, crew[2].pk, NOW + DAY * 2, NOW + DAY * 3, "Holidays"),
        ]

    def test_a_plan_of_days_is_made_whole_and_the_shifts_follow(
        self, primary: Rota, crew: list[User]
    ) -> None:
        made = services.add_overrides(self.plan(primary, crew), actor=PORTAL, now=NOW)
        assert [one.kind for one in made] == [OverrideKind.OVERRIDE] * 2
        assert services.add_overrides(
            self.plan(primary, crew), actor=PORTAL, now=NOW + HOUR
        ) == list(made)
        drawn = Shift.objects.filter(rota=primary, override__in=made).order_by("starts_at")
        assert list(drawn.values_list("user_id", "starts_at", "ends_at", "why")) == [
            (crew[0].pk, NOW + DAY, NOW + DAY * 2, "override"),
            (crew[2].pk, NOW + DAY * 2, NOW + DAY * 3, "override"),
        ]

    @pytest.mark.clause("C11")
    def test_what_breaks_the_roster_is_refused_whole(
        self, monkeypatch: pytest.MonkeyPatch, primary: Rota, crew: list[User]
    ) -> None:
        away_is_a_breach(monkeypatch, crew[2])
        services.add_override(
            primary.pk, user_id=crew[0].pk, starts_at=NOW + DAY, ends_at=NOW + DAY * 2,
            actor=PORTAL, now=NOW,
        )  # fmt: skip
        Override.objects.all().delete()
        with pytest.raises(RosterBroken) as refused:
            services.add_overrides(self.plan(primary, crew), actor=PORTAL, now=NOW)
        assert refused.value.code == "roster_broken"
        assert [one.kind for one in refused.value.breaches] == [BreachKind.TIME_OFF]
        assert refused.value.message == "The roster would break: Cleo is away."
        assert not Override.objects.exists()
        assert not Breach.objects.filter(gone_at=None).exists()

    def test_a_manager_lets_it_stand_with_a_reason_that_is_kept(
        self, monkeypatch: pytest.MonkeyPatch, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        away_is_a_breach(monkeypatch, crew[2])
        boss = people.make_manager(team)
        times: Any = {"starts_at": NOW + DAY, "ends_at": NOW + DAY * 2, "now": NOW}
        for who, error in ((boss, RosterBroken), (crew[2], RosterBroken)):
            with pytest.raises(error):
                services.add_override(primary.pk, user_id=crew[2].pk, actor=actor_of(who), **times)
        with pytest.raises(PermissionDenied):
            services.add_override(
                primary.pk, user_id=crew[2].pk, actor=actor_of(crew[2]), waiver_reason="I will do",
                **times,
            )  # fmt: skip
        services.add_override(
            primary.pk, user_id=crew[2].pk, actor=actor_of(boss), waiver_reason="She offered",
            **times,
        )  # fmt: skip
        kept = Breach.objects.get(gone_at=None)
        assert (kept.waived_by, kept.waived_reason, kept.waived_at) == (boss, "She offered", NOW)

    def test_taking_one_back_is_proved_as_well(
        self, monkeypatch: pytest.MonkeyPatch, team: Team, primary: Rota, crew: list[User]
    ) -> None:
        whole_shift: Any = {"starts_at": SHIFT_ENDS, "ends_at": SHIFT_ENDS + DAY * 7}
        instead = services.add_override(
            primary.pk, user_id=crew[0].pk, actor=PORTAL, now=NOW, **whole_shift
        )
        away_is_a_breach(monkeypatch, crew[2], by_turn=True)
        with pytest.raises(RosterBroken):
            services.remove_override(instead.pk, actor=PORTAL, now=NOW)
        assert Override.objects.filter(pk=instead.pk).exists()
        boss = actor_of(people.make_manager(team))
        services.remove_override(instead.pk, actor=boss, now=NOW, waiver_reason="She is back")
        assert not Override.objects.exists()
