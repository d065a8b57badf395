"""Who stands in for whom."""

from __future__ import annotations

import pytest

from directory.rules.roles import RoleHolders
from rotations.rules.roster import Person, Roster

ANN, BEN, MIA, TIM = 1, 2, 3, 4
ROSTER = Roster(
    team_id=1,
    on_call={"primary": (ANN, TIM), "secondary": (BEN,)},
    roles={
        "engineering-manager": RoleHolders((MIA,), (TIM,)),
        "vp-engineering": RoleHolders((), (TIM,)),
    },
    team=(ANN, BEN),
    people={ANN: Person(ANN, "Ann", ("mail",)), BEN: Person(BEN, "Ben")},
)


@pytest.mark.clause("X13")
@pytest.mark.parametrize(
    ("level", "backup"),
    [("primary", BEN), ("secondary", MIA), ("tertiary", None), ("shadow", None)],
)
def test_who_backs_whom(level: str, backup: int | None) -> None:
    assert ROSTER.backup_of(level) == backup


@pytest.mark.clause("C12")
def test_the_tertiary_is_the_manager_unless_a_rota_says_otherwise() -> None:
    assert ROSTER.holder("tertiary") == MIA
    assert Roster(1, on_call={"tertiary": (TIM,)}, roles=ROSTER.roles).holder("tertiary") == TIM


@pytest.mark.clause("C16")
def test_the_primary_owns_what_nobody_else_does() -> None:
    assert ROSTER.default_owner == ANN


def test_a_role_without_a_holder_falls_to_its_backup() -> None:
    assert ROSTER.role("vp-engineering") == (TIM,)
    assert ROSTER.role_holders("vp-engineering") == ()
    assert ROSTER.role_backups("engineering-manager") == (TIM,)


def test_reachable() -> None:
    assert [ROSTER.reachable(user_id) for user_id in (ANN, BEN, TIM)] == [True, False, False]


@pytest.mark.clause("X13")
@pytest.mark.parametrize("secondary", [(), (ANN,)])
def test_without_another_secondary_the_manager_backs_the_primary(
    secondary: tuple[int, ...],
) -> None:
    alone = Roster(1, on_call={"primary": (ANN,), "secondary": secondary}, roles=ROSTER.roles)
    assert alone.backup_of("primary") == MIA
