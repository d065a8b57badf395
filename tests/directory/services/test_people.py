"""Members, roles, managers: what the verbs write, who may say them, and that twice is once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from deadlines.extension import PORTAL, Actor
from directory import permissions, queries, services
from directory.enums import Role
from directory.models import Membership, RoleHolder, Team, User
from directory.permissions import actor_of
from directory.rules.roles import RoleHolders
from directory.services import Holder
from tests.directory import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return factories.make_team("platform")


def fresh(user: User) -> User:
    """The person as another request would read them."""
    return User.objects.get(pk=user.pk)


class TestMembers:
    def test_an_engineer_answers_for_the_team_and_comes_last_in_its_order(self, team: Team) -> None:
        first, second = factories.make_engineer(team), factories.make_engineer(team)
        assert queries.members_of(team.pk) == (first.pk, second.pk)
        assert permissions.responds_for(fresh(second), team.pk)
        assert permissions.groups_of(fresh(second)) == {Role.ENGINEER}
        assert not fresh(second).is_staff

    def test_adding_twice_is_adding_once(self, team: Team) -> None:
        user = factories.make_engineer(team)
        services.add_member(team.pk, user.pk, actor=PORTAL)
        assert list(Membership.objects.values_list("user_id", "position")) == [(user.pk, 0)]

    def test_a_responder_answers_for_no_team(self, team: Team) -> None:
        user = fresh(factories.make_responder(team))
        assert not permissions.responds_for(user, team.pk)
        assert list(permissions.visible_teams(user)) == [team]

    def test_who_is_removed_no_longer_answers(self, team: Team) -> None:
        user = factories.make_engineer(team)
        for _ in range(2):
            services.remove_member(team.pk, user.pk, actor=PORTAL)
        assert not permissions.responds_for(fresh(user), team.pk)
        assert queries.members_of(team.pk) == ()

    def test_who_is_inactive_is_not_counted(self, team: Team) -> None:
        user = factories.make_engineer(team)
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert queries.members_of(team.pk) == ()
        assert not permissions.responds_for(fresh(user), team.pk)


class TestManagers:
    def test_a_manager_manages_the_one_team(self, team: Team) -> None:
        manager = fresh(factories.make_manager(team))
        other = factories.make_team()
        assert permissions.manages(manager, team.pk)
        assert permissions.responds_for(manager, team.pk)
        assert not permissions.manages(manager, other.pk)
        assert list(queries.managers_of(team.pk)) == [manager]
        assert list(queries.managers_of(other.pk)) == []
        assert manager.is_staff

    def test_withdrawn_from_the_last_team_they_leave_the_group(self, team: Team) -> None:
        other = factories.make_team()
        manager = factories.make_manager(team)
        services.grant_manager(other.pk, manager.pk, actor=PORTAL)
        services.withdraw_manager(team.pk, manager.pk, actor=PORTAL)
        assert permissions.managed_team_ids(fresh(manager)) == {other.pk}
        services.withdraw_manager(other.pk, manager.pk, actor=PORTAL)
        assert permissions.groups_of(fresh(manager)) == frozenset()
        assert not fresh(manager).is_staff

    def test_the_object_permission_alone_makes_no_manager(self, team: Team) -> None:
        manager = factories.make_manager(team)
        manager.groups.clear()
        assert not permissions.manages(fresh(manager), team.pk)

    def test_an_admin_edits_every_team_and_manages_none(self, team: Team) -> None:
        for admin in (factories.make_admin(), factories.make_user(is_superuser=True)):
            admin = fresh(admin)
            assert permissions.may_edit_team(admin, team.pk)
            assert not permissions.manages(admin, team.pk)
            assert admin in queries.admins()


WHO: dict[str, Callable[[Team], User]] = {
    "admin": lambda team: factories.make_admin(),
    "manager": factories.make_manager,
    "engineer": factories.make_engineer,
    "responder": factories.make_responder,
    "auditor": lambda team: factories.make_auditor(),
    "other manager": lambda team: factories.make_manager(factories.make_team()),
    "outsider": lambda team: factories.make_engineer(factories.make_team()),
}


@pytest.mark.parametrize(
    ("verb", "may"),
    [
        ("members", {"admin", "manager"}),
        ("roles", {"admin", "manager"}),
        ("managers", {"admin"}),
        ("groups", {"admin"}),
        ("tokens of others", {"admin"}),
        ("own tokens", set(WHO)),
    ],
)
@pytest.mark.parametrize("who", WHO)
def test_who_may_say_which_verb(team: Team, who: str, verb: str, may: set[str]) -> None:
    asker, somebody = WHO[who](team), factories.make_user()
    actor = actor_of(asker)
    say: dict[str, Callable[[], object]] = {
        "members": lambda: services.add_member(team.pk, somebody.pk, actor=actor),
        "roles": lambda: services.set_role_holder(team.pk, "ciso", somebody.pk, actor=actor),
        "managers": lambda: services.grant_manager(team.pk, somebody.pk, actor=actor),
        "groups": lambda: services.grant_role(somebody.pk, Role.AUDITOR, actor=actor),
        "tokens of others": lambda: services.create_token(
            somebody.pk, "x", actor=actor, now=factories.NOW
        ),
        "own tokens": lambda: services.create_token(asker.pk, "x", actor=actor, now=factories.NOW),
    }
    if who in may:
        say[verb]()
    else:
        with pytest.raises(PermissionDenied):
            say[verb]()


def test_an_integration_or_somebody_gone_may_nothing(team: Team) -> None:
    user = factories.make_user()
    for actor in (
        Actor("integration", 1, "x"),
        Actor("user", 10**12, "gone"),
        Actor("user", None, "x"),
    ):
        with pytest.raises(PermissionDenied):
            services.add_member(team.pk, user.pk, actor=actor)


class TestRoles:
    @pytest.mark.clause("C12", "C23")
    def test_a_role_has_a_holder_and_a_backup(self, team: Team) -> None:
        holder, backup = factories.make_user(), factories.make_user()
        services.set_role_holder(
            team.pk, "engineering-manager", holder.pk, backup_id=backup.pk, actor=PORTAL
        )
        assert queries.roles_of(team.pk) == {
            "engineering-manager": RoleHolders((holder.pk,), (backup.pk,))
        }

    def test_a_new_holder_takes_the_place_of_the_old(self, team: Team) -> None:
        old, new = factories.make_user(), factories.make_user()
        services.set_role_holder(team.pk, "ciso", old.pk, actor=PORTAL)
        services.set_role_holder(team.pk, "ciso", new.pk, actor=PORTAL)
        assert queries.roles_of(team.pk) == {"ciso": RoleHolders((new.pk,))}

    def test_several_hold_the_security_teams_role_in_order(self, team: Team) -> None:
        people = [factories.make_user() for _ in range(3)]
        wanted = [Holder(person.pk) for person in reversed(people)]
        for _ in range(2):
            services.set_role_holders(team.pk, "security-team", wanted, actor=PORTAL)
        assert queries.roles_of(team.pk)["security-team"].holders == tuple(
            h.user_id for h in wanted
        )

    def test_the_inactive_are_left_out(self, team: Team) -> None:
        holder, backup = factories.make_user(), factories.make_user()
        services.set_role_holder(team.pk, "ciso", holder.pk, backup_id=backup.pk, actor=PORTAL)
        User.objects.filter(pk=holder.pk).update(is_active=False)
        assert queries.roles_of(team.pk) == {"ciso": RoleHolders((), (backup.pk,))}

    def test_nobody_backs_themselves(self, team: Team) -> None:
        user = factories.make_user()
        with pytest.raises(IntegrityError), transaction.atomic():
            RoleHolder.objects.create(team=team, role="ciso", user=user, backup=user)


class TestTeams:
    @pytest.mark.clause("X10")
    def test_a_teams_calendar_begins_as_the_procedures(self) -> None:
        procedure = factories.make_procedure()
        procedure.zone, procedure.opens = "Europe/Berlin", time(8)
        procedure.workdays = ["monday", "thursday"]
        procedure.holiday_country, procedure.holiday_subdivision = "DE", "BE"
        team = services.create_team("ops", "Operations", procedure, actor=PORTAL, closes=time(16))
        calendar = queries.calendar_of(team)
        assert (calendar.zone, calendar.opens, calendar.closes) == (
            "Europe/Berlin",
            time(8),
            time(16),
        )
        assert calendar.workdays == {0, 3}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"zone": "Mars/Olympus"},
            {"holiday_country": "ZZ"},
            {"holiday_subdivision": "ZZ"},
            {"opens": time(18)},
            {"workdays": []},
            {"workdays": [7]},
        ],
    )
    def test_a_calendar_that_cannot_be_is_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            services.create_team("ops", "Ops", factories.make_procedure(), actor=PORTAL, **wrong)
        assert not Team.objects.exists()

    def test_the_database_refuses_it_too(self, team: Team) -> None:
        impossible: list[dict[str, Any]] = [
            {"opens": time(18)},
            {"workdays": []},
            {"workdays": [7]},
        ]
        for wrong in impossible:
            with pytest.raises(IntegrityError), transaction.atomic():
                Team.objects.filter(pk=team.pk).update(**wrong)


class TestHistory:
    def test_every_change_of_configuration_is_kept(self, team: Team) -> None:
        user = factories.make_engineer(team)
        services.remove_member(team.pk, user.pk, actor=PORTAL)
        events = Membership.pgh_event_model.objects.order_by("pgh_id")  # type: ignore[attr-defined]
        assert list(events.values_list("pgh_label", "user_id")) == [
            ("insert", user.pk),
            ("delete", user.pk),
        ]
