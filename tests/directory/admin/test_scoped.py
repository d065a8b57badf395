"""The admin of people, teams and services: each door once open, once closed, and at a constant price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from deadlines.extension import PORTAL
from directory import permissions, queries, services
from directory.enums import Role, Scope
from directory.models import ApiToken, Membership, RoleHolder, Service, Team, User
from procedures.models import Role as ProcedureRole
from tests.directory import factories
from tests.directory.forms import form_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return factories.make_team("platform")


@pytest.fixture
def enter(client: Client) -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client.force_login(User.objects.get(pk=user.pk))
        return client

    return signed_in


def change(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listed(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_engineers_do_not_enter(team: Team, enter: Any) -> None:
    assert enter(factories.make_engineer(team)).get(listed(Team)).status_code == 302


class TestTeam:
    def test_a_manager_edits_the_team(self, team: Team, enter: Any) -> None:
        browser = enter(factories.make_manager(team))
        form = form_of(browser.get(change(team)))
        answer = browser.post(
            change(team), form | {"zone": "Europe/Berlin", "workdays": ["0", "3"]}
        )
        assert answer.status_code == 302, answer.context["errors"]
        team.refresh_from_db()
        assert (team.zone, team.workdays) == ("Europe/Berlin", [0, 3])

    def test_not_its_procedure_or_its_managers(self, team: Team, enter: Any) -> None:
        manager, other = factories.make_manager(team), factories.make_procedure()
        browser = enter(manager)
        form = form_of(browser.get(change(team)))
        assert not {"procedure", "managers", "slug"} & set(form)
        browser.post(change(team), form | {"procedure": other.pk, "managers": [], "slug": "mine"})
        team.refresh_from_db()
        assert (team.slug, team.procedure != other) == ("platform", True)
        assert list(queries.managers_of(team.pk)) == [manager]

    def test_another_teams_manager_and_an_auditor_only_look(self, team: Team, enter: Any) -> None:
        for user in (factories.make_manager(factories.make_team()), factories.make_auditor()):
            browser = enter(user)
            assert browser.get(change(team)).status_code == 200
            assert browser.post(change(team), {"zone": "Asia/Tokyo"}).status_code == 403
        team.refresh_from_db()
        assert team.zone == "UTC"

    def test_an_admin_names_managers(self, team: Team, enter: Any) -> None:
        old, new = factories.make_manager(team), factories.make_user()
        browser = enter(factories.make_admin())
        form = form_of(browser.get(change(team)))
        assert form["managers"] == [str(old.pk)]
        browser.post(change(team), form | {"managers": [str(new.pk)]})
        assert list(queries.managers_of(team.pk)) == [new]
        assert not User.objects.get(pk=old.pk).is_staff

    def test_members_come_and_go_with_what_goes_with_membership(
        self, team: Team, enter: Any
    ) -> None:
        leaves, comes = factories.make_engineer(team), factories.make_user()
        browser = enter(factories.make_manager(team))
        form = form_of(browser.get(change(team)))
        answer = browser.post(
            change(team),
            form
            | {
                "memberships-TOTAL_FORMS": "2",
                "memberships-0-DELETE": "on",
                "memberships-1-user": str(comes.pk),
                "memberships-1-position": "1",
                "memberships-1-team": str(team.pk),
                "memberships-1-id": "",
            },
        )
        assert answer.status_code == 302, answer.context["errors"]
        assert queries.members_of(team.pk) == (comes.pk,)
        assert permissions.responds_for(User.objects.get(pk=comes.pk), team.pk)
        assert not permissions.responds_for(User.objects.get(pk=leaves.pk), team.pk)

    @pytest.mark.clause("C12", "C23")
    def test_a_role_is_chosen_from_the_teams_procedure(self, team: Team, enter: Any) -> None:
        ProcedureRole.objects.create(
            procedure=team.procedure,
            slug="engineering-manager",
            name="Engineering Manager",
            position=1,
        )
        holder = factories.make_user()
        browser = enter(factories.make_manager(team))
        form = form_of(browser.get(change(team)))
        row = {
            "role_holders-TOTAL_FORMS": "1",
            "role_holders-0-user": str(holder.pk),
            "role_holders-0-position": "0",
            "role_holders-0-team": str(team.pk),
        }
        browser.post(change(team), form | row | {"role_holders-0-role": "no-such-role"})
        assert not RoleHolder.objects.exists()
        browser.post(change(team), form | row | {"role_holders-0-role": "engineering-manager"})
        assert queries.roles_of(team.pk)["engineering-manager"].holders == (holder.pk,)

    def test_only_admins_make_teams_and_open_the_object_permissions(
        self, team: Team, enter: Any
    ) -> None:
        add = reverse("admin:directory_team_add")
        grants = reverse("admin:directory_team_permissions", args=[team.pk])
        browser = enter(factories.make_manager(team))
        assert [browser.get(url).status_code for url in (add, grants)] == [403, 403]
        browser = enter(factories.make_admin())
        assert [browser.get(url).status_code for url in (add, grants)] == [200, 200]


class TestService:
    def test_a_manager_adds_one_for_the_own_team_only(self, team: Team, enter: Any) -> None:
        other = factories.make_team()
        browser = enter(factories.make_manager(team))
        add = reverse("admin:directory_service_add")
        form = form_of(browser.get(add)) | {"name": "Redis", "slug": "redis"}
        browser.post(add, form | {"team": str(other.pk)})
        assert not Service.objects.exists()
        browser.post(add, form | {"team": str(team.pk)})
        assert Service.objects.get().team == team

    def test_a_manager_cannot_hand_it_to_another_team_or_take_it(
        self, team: Team, enter: Any
    ) -> None:
        other = factories.make_team()
        own, foreign = factories.make_service(team), factories.make_service(other)
        browser = enter(factories.make_manager(team))
        form = form_of(browser.get(change(own)))
        assert browser.post(change(own), form | {"team": str(other.pk)}).status_code == 200
        assert browser.post(change(foreign), form | {"team": str(team.pk)}).status_code == 403
        assert Service.objects.get(pk=own.pk).team == team
        assert Service.objects.get(pk=foreign.pk).team == other


class TestPerson:
    def test_an_admin_edits_rights(self, enter: Any) -> None:
        user = factories.make_user()
        browser = enter(factories.make_admin())
        form = form_of(browser.get(change(user)))
        assert "is_superuser" not in form
        auditors = Group.objects.get(name=Role.AUDITOR)
        browser.post(change(user), form | {"groups": [str(auditors.pk)], "is_superuser": "on"})
        user.refresh_from_db()
        assert list(user.groups.all()) == [auditors]
        assert not user.is_superuser

    def test_a_manager_edits_names_of_the_own_people_and_no_rights(
        self, team: Team, enter: Any
    ) -> None:
        engineer = factories.make_engineer(team)
        address = engineer.email
        browser = enter(factories.make_manager(team))
        form = form_of(browser.get(change(engineer)))
        wanted = {
            "name": "New Name", "email": "mine@example.org", "is_superuser": "on", "is_staff": "on",
            "groups": [str(Group.objects.get(name=Role.ADMIN).pk)],
        }  # fmt: skip
        browser.post(change(engineer), form | wanted)
        engineer.refresh_from_db()
        assert (engineer.name, engineer.email) == ("New Name", address)
        assert (engineer.is_staff, engineer.is_superuser) == (False, False)
        assert [group.name for group in engineer.groups.all()] == [Role.ENGINEER]

    @pytest.mark.parametrize(
        "who",
        [
            lambda team: factories.make_engineer(factories.make_team()),
            lambda team: factories.make_admin(),
            lambda team: factories.make_user(is_superuser=True),
            factories.make_manager,
        ],
        ids=["another team's", "an admin", "a superuser", "a manager"],
    )
    def test_a_manager_does_not_edit(self, who: Any, team: Team, enter: Any) -> None:
        somebody = who(team)
        services.add_member(team.pk, factories.make_user().pk, actor=PORTAL)
        assert enter(factories.make_manager(team)).post(change(somebody), {}).status_code == 403

    def test_passwords_of_others_are_set_by_admins_only(self, team: Team, enter: Any) -> None:
        engineer, root = factories.make_engineer(team), factories.make_user(is_superuser=True)
        of = "admin:auth_user_password_change"
        own, roots = reverse(of, args=[engineer.pk]), reverse(of, args=[root.pk])
        assert enter(factories.make_manager(team)).get(own).status_code == 403
        browser = enter(factories.make_admin())
        assert [browser.get(url).status_code for url in (own, roots)] == [200, 403]

    def test_a_new_person_is_made(self, enter: Any) -> None:
        browser = enter(factories.make_admin())
        add = reverse("admin:directory_user_add")
        form = form_of(browser.get(add))
        answer = browser.post(
            add,
            form
            | {
                "email": "New@Example.org",
                "name": "New",
                "zone": "UTC",
                "usable_password": "false",
            },
        )
        assert answer.status_code == 302, answer.context["errors"]
        user = User.objects.get(email="new@example.org")
        assert not user.has_usable_password()


class TestToken:
    def test_one_makes_an_own_token_and_sees_the_key_once(self, team: Team, enter: Any) -> None:
        manager = factories.make_manager(team)
        browser = enter(manager)
        add = reverse("admin:directory_apitoken_add")
        form = form_of(browser.get(add))
        assert "user" not in form
        answer = browser.post(
            add,
            form | {"name": "ci", "read_only": "on", "user": factories.make_user().pk},
            follow=True,
        )
        token = ApiToken.objects.get()
        assert (token.user, token.scopes) == (manager, [Scope.READ])
        shown = answer.content.decode()
        assert f"<code>{token.prefix}" in shown
        assert "never again" in shown
        assert "never again" not in browser.get(listed(ApiToken)).content.decode()
        assert browser.get(change(token)).status_code == 200

    def test_others_tokens_are_hidden_but_from_admins_and_auditors(
        self, team: Team, enter: Any
    ) -> None:
        factories.make_key(factories.make_user())
        token = ApiToken.objects.get()
        assert enter(factories.make_manager(team)).get(change(token)).status_code == 302
        for user in (factories.make_admin(), factories.make_auditor()):
            assert enter(user).get(change(token)).status_code == 200

    def test_revoking_takes_a_post(self, team: Team, enter: Any) -> None:
        manager = factories.make_manager(team)
        factories.make_key(manager)
        token = ApiToken.objects.get()
        revoke = f"/admin/directory/apitoken/{token.pk}/revoke/"
        browser = enter(manager)
        browser.get(revoke)
        token.refresh_from_db()
        assert token.revoked_at is None
        browser.post(revoke, {"_form_submitted": "True"})
        token.refresh_from_db()
        assert token.revoked_at is not None
        stranger = enter(factories.make_manager(factories.make_team()))
        assert stranger.post(revoke, {"_form_submitted": "True"}).status_code == 403


class TestPrice:
    """A list costs the same with 1 and with 30 rows."""

    @pytest.mark.parametrize("model", [Team, User, Service, ApiToken])
    def test_lists(
        self, model: Any, team: Team, enter: Any, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        browser = enter(factories.make_admin())
        self.fill(team, 1)
        browser.get(listed(model))
        with CaptureQueriesContext(connection) as few:
            assert browser.get(listed(model)).status_code == 200
        self.fill(team, 30)
        with django_assert_num_queries(len(few)):
            browser.get(listed(model))

    def test_a_teams_page(
        self, team: Team, enter: Any, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        browser = enter(factories.make_manager(team))
        self.fill(team, 2)
        browser.get(change(team))
        with CaptureQueriesContext(connection) as few:
            browser.get(change(team))
        self.fill(team, 30)
        with django_assert_num_queries(len(few)):
            browser.get(change(team))

    def fill(self, team: Team, count: int) -> None:
        for _ in range(count):
            factories.make_service(factories.make_team())
            user = factories.make_engineer(team)
            RoleHolder.objects.create(team=team, role="ciso", user=user)
            factories.make_key(user)
        assert Membership.objects.filter(team=team).count() >= count
