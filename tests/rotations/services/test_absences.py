"""Time off: who may, what is refused, and which shifts stand in the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from deadlines.extension import PORTAL
from directory.models import Team, User
from directory.permissions import actor_of
from notifications.models import PageOut
from rotations import services
from rotations.enums import BreachKind
from rotations.models import Breach, Rota, TimeOff
from rotations.rules import resolver
from rotations.rules.facts import TeamFacts
from rotations.rules.proof import Breach as Found
from rotations.services import HandOverFirst, RotaRefused, changing
from tests.directory import factories as people
from tests.rotations.factories import make_reachable, make_rota

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 14, 3, 10, tzinfo=UTC)
MONDAY = datetime(2026, 1, 19, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def team() -> Team:
    return people.make_team("platform")


@pytest.fixture
def crew(team: Team) -> list[User]:
    return [make_reachable(team, name) for name in ("Ann", "Ben", "Cleo")]


@pytest.fixture
def primary(team: Team, crew: list[User]) -> Rota:
    """Cleo's turn is the week from Monday on."""
    return make_rota(team, crew, slug="primary")


@pytest.fixture
def on_call_while_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof that finds who is on call while away, and nothing else."""

    def prove(team: TeamFacts, *, start: datetime, end: datetime) -> tuple[Found, ...]:
        return tuple(
            Found(
                BreachKind.TIME_OFF, f"time_off:{rota.id}:{held.starts_at}", "C11", rota.level,
                rota.id, (held.user_id,), held.starts_at, held.ends_at, True,
                f"{team.people[held.user_id].name} is away",
            )
            for rota in team.rotas
            for held in resolver.holdings(rota, team.overrides, start=start, end=end)
            for off in team.time_off
            if off.user_id == held.user_id
            and off.starts_at < held.ends_at
            and held.starts_at < off.ends_at
        )  # fmt: skip

    monkeypatch.setattr(changing, "prove", prove)


def add(user: User, start: datetime = MONDAY, end: datetime = MONDAY + DAY, **said: Any) -> TimeOff:
    given: dict[str, Any] = {"actor": actor_of(user), "now": NOW, **said}
    return services.add_time_off(user.pk, starts_at=start, ends_at=end, **given)


def test_it_is_added_once(crew: list[User], primary: Rota) -> None:
    made = add(crew[0], reason="Wedding")
    assert add(crew[0], reason="Wedding") == made
    assert TimeOff.objects.get() == made
    assert (made.user, made.reason, made.created_by, made.created_at) == (
        crew[0], "Wedding", crew[0], NOW,
    )  # fmt: skip


@pytest.mark.usefixtures("on_call_while_away")
class TestShiftsInTheWay:
    @pytest.mark.clause("C11")
    def test_it_is_refused_naming_the_shifts_to_hand_over(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        cleo = crew[2]
        with pytest.raises(HandOverFirst) as refused:
            add(cleo, end=MONDAY + DAY * 60)
        assert refused.value.code == "hand_over_first"
        assert [shift.starts_at for shift in refused.value.shifts] == [
            MONDAY + timedelta(weeks=weeks) for weeks in (0, 3, 6)
        ]
        assert str(refused.value) == (
            "Hand over first: primary, 2026-01-19 09:00 to 2026-01-26 09:00 UTC;"
            " primary, 2026-02-09 09:00 to 2026-02-16 09:00 UTC;"
            " primary, 2026-03-02 09:00 to 2026-03-09 09:00 UTC."
        )
        assert not TimeOff.objects.exists()

    def test_what_was_handed_over_stands_in_nobodys_way(
        self, crew: list[User], primary: Rota
    ) -> None:
        services.add_override(
            primary.pk, user_id=crew[0].pk, starts_at=MONDAY, ends_at=MONDAY + DAY * 7,
            actor=PORTAL, now=NOW,
        )  # fmt: skip
        add(crew[2], end=MONDAY + DAY * 7)

    def test_every_team_of_the_person_is_asked(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        other = people.make_team("data")
        make_rota(other, [crew[0], crew[1]], slug="data-primary")
        with pytest.raises(HandOverFirst, match="data-primary"):
            add(crew[0])

    def test_the_manager_of_the_team_it_breaks_lets_it_stand(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        cleo = crew[2]
        boss, other = people.make_manager(team), people.make_manager(people.make_team())
        with pytest.raises(PermissionDenied):
            add(cleo, waiver_reason="I go anyway")
        with pytest.raises(PermissionDenied):
            add(cleo, actor=actor_of(other), waiver_reason="Not mine to say")
        with pytest.raises(HandOverFirst):
            add(cleo, actor=actor_of(boss))
        made = add(cleo, actor=actor_of(boss), waiver_reason="Ill; I find somebody")
        assert made.waiver_reason == "Ill; I find somebody"
        kept = Breach.objects.get()
        assert (kept.waived_by, kept.waived_reason) == (boss, "Ill; I find somebody")

    def test_a_manager_of_one_team_waives_nothing_of_another(
        self, team: Team, crew: list[User], primary: Rota
    ) -> None:
        other = people.make_team("data")
        make_rota(other, [crew[0], crew[1]], slug="data-primary")
        boss = people.make_manager(team)
        with pytest.raises(HandOverFirst, match="data-primary"):
            add(crew[0], actor=actor_of(boss), waiver_reason="Ill")

    def test_moving_it_is_judged_as_well(self, crew: list[User], primary: Rota) -> None:
        cleo = actor_of(crew[2])
        made = add(crew[2], MONDAY - DAY, MONDAY)
        with pytest.raises(HandOverFirst):
            services.change_time_off(made.pk, ends_at=MONDAY + DAY, actor=cleo, now=NOW)
        made.refresh_from_db()
        assert made.ends_at == MONDAY
        moved = services.change_time_off(
            made.pk, starts_at=MONDAY - DAY * 2, reason="Longer", actor=cleo, now=NOW
        )
        assert (moved.starts_at, moved.ends_at, moved.reason) == (
            MONDAY - DAY * 2, MONDAY, "Longer",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (MONDAY, MONDAY, "ends_before_it_starts"),
        (MONDAY, MONDAY - DAY, "ends_before_it_starts"),
        (NOW - DAY, NOW, "past"),
    ],
)
def test_what_makes_no_sense_is_refused(
    crew: list[User], primary: Rota, start: datetime, end: datetime, code: str
) -> None:
    with pytest.raises(RotaRefused) as refused:
        add(crew[0], start, end)
    assert refused.value.code == code


def test_one_to_come_goes_one_that_runs_ends_one_that_is_over_stays(
    crew: list[User], primary: Rota
) -> None:
    ann = crew[0]
    over, runs, comes = (
        TimeOff.objects.create(
            user=ann, starts_at=NOW + DAY * start, ends_at=NOW + DAY * end, created_at=NOW - DAY * 9
        )
        for start, end in ((-4, -3), (-2, 2), (4, 5))
    )
    for _ in range(2):
        for row in (over, runs, comes):
            services.remove_time_off(row.pk, actor=actor_of(ann), now=NOW)
    assert dict(TimeOff.objects.values_list("pk", "ends_at")) == {
        over.pk: NOW - DAY * 3,
        runs.pk: NOW,
    }


def test_what_has_begun_keeps_its_beginning_and_what_is_over_all(
    crew: list[User], primary: Rota
) -> None:
    made = add(crew[0])
    ann = actor_of(crew[0])
    later = MONDAY + DAY / 2
    with pytest.raises(RotaRefused) as refused:
        services.change_time_off(made.pk, starts_at=MONDAY + DAY * 0.7, actor=ann, now=later)
    assert refused.value.code == "begun"
    services.change_time_off(made.pk, ends_at=MONDAY + DAY * 2, actor=ann, now=later)
    with pytest.raises(RotaRefused) as refused:
        services.change_time_off(made.pk, ends_at=MONDAY + DAY * 9, actor=ann, now=MONDAY + DAY * 3)
    assert refused.value.code == "over"


WHO: dict[str, Callable[[Team], User]] = {
    "admin": lambda team: people.make_admin(),
    "manager": people.make_manager,
    "colleague": people.make_engineer,
    "auditor": lambda team: people.make_auditor(),
    "other manager": lambda team: people.make_manager(people.make_team()),
    "outsider": lambda team: people.make_engineer(people.make_team()),
}


@pytest.mark.parametrize("who", WHO)
def test_who_may_plan_anothers(who: str, team: Team, crew: list[User], primary: Rota) -> None:
    actor = actor_of(WHO[who](team))
    standing = TimeOff.objects.create(
        user=crew[1], starts_at=MONDAY, ends_at=MONDAY + DAY, created_at=NOW
    )
    verbs: list[Callable[[], object]] = [
        lambda: add(crew[0], actor=actor),
        lambda: services.change_time_off(standing.pk, reason="Else", actor=actor, now=NOW),
        lambda: services.remove_time_off(standing.pk, actor=actor, now=NOW),
    ]
    for say in verbs:
        if who in ("admin", "manager"):
            say()
        else:
            with pytest.raises(PermissionDenied):
                say()


def test_the_inactive_plan_nothing(crew: list[User], primary: Rota) -> None:
    User.objects.filter(pk=crew[0].pk).update(is_active=False)
    with pytest.raises(PermissionDenied):
        add(crew[0])
    with pytest.raises(RotaRefused) as refused:
        add(crew[0], actor=PORTAL)
    assert refused.value.code == "inactive"


def test_who_did_not_plan_it_themselves_hears_of_it(team: Team, crew: list[User]) -> None:
    boss, ann = people.make_manager(team, "Boss"), crew[0]
    row = services.add_time_off(
        ann.pk, starts_at=NOW + DAY, ends_at=NOW + DAY * 2, actor=actor_of(boss), now=NOW
    )
    services.change_time_off(row.pk, ends_at=NOW + DAY * 3, actor=actor_of(ann), now=NOW)
    services.remove_time_off(row.pk, actor=actor_of(boss), now=NOW + timedelta(hours=1))
    told = PageOut.objects.filter(subject_type="time_off").order_by("pk")
    assert [(out.user, out.message["subject"]) for out in told] == [
        (ann, "Your time off was planned"),
        (ann, "Your time off was taken back"),
    ]
